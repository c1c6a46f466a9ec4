/** The kernel on our machine: hotplug under load, preemption, and what it says when its code is wrong. */
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { guestSources } from "../../src/cli/files.ts";
import { build } from "../../src/compiler/build.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const WORKLOAD = "kernel/guest/tasks.ts";
const ts = createRequire(import.meta.url)("typescript");
const TASKS = [
  "churn",
  "storm",
  "calling",
  "store_to_nowhere",
  "illegal",
  "overflow",
  "hog",
  "warner",
];
const POWEROFF = { kind: "poweroff" };
const FAILURE = { kind: "failure", code: 1 };
let elf: Uint8Array;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

beforeAll(() => {
  const files = guestSources(ROOT);
  files.set(WORKLOAD, fs.readFileSync(path.join(import.meta.dirname, "guests/tasks.ts"), "utf8"));
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  elf = value(build(ts, { files, entries, workload: WORKLOAD, tasks: TASKS, config: {} })).elf;
}, 60_000);

function run(harts: number, bootargs: string, end: object): string {
  const machine = value(
    createMachine({
      harts,
      memoryBytes: 64 << 20,
      timing: "functional",
      interleave: "ahead",
      bootargs,
      lab: false,
      recordMarks: false,
    }),
  );
  value(machine.loadElf(elf));
  let console = "";
  for (;;) {
    const stop = machine.run({ maxInstructions: 400_000_000 });
    console += Buffer.from(machine.drainConsole()).toString();
    if (stop.kind === "drain") continue;
    expect(stop, console).toEqual(end);
    return console;
  }
}

test.each([
  [2, 1],
  [3, 2],
  [4, 3],
])(
  "%i harts, seed %i: every CPU comes back, nobody hangs",
  (harts, seed) => {
    const console = run(harts, `seed=${seed} task=churn@all task=storm@0 task=calling@1`, POWEROFF);
    expect(console).toMatch(/storm: [1-9]\d* CPUs went down, 0 did not come back/);
    expect(console).toContain("calling ends");
    expect(console).toMatch(/was bound to CPU\d+, which is offline: bound to CPU\d+ now/);
    expect(console).not.toMatch(/nobody answered|WARNING|BUG|Oops|panic/);
  },
  60_000,
);

test("a fault prints registers and the way to it, then the machine fails", () => {
  const console = run(2, "task=store_to_nowhere@1", FAILURE);
  expect(console).toMatch(
    /Oops: store page fault at store_to_nowhere\+0x\w+\/0x\w+, address 00000100/,
  );
  expect(console).toMatch(/CPU: 1 PID: \d+ Comm: store_to_nowher\n/);
  expect(console).toMatch(
    /Call Trace:\n.*store_to_nowhere.*\n.*scenario_thread.*\n.*kthread.*\n.*ret_from_fork/,
  );
  expect(console).toContain("Kernel panic - not syncing: Fatal exception");
});

test("an illegal instruction is a fault", () => {
  expect(run(1, "task=illegal@0", FAILURE)).toContain("Oops: illegal instruction at illegal+0x");
});

test("a stack that overflows is noticed at the next switch", () => {
  expect(run(1, "task=overflow@0", FAILURE)).toMatch(
    /corrupted stack end detected inside scheduler \(overflow\/\d+\)/,
  );
});

test("WARN_ON_ONCE reports once and goes on; preemption lets it run beside a task that never sleeps", () => {
  const console = run(1, "task=hog@0 task=warner@0", POWEROFF);
  expect(console.match(/WARNING/g)).toHaveLength(1);
  expect(console).toMatch(/Call Trace:[\s\S]*warner\+0x/);
  expect(console).toContain("warner goes on");
});
