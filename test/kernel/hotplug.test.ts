/**
 * CPU hotplug: the events that listeners see, and defects that the tests in the guest (kernel/test/hotplug.ts) must find. Wrong counts, deadlocks and
 * starving: test/scenario/hotplug-2012.test.ts.
 */
import { describe, expect, test } from "vitest";
import { compile, compileGuest, onOurs, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

const TIMEOUT = 60_000;
const GUEST = "hotplug";
const TASKS = ["events", "failing_events", "states"];

const images = new Map<string, Uint8Array>();
/** The guest with one configuration key changed. */
function image(key: string, value: string): Uint8Array {
  const name = `${key}=${value}`;
  const elf = images.get(name) ?? compileGuest(GUEST, TASKS, key === "" ? {} : { [key]: value });
  images.set(name, elf);
  return elf;
}

const eventsOf = (text: string): string[] => [...text.matchAll(/\] event: (.*)$/gm)].map((match) => match[1]!.trim());

describe("events", () => {
  test("down, up, and each listener refusing, in the notifier chain", { timeout: TIMEOUT }, () => {
    expect(eventsOf(onOurs(image("", ""), 2, 1, ["events"]))).toMatchInlineSnapshot(`
      [
        "high DOWN_PREPARE(1)",
        "middle DOWN_PREPARE(1)",
        "low DOWN_PREPARE(1)",
        "high DYING(1)",
        "middle DYING(1)",
        "low DYING(1)",
        "high DEAD(1)",
        "middle DEAD(1)",
        "low DEAD(1)",
        "high POST_DEAD(1)",
        "middle POST_DEAD(1)",
        "low POST_DEAD(1)",
        "cpu_down = 0",
        "high UP_PREPARE(1)",
        "middle UP_PREPARE(1)",
        "low UP_PREPARE(1)",
        "high STARTING(1)",
        "middle STARTING(1)",
        "low STARTING(1)",
        "high ONLINE(1)",
        "middle ONLINE(1)",
        "low ONLINE(1)",
        "cpu_up = 0",
        "high DOWN_PREPARE(1)",
        "middle DOWN_PREPARE(1)",
        "low DOWN_PREPARE(1) refused",
        "high DOWN_FAILED(1)",
        "middle DOWN_FAILED(1)",
        "low refuses: cpu_down = -1",
        "high DOWN_PREPARE(1) refused",
        "high refuses: cpu_down = -1",
        "high DOWN_PREPARE(1)",
        "middle DOWN_PREPARE(1) refused",
        "high DOWN_FAILED(1)",
        "middle refuses: cpu_down = -1",
        "high DOWN_PREPARE(1)",
        "middle DOWN_PREPARE(1)",
        "low DOWN_PREPARE(1)",
        "high DYING(1)",
        "middle DYING(1)",
        "low DYING(1)",
        "high DEAD(1)",
        "middle DEAD(1)",
        "low DEAD(1)",
        "high POST_DEAD(1)",
        "middle POST_DEAD(1)",
        "low POST_DEAD(1)",
        "high UP_PREPARE(1)",
        "middle UP_PREPARE(1)",
        "low UP_PREPARE(1) refused",
        "high UP_CANCELED(1)",
        "middle UP_CANCELED(1)",
        "low refuses: cpu_up = -1",
        "high UP_PREPARE(1) refused",
        "high refuses: cpu_up = -1",
        "high UP_PREPARE(1)",
        "middle UP_PREPARE(1) refused",
        "high UP_CANCELED(1)",
        "middle refuses: cpu_up = -1",
      ]
    `);
  });

  test("the state machine tells notifiers the same", { timeout: TIMEOUT }, () => {
    const [chain, states] = [image("", ""), image("hotplug.chain", "states")].map((elf) => eventsOf(onOurs(elf, 2, 1, ["events"])));
    expect(states).toEqual(chain);
  });

  test("states go down in the opposite order, and back from where one refuses", { timeout: TIMEOUT }, () => {
    expect(eventsOf(onOurs(image("hotplug.chain", "states"), 2, 1, ["states"]))).toMatchInlineSnapshot(`
      [
        "last down, on the CPU",
        "first down, on the CPU",
        "prepare down, elsewhere",
        "cpu_down = 0",
        "prepare up, elsewhere",
        "first up, on the CPU",
        "last up, on the CPU",
        "cpu_up = 0",
        "last down, on the CPU",
        "cpu_down = -5",
        "last down, on the CPU",
        "first down, on the CPU",
        "prepare down, elsewhere",
        "prepare up, elsewhere",
        "first up, on the CPU",
        "last up, on the CPU",
        "first down, on the CPU",
        "prepare down, elsewhere",
        "cpu_up = -5",
      ]
    `);
  });

  test("a hart that does not start: everybody is told that it was cancelled", { timeout: TIMEOUT }, () => {
    const elf = compileGuest(GUEST, TASKS, {}, (files) =>
      replaceIn(files, "kernel/cpu/bringup.ts", "  const stack_top = prepare_idle(cpu);", "  if (cpu === 1) return -EIO;\n  const stack_top = prepare_idle(cpu);"),
    );
    expect(eventsOf(onOurs(elf, 2, 1, ["failing_events"]))).toMatchInlineSnapshot(`
      [
        "cpu_down = -16",
        "high UP_PREPARE(1)",
        "low UP_PREPARE(1)",
        "high UP_CANCELED(1)",
        "low UP_CANCELED(1)",
        "cpu_up = -5",
      ]
    `);
  });

  test("a CPU that does not stop: everybody is told that it stays", { timeout: TIMEOUT }, () => {
    const elf = compileGuest(GUEST, TASKS, {}, (files) =>
      replaceIn(files, "kernel/cpu/bringup.ts", "  cpumask_clear_cpu(cpu, cpu_online_mask);", "  if (cpu === 1) return -EIO;\n  cpumask_clear_cpu(cpu, cpu_online_mask);"),
    );
    expect(eventsOf(onOurs(elf, 2, 1, ["failing_events"]))).toMatchInlineSnapshot(`
      [
        "high DOWN_PREPARE(1)",
        "low DOWN_PREPARE(1)",
        "high DOWN_FAILED(1)",
        "low DOWN_FAILED(1)",
        "cpu_down = -5",
        "cpu_up = -22",
      ]
    `);
  });
});

const TWINS: [name: string, task: string, file: string, piece: string, by: string, line: RegExp][] = [
  [
    "one too many is told of the end", "test_cpu_notifier", "kernel/cpu/notifier.ts",
    "__cpu_notify(undo, cpu, calls - 1,", "__cpu_notify(undo, cpu, calls,", /^# cpu notifier: those behind the one that refuses hear nothing/,
  ],
  [
    "priorities that nobody looks at", "test_cpu_notifier", "kernel/lib/notifier.ts",
    "if (nb.priority > at.priority) break;", "if (nb.priority > 0x7fff_0000) break;", /^# cpu notifier: what a listener is told, and when/,
  ],
  [
    "a writer that does not wait for readers", "test_get_online_cpus", "kernel/cpu/lock.ts",
    "if (likely(cpu_hotplug.refcount === 0)) break;", "if (likely(cpu_hotplug.refcount < 99)) return;", /^# get_online_cpus: CPUs that came or went beside a reader/,
  ],
  [
    "timers that nobody takes over", "test_cpu_legacy", "kernel/cpu/listeners.ts",
    "  timers_dying_cpu(cpu,", "  if (cpu < 99) return 0;\n  timers_dying_cpu(cpu,", /^# cpu legacy: a timer of a CPU that went fires once: 0, expected 1/,
  ],
];

test.each(TWINS)("%s", { timeout: TIMEOUT }, (_name, task, file, piece, by, line) => {
  const elf = compile({}, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(runOnOurs(elf, 4, 1, [task], 300_000_000).text)).toContainEqual(expect.stringMatching(line));
});
