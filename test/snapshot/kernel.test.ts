/** Snapshots of the kernel at work: the same hash, clocks and records after going back, in any order, in each mode. */
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine, loadMachine } from "../../src/machine/machine.ts";
import type { Interleave, Machine, MachineConfig, Timing } from "../../src/machine/types.ts";

let elf: Uint8Array;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

beforeAll(() => {
  const root = path.resolve(import.meta.dirname, "../..");
  elf = value(elfOf({ root, workload: null, tasks: ["churn"], config: {} }));
}, 60_000);

function boot(harts: number, timing: Timing, interleave: Interleave, bootargs = "seed=7 task=churn@all+2ms", jit = false): Machine {
  const config: MachineConfig = { harts, memoryBytes: 32 << 20, timing, interleave, bootargs, lab: true, recordMarks: true, jit };
  const machine = value(createMachine(config));
  value(machine.loadElf(elf));
  return machine;
}

/** Runs to a clock; what could be seen on the way and at the end. */
function run(machine: Machine, untilCycle: number): unknown {
  let records = 0;
  let sum = 0;
  const drain = (): void =>
    machine.drainMarks((words, count) => {
      records += count;
      for (const word of words) sum = (Math.imul(sum, 31) + word) | 0;
    });
  while (machine.run({ maxInstructions: 1e9, untilCycle }).kind === "drain") drain();
  drain();
  return {
    records,
    sum,
    console: new TextDecoder().decode(machine.drainConsole()),
    results: machine.drainLabResults(),
    harts: Array.from({ length: machine.config.harts }, (_, hart) => machine.hart(hart)),
    hash: machine.hash(),
  };
}

test.each([
  [1, "functional", "exact", false],
  [4, "functional", "ahead", true],
  [4, "cycle", "ahead", false],
  [4, "cycle", "ahead", true],
  [1, "cycle", "ahead", true],
  [2, "cycle", "exact", false],
] as const)("%i harts, %s, %s, jit: %s", (harts, timing, interleave, jit) => {
  const machine = boot(harts, timing, interleave, undefined, jit);
  const atReset = machine.snapshot();
  const boots = run(machine, 9_000_000);
  // While it prints and is about to start other harts; one with a request on its way.
  const early = machine.snapshot();
  const second = run(machine, 11_000_000);
  expect(machine.requestLab(3, 0)).not.toBeNull();
  const busy = machine.snapshot();
  const third = run(machine, 11_300_000);
  machine.restore(early);
  expect(run(machine, 11_000_000)).toEqual(second);
  machine.restore(busy);
  expect(run(machine, 11_300_000)).toEqual(third);
  machine.restore(atReset);
  expect(run(machine, 9_000_000)).toEqual(boots);
  machine.restore(busy);
  machine.restore(early);
  expect(run(machine, 11_000_000)).toEqual(second);
}, 60_000);

test.each(["functional", "cycle"] as const)("a saved kernel goes on as it would have: %s", (timing) => {
  const machine = boot(4, timing, "ahead");
  run(machine, 9_000_000);
  machine.requestLab(3, 0);
  const loaded = value(loadMachine(machine.save()));
  expect(run(loaded, 11_000_000)).toEqual(run(machine, 11_000_000));
}, 60_000);

test("taking snapshots changes nothing; a machine that has ended goes on from an earlier one", () => {
  const steps = [8_000_000, 9_500_000, 9_500_100, 11_000_000];
  const plain = boot(4, "cycle", "ahead");
  const seen = steps.map((until) => run(plain, until));
  const other = boot(4, "cycle", "ahead");
  const again = steps.map((until) => {
    other.snapshot();
    return run(other, until);
  });
  expect(again).toEqual(seen);

  const ending = boot(1, "functional", "ahead", "seed=7");
  const before = ending.snapshot();
  let stop = ending.run({ maxInstructions: 2e7 });
  while (stop.kind === "drain") {
    ending.drainMarks(() => {});
    stop = ending.run({ maxInstructions: 2e7 });
  }
  expect(stop.kind).toBe("poweroff");
  const end = ending.snapshot();
  const last = ending.hash();
  ending.restore(before);
  expect(ending.run({ maxInstructions: 1000 }).kind).toBe("budget");
  ending.restore(end);
  expect(ending.hash()).toBe(last);
}, 60_000);
