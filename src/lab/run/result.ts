/** The result of a run: the JSON contract of `hartlab run --json` (ABI.md section 9; docs/abi.md). All times in cycles. */

import type { TimingModel } from "../../machine/timing/model.ts";
import type { Timing } from "../../machine/types.ts";
import type { EventOutcome } from "../event/injector.ts";
import type { HeldLock } from "../observe/locks/lock-stat.ts";
import type { LatencyRow } from "../observe/measure/alloc-latency.ts";
import type { TruthResult } from "../truth/truth.ts";
import type { StepResult } from "../steps/types.ts";
import type { ResultContention } from "./contention.ts";
import type { ResultHeap, ResultLockdep, ResultProgress, ResultRace, ResultReference, ResultSnapshots, ResultWait } from "./resolve.ts";

export const RESULT_SCHEMA_VERSION = 1;
/** The console in the result is cut to its first so many bytes. */
export const CONSOLE_BYTES_MAX = 1024 ** 2;

export type Outcome = "poweroff" | "panic" | "deadlock" | "budget" | "fault";

export interface ResultFrame {
  readonly address: string;
  readonly function: string;
  readonly file: string | null;
  readonly line: number | null;
  /** What the guest printed: `function+0xoff/0xsize`; inlined frames share their caller's. */
  readonly symbol: string;
}

export interface ResultLeak {
  readonly address: string;
  readonly size: number;
  readonly comm: string;
  readonly pid: number;
  /** Guest time of the allocation, as the guest printed it. */
  readonly jiffies: number;
  readonly ageCycles: number;
  /** planted: one of the planted leaks; extra: not planted, and still in the last report; transient: gone from it. */
  readonly verdict: "planted" | "extra" | "transient";
  /** The name that the workload gave to a planted leak. */
  readonly planted: string | null;
  readonly backtrace: readonly ResultFrame[];
}

/** Leaks of one verdict that were allocated along one way. */
export interface ResultLeakGroup {
  readonly verdict: ResultLeak["verdict"];
  readonly count: number;
  readonly bytes: number;
  /** Each that there is, ascending. */
  readonly sizes: readonly number[];
  readonly addresses: readonly string[];
  /** `comm/pid` of those who allocated them. */
  readonly owners: readonly string[];
  /** Names of the planted ones. */
  readonly planted: readonly string[];
  readonly backtrace: readonly ResultFrame[];
}

/** Why there may be leaks that no report has. */
export interface ResultIncomplete {
  /** Nothing is tracked any more; a report was cut; the console ended inside one. */
  readonly kind: "not tracking" | "report cut" | "report unfinished";
  /** Of `not tracking`; null: from the beginning. */
  readonly sinceJiffies: number | null;
  /** Whose report it is. */
  readonly scan: number | null;
  readonly detail: string;
}

export interface ResultLock {
  readonly class: string;
  readonly kind: string;
  readonly conBounces: number;
  readonly contentions: number;
  readonly waitMin: number;
  readonly waitMax: number;
  readonly waitTotal: number;
  readonly acqBounces: number;
  readonly acquisitions: number;
  readonly holdMin: number;
  readonly holdMax: number;
  readonly holdTotal: number;
  /** Samples behind the averages: waits that ended, holds that ended. */
  readonly waits: number;
  readonly holds: number;
  readonly contentionPoints: readonly ResultPoint[];
  readonly contendingPoints: readonly ResultPoint[];
}

export interface ResultPoint {
  readonly count: number;
  readonly address: string;
  readonly symbol: string;
}

/** What each figure counts: src/lab/observe/scan-cost.ts. */
export interface ResultScan {
  readonly number: number;
  readonly startCycle: number;
  readonly cycles: number;
  readonly instructions: number;
  readonly words: number;
  readonly lookups: number;
  readonly hits: number;
  readonly objects: number;
  readonly bytes: number;
  readonly irqsOffMaxCycles: number;
  readonly newSuspects: number;
  readonly metadataBytes: number;
  /** Lookups that found nothing although the block was there all the time; null: the guest does not count them (kmemleak.count_hidden). */
  readonly hidden: number | null;
}

/** A longest section; what counts: src/lab/observe/measure/off-sections.ts. */
export interface ResultSection {
  readonly cycles: number;
  /** Where it began; null: there was none. */
  readonly at: { readonly address: string; readonly symbol: string } | null;
  readonly hart: number;
  readonly endCycle: number;
}

export interface Finding {
  readonly id: string;
  readonly kind: string;
  readonly summary: string;
}

export interface ExpectResult {
  readonly name: string;
  readonly pass: boolean;
  readonly detail: string;
  /** The run ended (budget) before this could be decided: not passed, and not failed either. */
  readonly undecided?: true;
}

export interface PlantedBlockResult {
  readonly address: string;
  readonly name: string;
  readonly kind: "leak" | "nonleak";
  readonly reported: boolean;
}

export interface RunResult {
  readonly schemaVersion: typeof RESULT_SCHEMA_VERSION;
  readonly hartlab: string;
  readonly scenario: string;
  readonly seed: number;
  readonly harts: number;
  readonly timing: Timing;
  /** The cost model: its preset, what the scenario changed, all constants. null: functional timing. */
  readonly costs: TimingModel | null;
  readonly outcome: Outcome;
  /** Sum over harts; marks excluded. */
  readonly instructions: number;
  readonly perHart: readonly number[];
  readonly marks: number;
  /** The largest clock. */
  readonly cycles: number;
  readonly hash: string;
  readonly console: string;
  readonly consoleTruncated: boolean;
  /** Instructions of the boot hart until the first kthread; null without marks. */
  readonly bootInstructions: number | null;
  /** Clock of SCENARIO_START; null when it did not come to that, or without marks. */
  readonly scenarioStart: number | null;
  readonly leaks: {
    readonly reported: readonly ResultLeak[];
    /** The same by verdict and backtrace, of each verdict the one with most bytes first. */
    readonly groups: readonly ResultLeakGroup[];
    /** Empty: tracking went on to the end, and all reports are whole. */
    readonly incomplete: readonly ResultIncomplete[];
    /** Where the last reference to each block of the last report stood; null: not asked for. */
    readonly references: readonly ResultReference[] | null;
    readonly planted: {
      readonly expected: number;
      readonly found: number;
      readonly missed: number;
      readonly extra: number;
      readonly transient: number;
      readonly blocks: readonly PlantedBlockResult[];
    };
  };
  /** Exclusive locks that were held when the run ended, and since when. */
  readonly heldLocks: readonly HeldLock[];
  readonly locks: readonly ResultLock[];
  /** Waits for locks by caller, by lock and over time. */
  readonly contention: ResultContention;
  /** What the lock-order checker found; dropped: different reports beyond its limit, not among them. */
  readonly lockdep: {
    readonly reports: readonly ResultLockdep[];
    readonly dropped: number;
    readonly dependencies: number;
  };
  /** Tasks of which each waits for a lock that the next one holds, the last for one of the first's; empty: none. */
  readonly deadlock: readonly ResultWait[];
  /** What the observers of progress, contexts and quiescence found; dropped: beyond their limit of 64 each. */
  readonly progress: { readonly reports: readonly ResultProgress[]; readonly dropped: number };
  /** What the heap checker found, and how many accesses to allocators' memory it saw; null: not asked for. */
  readonly heap: {
    readonly reports: readonly ResultHeap[];
    readonly dropped: number;
    readonly checked: number;
  } | null;
  /** What the race checker found, and how many accesses it compared; null: not asked for. */
  readonly races: {
    readonly reports: readonly ResultRace[];
    readonly dropped: number;
    readonly checked: number;
  } | null;
  /** What leaked between named snapshots; null: the scenario takes none, or the kernel has no marks. */
  readonly snapshots: ResultSnapshots | null;
  /** What kmemleak's reports are worth; null: not asked for. */
  readonly truth: TruthResult | null;
  readonly scans: readonly ResultScan[];
  /** Of the allocators' calls, one row for each kind that there was; src/lab/observe/measure/alloc-latency.ts. */
  readonly latency: readonly LatencyRow[];
  readonly longest: { readonly irqsOff: ResultSection; readonly preemptOff: ResultSection };
  readonly events: readonly EventOutcome[];
  readonly findings: readonly Finding[];
  /** What became of the scenario's steps, in their order. */
  readonly steps: readonly StepResult[];
  readonly expect: readonly ExpectResult[];
}

/**
 * 1: a panic, fault or deadlock that the scenario does not expect, or a failed expectation; 3: the budget ended with nothing
 * failed; else 0 (docs/abi.md).
 */
export function exitCode({ outcome, expect }: RunResult): 0 | 1 | 3 {
  if (expect.some((one) => !one.pass && !one.undecided)) return 1;
  if (expect.some((one) => one.name === "outcome")) return 0;
  if (outcome === "panic" || outcome === "fault" || outcome === "deadlock") return 1;
  return outcome === "budget" ? 3 : 0;
}

/** `0x%08x` */
export function hex(address: number): string {
  return `0x${(address >>> 0).toString(16).padStart(8, "0")}`;
}
