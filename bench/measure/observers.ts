/**
 * What observers cost: scenarios on which they find nothing, with and without them, in turns. Ratios of user CPU from the first guest
 * instruction on, within a turn; medians of the turns. Every kind of run must leave the same machine.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { elfOf } from "../../src/cli/image.ts";
import { imageRequest, readScenario } from "../../src/cli/scenario-file.ts";
import { median, pairedRatio, rounded } from "../figures/statistics.ts";
import { atMost, type Verdict } from "../figures/targets.ts";
import type { ObservedReport } from "../observed.ts";
import { sample } from "./sample.ts";

/** What BENCH calls this part. */
export const OBSERVERS_PART = "observers";
/** Who looks on. `unobserved`: the machine records nothing; `plain`: what every run has, lock_stat and lockdep among it. */
export const KINDS = ["unobserved", "withoutLocks", "plain", "heap", "races"] as const;
export type Kind = (typeof KINDS)[number];

const ROOT = join(import.meta.dirname, "../..");
const LIMIT_SECONDS = 300;

export interface Observed {
  readonly scenario: string;
  /** How often a process runs it: the start of V8's compilers is no observer. */
  readonly times: number;
}
export const OBSERVED: readonly Observed[] = [
  { scenario: "torture/slab", times: 4 },
  { scenario: "torture/locks", times: 12 },
  { scenario: "kmemleak/lost-object", times: 1 },
];

/** Each observer: runs with it, beside those without it; how many times as long they may take (issue 6), or null. */
const RATIOS: Readonly<Record<string, { readonly with: Kind; readonly without: Kind; readonly most: number | null }>> = {
  "lock_stat and lockdep": { with: "plain", without: "withoutLocks", most: 1.25 },
  heap: { with: "heap", without: "plain", most: 3 },
  races: { with: "races", without: "plain", most: 8 },
  "all that every run has": { with: "plain", without: "unobserved", most: null },
};

/** By scenario: nanoseconds of user CPU an instruction by kind, and the ratios by observer. */
export type ObserverFigures = Readonly<
  Record<string, { readonly nanoseconds: Readonly<Record<Kind, number>>; readonly ratios: Readonly<Record<string, number>> }>
>;

export class ObservedRuns {
  readonly #file: string;
  readonly #elf: string;
  readonly #observed: Observed;
  #hash: string | null = null;

  /** Builds the scenario's kernel into `folder`. */
  constructor(observed: Observed, folder: string) {
    this.#observed = observed;
    this.#file = join(ROOT, `scenarios/${observed.scenario}.yaml`);
    this.#elf = join(folder, `${observed.scenario.replace("/", "-")}.elf`);
    const loaded = readScenario(this.#file, {});
    const elf = loaded.ok ? elfOf(imageRequest(loaded.value.scenario, this.#file, ROOT)) : loaded;
    if (!elf.ok) throw new Error(elf.problems[0]!.message);
    writeFileSync(this.#elf, elf.value as Uint8Array);
  }

  run(kind: Kind): ObservedReport {
    const { scenario, times } = this.#observed;
    const command = [process.execPath, join(ROOT, "build/observed.js"), this.#file, this.#elf, String(times), kind];
    const done = sample(command, LIMIT_SECONDS);
    if (done.status !== 0) throw new Error(`${command.join(" ")}: exit ${done.status ?? "by the time limit"}\n${done.stderr}`);
    const report = JSON.parse(done.stdout) as ObservedReport;
    this.#hash ??= report.hash;
    const what = `${scenario}, ${kind}: ${report.outcome}, ${report.findings} findings, hash ${report.hash}`;
    if (report.outcome !== "poweroff" || report.findings > 0 || report.hash !== this.#hash) throw new Error(`${what}; before ${this.#hash}`);
    return report;
  }
}

export type ReportsByKind = Readonly<Record<Kind, readonly ObservedReport[]>>;

export function ratiosOf(all: ReportsByKind): Record<string, number> {
  const seconds = (kind: Kind): number[] => all[kind].map(({ userSeconds }) => userSeconds);
  return Object.fromEntries(
    Object.entries(RATIOS).map(([name, ratio]) => [name, rounded(pairedRatio(seconds(ratio.with), seconds(ratio.without)))]),
  );
}

export function measureObservers(runs: number, folder: string, say: (text: string) => void): ObserverFigures {
  const of = (observed: Observed): ObserverFigures[string] => {
    const row = new ObservedRuns(observed, folder);
    const all = Object.fromEntries(KINDS.map((kind) => [kind, [] as ObservedReport[]])) as Record<Kind, ObservedReport[]>;
    for (let turn = 1; turn <= runs; turn++) {
      say(`turn ${turn} of ${runs}: ${OBSERVERS_PART}, ${observed.scenario}`);
      // Forwards and backwards in turn: no kind always comes behind the same other one.
      for (const kind of turn % 2 === 1 ? KINDS : [...KINDS].reverse()) all[kind].push(row.run(kind));
    }
    const nanoseconds = (kind: Kind): number =>
      rounded(median(all[kind].map(({ userSeconds, instructions }) => (userSeconds * 1e9) / instructions)));
    return {
      nanoseconds: Object.fromEntries(KINDS.map((kind) => [kind, nanoseconds(kind)])) as Record<Kind, number>,
      ratios: ratiosOf(all),
    };
  };
  return Object.fromEntries(OBSERVED.map((observed) => [observed.scenario, of(observed)]));
}

export function observerTargets(figures: ObserverFigures): Verdict[] {
  return Object.entries(figures).flatMap(([scenario, { ratios }]) =>
    Object.entries(RATIOS).flatMap(([name, { most }]) =>
      most === null ? [] : [atMost(`${scenario}: with ${name} / without, user CPU`, ratios[name]!, most)],
    ),
  );
}
