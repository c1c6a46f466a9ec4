/** One line of bench/history.ndjson: what was measured, on what, by which commit. bench/README.md names the fields. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import type { Figures } from "./figures.ts";
import type { BootFigures } from "../measure/boot.ts";
import type { ForkFigures } from "../measure/fork.ts";
import type { ObserverFigures } from "../measure/observers.ts";
import type { ScenarioFigures } from "../measure/scenario.ts";
import type { KmemleakCosts } from "../kernel/kmemleak-costs.ts";
import type { Verdict } from "./targets.ts";

/** Lines without `version` are the first kind: the kernel scenario alone. */
export const HISTORY_VERSION = 2;

export interface Measurements {
  readonly runs: number;
  readonly rows: Readonly<Record<string, Readonly<Record<string, Figures | null>>>>;
  readonly boot: BootFigures | null;
  readonly forks: ForkFigures | null;
  readonly observers: ObserverFigures | null;
  readonly scenario: ScenarioFigures | null;
  /** Instructions, by variant. */
  readonly kmemleak: Readonly<Record<string, KmemleakCosts>> | null;
  readonly verdicts: readonly Verdict[];
}

function firstLine(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8" }).split("\n")[0]!;
}

export function historyLine(measurements: Measurements): string {
  return JSON.stringify({
    version: HISTORY_VERSION,
    date: new Date().toISOString(),
    commit: firstLine("git", "rev-parse", "--short=12", "HEAD"),
    node: process.version,
    qemu: firstLine("qemu-system-riscv32", "--version"),
    cpu: cpus()[0]?.model ?? "unknown",
    ...measurements,
  });
}
