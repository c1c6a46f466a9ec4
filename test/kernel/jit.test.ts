/** The kernel with and without the JIT is the same machine: counts, clocks and hash in both modes. */
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine } from "../../src/machine/machine.ts";
import type { Machine, Timing } from "../../src/machine/types.ts";

const UNTIL = 24_000_000;
let elf: Uint8Array;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

beforeAll(() => {
  const root = path.resolve(import.meta.dirname, "../..");
  elf = value(elfOf({ root, workload: null, tasks: ["churn"], config: {} }));
}, 60_000);

function boot(timing: Timing, harts: number, jit: boolean): Machine {
  const bootargs = "seed=7 task=churn@all+2ms";
  const machine = value(
    createMachine({ harts, memoryBytes: 32 << 20, timing, interleave: "ahead", bootargs, lab: true, recordMarks: false, jit }),
  );
  value(machine.loadElf(elf));
  expect(machine.run({ maxInstructions: 1e9, untilCycle: UNTIL }).kind).toBe("cycle");
  return machine;
}

const countsOf = (machine: Machine, harts: number): unknown =>
  Array.from({ length: harts }, (_, hart) => {
    const { clock, instructions, marks, pc } = machine.hart(hart);
    return { clock, instructions, marks, pc };
  });

test.each([
  ["functional", 1], ["functional", 4], ["cycle", 1], ["cycle", 4],
] as const)("%s, %i harts", (timing, harts) => {
  const plain = boot(timing, harts, false);
  const compiled = boot(timing, harts, true);
  expect(countsOf(compiled, harts)).toEqual(countsOf(plain, harts));
  expect(compiled.hash()).toBe(plain.hash());
}, 60_000);
