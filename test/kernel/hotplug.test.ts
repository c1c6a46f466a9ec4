/**
 * CPU hotplug: the events that listeners see, what each way of counting readers does when the count is wrong, what readers deadlock
 * on, and defects that the tests in the guest (kernel/test/hotplug.ts) must find. Numbers C3 … C15 are the cases of the list in
 * docs/kernel/hotplug.md.
 */
import { describe, expect, test } from "vitest";
import { compile, compileGuest, onOurs, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

const TIMEOUT = 60_000;
const GUEST = "hotplug";
const TASKS = [
  "events", "failing_events", "verdict", "writer", "culprit", "victim", "destroyer", "destroyer_fixed", "registrar", "registrar_fixed", "nesting",
  "overlapping", "starving_writer", "sleeper", "states",
];

const images = new Map<string, Uint8Array>();
/** The guest with one configuration key changed. */
function image(key: string, value: string): Uint8Array {
  const name = `${key}=${value}`;
  const elf = images.get(name) ?? compileGuest(GUEST, TASKS, key === "" ? {} : { [key]: value });
  images.set(name, elf);
  return elf;
}

const eventsOf = (text: string): string[] => [...text.matchAll(/\] event: (.*)$/gm)].map((match) => match[1]!.trim());
const verdictOf = (text: string): string => /\] verdict: (writer .*)$/m.exec(text)?.[1]?.trim() ?? "none";
/** Who stood at the scene of each warning or BUG. */
const blamed = (text: string): string[] =>
  [...text.matchAll(/(WARNING|BUG): [\s\S]*?Comm: (\w+)/g)].map((match) => `${match[1]} in ${match[2]}`);

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

describe("a put too many (C4, C5, C6)", () => {
  const UNDERFLOWS: [variant: string, verdict: string, blame: string[]][] = [
    ["none", "writer hangs, reader ended", []],
    ["get", "writer hangs, reader ended", ["WARNING in victim", "WARNING in victim"]],
    ["put-warn", "writer ended, reader ended", ["WARNING in culprit"]],
    ["akpm-wrong", "writer hangs, reader ended", []],
  ];
  const names = ["culprit", "victim", "writer", "verdict"];

  test.each(UNDERFLOWS)("hotplug.underflow=%s: %s, %j", { timeout: TIMEOUT }, (variant, verdict, blame) => {
    const text = onOurs(image("hotplug.underflow", variant), 4, 1, names);
    expect(verdictOf(text), text).toBe(verdict);
    expect(blamed(text), text).toEqual(blame);
  });

  test("hotplug.underflow=put-bug: the culprit is the end", { timeout: TIMEOUT }, () => {
    const { stop, text } = runOnOurs(image("hotplug.underflow", "put-bug"), 4, 1, names);
    expect(stop.kind, text).toBe("failure");
    expect(blamed(text), text).toEqual(["BUG in culprit"]);
    expect(text).toContain("kernel BUG: put_online_cpus without get_online_cpus");
  });
});

test.each([
  ["C3: no put too many", "none", ["destroyer", "writer", "verdict"], "writer ended, reader ended"],
  ["C3: a put too many, two locks in both orders", "none", ["culprit", "destroyer", "writer", "verdict"], "writer hangs, reader hangs"],
  ["C3: the list's lock released before", "none", ["culprit", "destroyer_fixed", "writer", "verdict"], "writer ended, reader ended"],
  ["C3: the count repaired", "put-warn", ["culprit", "destroyer", "writer", "verdict"], "writer ended, reader ended"],
  ["C9: a reader registers", "none", ["registrar", "writer", "verdict"], "writer hangs, reader hangs"],
  ["C9: the bracket outside", "none", ["registrar_fixed", "writer", "verdict"], "writer ended, reader ended"],
  ["C12: a counted reader nests", "none", ["nesting", "writer", "verdict"], "writer ended, reader ended"],
])("%s", { timeout: TIMEOUT }, (_name, underflow, names, expected) => {
  const text = onOurs(image("hotplug.underflow", underflow), 4, 1, names);
  expect(verdictOf(text), text).toBe(expected);
});

test("C12: a reader of the percpu-rwsem that nests waits for the writer that waits for it", { timeout: TIMEOUT }, () => {
  const text = onOurs(image("hotplug.lock", "percpu-rwsem"), 4, 1, ["nesting", "writer", "verdict"]);
  expect(verdictOf(text), text).toBe("writer hangs, reader hangs");
});

test.each([
  ["hotplug.underflow", "none", "all"],
  ["hotplug.lock", "percpu-rwsem", "some"],
])("C13: %s=%s: readers without a gap let the writer in after %s reads", { timeout: TIMEOUT }, (key, value, reads) => {
  expect(onOurs(image(key, value), 4, 1, ["overlapping", "overlapping", "starving_writer"])).toContain(`verdict: in after ${reads} reads`);
});

test("C15: a listener that sleeps at DYING", { timeout: TIMEOUT }, () => {
  const { text } = runOnOurs(image("", ""), 2, 1, ["sleeper"], 30_000_000);
  expect(text).toMatch(/BUG: sleeping function called from invalid context/);
  expect(text).toMatch(/Comm: migration\/1[\s\S]*sleep_while_dying/);
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
