/** Preemption models: the same test in each, and functions that may sleep called where they must not. */
import { describe, expect, test } from "vitest";
import { compile, compileGuest, judge, namesOf, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const MODELS = ["none", "voluntary", "full", "rt"] as const;
const NAMES = namesOf("preempt");

describe.each(MODELS)("preempt = %s", (preempt) => {
  test("a running task gives way where the model says, and nowhere else", { timeout: 60_000 }, () => {
    const elf = compile({ preempt });
    for (const harts of [1, 4]) judge(onOurs(elf, harts, 1, NAMES), NAMES);
  });
});

test.each([
  ["none", "kernel/irq/irq.ts", "if (PREEMPTION && ", "if (", "preempted anywhere: 1, expected 0"],
  ["full", "kernel/irq/irq.ts", "if (PREEMPTION && ", "if (false && ", "preempted anywhere: 0, expected 1"],
  ["none", "kernel/sched/preempt.ts", "if (!PREEMPTION) {", "if (false) {", "preempted at the end of a section: 1, expected 0"],
  ["voluntary", "kernel/sched/preempt.ts", "CONFIG.preempt === PREEMPT.voluntary && ", "false && ", "gives way at might_sleep: 0, expected 1"],
] as const)("a kernel of model %s with the wrong preemption points in %s", { timeout: 60_000 }, (preempt, file, piece, by, complaint) => {
  const elf = compile({ preempt }, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(onOurs(elf, 2, 1, NAMES))).toContain(`# preempt_model: ${complaint}`);
});

describe("might_sleep", () => {
  const tasks = ["innocent", "lock_under_spinlock", "allocate_with_irqs_off", "sleep_as_reader", "schedule_without_preemption"];
  const complaints = (text: string) => [...text.matchAll(/\] (BUG: .*|in_atomic.*|preempt_count.*|RCU nest.*)\r?/g)].map((match) => match[1]!);

  test("complains about each caller that must not sleep, and about nobody else", { timeout: 60_000 }, () => {
    const text = onOurs(compileGuest("sleepers", tasks), 2, 1, tasks);
    const said = complaints(text).map((line) => line.replace(/\+0x.*/, "").replace(/pid: \d+, name: .*/, "").replace(/\/\d+\//, "/N/"));
    expect(said, text).toEqual([
      "BUG: sleeping function called from invalid context at lock_under_spinlock",
      "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, ",
      "preempt_count: 1, expected: 0",
      "RCU nest depth: 0, expected: 0",
      "BUG: sleeping function called from invalid context at kmalloc",
      "in_atomic(): 0, irqs_disabled(): 1, non_block: 0, ",
      "preempt_count: 0, expected: 0",
      "RCU nest depth: 0, expected: 0",
      "BUG: sleeping function called from invalid context at sleep_as_reader",
      "in_atomic(): 0, irqs_disabled(): 0, non_block: 0, ",
      "preempt_count: 0, expected: 0",
      "RCU nest depth: 1, expected: 0",
      "BUG: scheduling while atomic: schedule_withou/N/0x00000002",
    ]);
    expect(text).toMatch(/Call Trace:[\s\S]*__might_sleep\+0x[\s\S]*lock_under_spinlock\+0x/);
  });

  test("says nothing when debug.atomic_sleep is off", { timeout: 60_000 }, () => {
    const config = { "debug.atomic_sleep": false };
    expect(complaints(onOurs(compileGuest("sleepers", tasks.slice(0, 4), config), 2, 1, tasks.slice(0, 4)))).toEqual([]);
  });
});
