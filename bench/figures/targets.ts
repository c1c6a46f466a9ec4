/** The targets of the machine (issue 3), each beside its figure. A figure that was not measured has no verdict. */
import { speedRatio, type RowRuns } from "./figures.ts";
import type { EngineName } from "../rows.ts";
import { median, rounded } from "./statistics.ts";
import { netSeconds } from "./figures.ts";

export interface Verdict {
  readonly target: string;
  readonly figure: number;
  readonly wanted: string;
  readonly met: boolean;
}

export type AllRuns = Readonly<Record<string, RowRuns | undefined>>;

export function atLeast(target: string, figure: number, bound: number): Verdict {
  return { target, figure: rounded(figure), wanted: `>= ${bound}`, met: figure >= bound };
}

export function atMost(target: string, figure: number, bound: number): Verdict {
  return { target, figure: rounded(figure), wanted: `<= ${bound}`, met: figure <= bound };
}

/** With the region JIT where there is such a run. */
function best(row: RowRuns, mode: "functional" | "cycle"): EngineName {
  const withJit = `${mode}Jit` as EngineName;
  return row[withJit] ? withJit : mode;
}

/** Functional mode against QEMU -icount, whole processes. */
function againstIcount(all: AllRuns, name: string, bound: number): Verdict[] {
  const row = all[name];
  if (!row) return [];
  const engine = best(row, "functional");
  const ratio = speedRatio(row, engine, "icount", "whole");
  return ratio === null ? [] : [atLeast(`${name}: ${engine} / QEMU -icount`, ratio, bound)];
}

/** Against -icount where that is slower than plain TCG, else against plain TCG. */
function againstSlower(all: AllRuns, name: string, bound: number): Verdict[] {
  const row = all[name];
  if (!row) return [];
  const slower = (speedRatio(row, "icount", "qemu", "whole") ?? 0) <= 1 ? "icount" : "qemu";
  const engine = best(row, "functional");
  const ratio = speedRatio(row, engine, slower, "whole");
  const title = slower === "icount" ? "QEMU -icount" : "QEMU";
  return ratio === null ? [] : [atLeast(`${name}: ${engine} / ${title}`, ratio, bound)];
}

function mips(row: RowRuns, engine: EngineName): number | null {
  const measured = row[engine];
  if (!measured) return null;
  return measured.runs[0]!.instructions! / 1e6 / median(netSeconds(measured));
}

/** Million instructions a second: the engine's in question over the other's, or null. */
function mipsRatio(row: RowRuns, a: EngineName, b: EngineName): number | null {
  const [left, right] = [mips(row, a), mips(row, b)];
  return left === null || right === null ? null : left / right;
}

function cycleMode(all: AllRuns, name: string, bound: number): Verdict[] {
  const row = all[name];
  if (!row) return [];
  const [cycle, functional] = [best(row, "cycle"), best(row, "functional")];
  const ratio = mipsRatio(row, cycle, functional);
  return ratio === null ? [] : [atLeast(`${name}: ${cycle} / ${functional}, MIPS`, ratio, bound)];
}

/** Cycle mode on saturated locks, in tier 1: MIPS, and how much faster than one instruction at a time. */
function saturated(all: AllRuns, name: string): Verdict[] {
  const row = all[name];
  const speed = row && mips(row, "cycle");
  if (!row || speed === null || speed === undefined) return [];
  const ratio = mipsRatio(row, "cycle", "cycleExact");
  return [
    atLeast(`${name}: cycle, MIPS`, speed, 250),
    ...(ratio === null ? [] : [atLeast(`${name}: cycle / cycleExact, MIPS`, ratio, 4)]),
  ];
}

export function rowTargets(all: AllRuns): Verdict[] {
  const exact = all.lock && mips(all.lock, "functionalExact");
  return [
    ...againstIcount(all, "mix", 1.2),
    ...againstIcount(all, "tree", 1.2),
    ...againstSlower(all, "flat", 0.6),
    ...againstSlower(all, "kernel1", 0.6),
    ...["mix", "tree", "kernel1", "kernel", "lock"].flatMap((name) => cycleMode(all, name, 0.5)),
    ...cycleMode(all, "flat", 0.75),
    ...(exact ? [atLeast("lock: functionalExact, MIPS", exact, 80)] : []),
    ...["lock", "ticket", "ttas"].flatMap((name) => saturated(all, name)),
  ];
}
