/** From the runs of each row and engine to the figures that are printed, judged and kept. */
import type { Run } from "../measure/engines.ts";
import type { EngineName, Row } from "../rows.ts";
import { median, pairedRatio, rounded, spread } from "./statistics.ts";

/** The runs of one engine on one row, in the order of the bench's turns. */
export interface Measured {
  readonly rounds: number;
  readonly runs: readonly Run[];
  /** Turns whose run was ended by the limit; then there is no figure. */
  readonly unfinished: number;
}

export type RowRuns = Partial<Record<EngineName, Measured>>;

/** Medians. MIPS are million instructions a second of user CPU: `mips` of the whole process, `netMips` without its start. */
export interface Figures {
  readonly rounds: number;
  readonly userSeconds: number;
  /** All CPU of the process and its children, user and system. */
  readonly cpuSeconds: number;
  readonly startSeconds: number;
  readonly wallSeconds: number;
  /** (largest - smallest) / median of the user seconds. */
  readonly spread: number;
  readonly maxRssMiB?: number;
  readonly instructions?: number;
  readonly mips?: number;
  readonly netMips?: number;
  /** Thousand rounds of the main loop a second of user CPU without the start: what remains comparable when harts poll. */
  readonly netKiloRounds: number;
}

/**
 * Instructions of one run. QEMU does not tell them: on one hart it executes what we do (checked with a counting plugin:
 * equal on guests, within 0.1 % under -icount and 4 % else on the kernel, whose timer follows the host's clock there). With
 * several harts polling depends on the machine, and nothing is claimed.
 */
export function instructionsOf(row: Row, all: RowRuns, engine: EngineName): number | null {
  const own = all[engine]!;
  const counted = own.runs[0]!.instructions;
  if (counted !== undefined) return counted;
  const { functional } = all;
  if (row.harts !== 1 || functional?.rounds !== own.rounds) return null;
  return functional.runs[0]!.instructions!;
}

/** Of each run. */
export function netSeconds({ runs }: Measured): number[] {
  return runs.map((run) => run.userSeconds - run.startSeconds);
}

/** Null when some run of the engine did not come to its end. */
export function figuresOf(row: Row, all: RowRuns, engine: EngineName): Figures | null {
  const { rounds, runs, unfinished } = all[engine]!;
  if (unfinished > 0) return null;
  const of = (value: (run: Run) => number) => rounded(median(runs.map(value)));
  const net = median(netSeconds(all[engine]!));
  const instructions = instructionsOf(row, all, engine);
  const userSeconds = of((run) => run.userSeconds);
  return {
    rounds,
    userSeconds,
    cpuSeconds: of((run) => run.userSeconds + run.systemSeconds),
    startSeconds: of((run) => run.startSeconds),
    wallSeconds: of((run) => run.wallSeconds),
    spread: rounded(spread(runs.map((run) => run.userSeconds))),
    ...(runs[0]!.maxRssMiB === undefined ? {} : { maxRssMiB: of((run) => run.maxRssMiB!) }),
    ...(instructions === null
      ? {}
      : {
          instructions,
          mips: rounded(instructions / 1e6 / userSeconds),
          netMips: rounded(instructions / 1e6 / net),
        }),
    netKiloRounds: rounded(rounds / 1000 / net),
  };
}

/** How many times as fast `a` is as `b` for the same number of rounds: whole processes, or without their start. */
export function speedRatio(all: RowRuns, a: EngineName, b: EngineName, of: "whole" | "net"): number | null {
  const [left, right] = [all[a], all[b]];
  if (!left || !right || left.unfinished + right.unfinished > 0) return null;
  const seconds = (measured: Measured) =>
    (of === "net" ? netSeconds(measured) : measured.runs.map((run) => run.userSeconds)).map(
      (value) => value / measured.rounds,
    );
  return pairedRatio(seconds(right), seconds(left));
}
