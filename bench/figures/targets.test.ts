/** Verdicts from made-up runs, on both sides of each bound. */
import { expect, test } from "vitest";
import type { Run } from "../measure/engines.ts";
import type { Measured, RowRuns } from "./figures.ts";
import { rowTargets } from "./targets.ts";

const START = 0.1;

/** Three runs of 100 rounds and so many million instructions; the median takes `seconds` besides the start. */
function runs(seconds: number, millions?: number): Measured {
  const run = (factor: number): Run => ({
    userSeconds: START + seconds * factor,
    systemSeconds: 0,
    wallSeconds: 1,
    startSeconds: START,
    proof: "",
    ...(millions === undefined ? {} : { instructions: millions * 1e6, clocks: [] }),
  });
  return { rounds: 100, runs: [run(1.2), run(1), run(0.9)], unfinished: 0 };
}

function verdicts(name: string, row: RowRuns): string[] {
  return rowTargets({ [name]: row }).map(({ target, figure, met }) => `${target} = ${figure} ${met ? "met" : "NOT met"}`);
}

test("whole processes against -icount; modes of ours without their start", () => {
  expect(verdicts("mix", { icount: runs(1.1), functional: runs(0.9, 300), cycle: runs(2, 300) })).toEqual([
    "mix: functional / QEMU -icount = 1.2 met",
    "mix: cycle / functional, MIPS = 0.45 NOT met",
  ]);
});

test("code without locality stands against the slower of QEMU's two ways", () => {
  const functional = runs(1.9, 300);
  expect(verdicts("flat", { icount: runs(1.1), qemu: runs(0.5), functional })).toEqual([
    "flat: functional / QEMU -icount = 0.6 met",
  ]);
  expect(verdicts("flat", { icount: runs(0.5), qemu: runs(1), functional })).toEqual([
    "flat: functional / QEMU = 0.55 NOT met",
  ]);
});

test("locks: absolute speed and the gain over one instruction at a time", () => {
  const row = { cycle: runs(1, 249), cycleExact: runs(1, 60), functionalExact: runs(2, 160) };
  expect(verdicts("lock", row)).toEqual([
    "lock: functionalExact, MIPS = 80 met",
    "lock: cycle, MIPS = 249 NOT met",
    "lock: cycle / cycleExact, MIPS = 4.15 met",
  ]);
});

test("what was not measured or did not finish has no verdict", () => {
  expect(rowTargets({})).toEqual([]);
  const unfinished = { rounds: 100, runs: [], unfinished: 1 };
  expect(verdicts("tree", { icount: unfinished, functional: runs(1, 300) })).toEqual([]);
});
