/** From what the observers saw to the result of a run. */
import type { HartView, Stop } from "../../machine/types.ts";
import type { EventInjector } from "../event/injector.ts";
import type { Symbols } from "../image/symbols.ts";
import type { ConsoleReader } from "../observe/leak-report.ts";
import type { LockPoint, LockRow } from "../observe/locks/lock-stat.ts";
import type { OffSection } from "../observe/measure/off-sections.ts";
import type { Observation } from "../observe/observation.ts";
import { plantedVerdict } from "../observe/verdict.ts";
import type { Scenario } from "../scenario/schema.ts";
import { costModel } from "../scenario/timing.ts";
import { contentionResult } from "./contention.ts";
import { incomplete, leakGroups, plantedBlocks, reportedLeaks } from "./leaks.ts";
import { lockdepSummary } from "./lockdep-summary.ts";
import { progressSummary } from "./progress-summary.ts";
import { heapSummary } from "./heap-summary.ts";
import { raceSummary } from "./race-summary.ts";
import { type ResultHeap, type ResultLockdep, type ResultProgress, type ResultRace, type ResultWait, resolver } from "./resolve.ts";
import { keptMemory, mergeLeftMemory } from "./kept.ts";
import { judge } from "./expect.ts";
import type { SnapshotReport } from "../truth/snapshots.ts";
import type { ReferenceReport } from "../truth/references.ts";
import type { Truth } from "../truth/truth.ts";
import type { StepResult } from "../steps/types.ts";
import type { Backtrace, Moment } from "./second-look.ts";
import {
  type Finding,
  hex,
  type Outcome,
  RESULT_SCHEMA_VERSION,
  type ResultLock,
  type ResultPoint,
  type ResultSection,
  type RunResult,
} from "./result.ts";

/** Contention points kept per class, as Linux keeps 4. */
const POINTS_MAX = 4;
/** Progress reports that say why nothing goes on. */
const EXPLAINS_DEADLOCK: ReadonlySet<string> = new Set(["stuck", "lost-wakeup", "wfi"]);
/** The guest's BUG, WARN and panic. */
const COMPLAINT_FILE = "kernel/lib/bug.ts";

export interface Collected {
  readonly version: string;
  readonly scenario: Scenario;
  readonly stop: Stop;
  readonly harts: readonly HartView[];
  readonly hash: string;
  readonly console: string;
  readonly consoleTruncated: boolean;
  readonly marks: boolean;
  readonly observation: Observation;
  readonly injector: EventInjector;
  readonly reader: ConsoleReader;
  readonly symbols: Symbols;
  readonly steps: readonly StepResult[];
  readonly truth: Truth | null;
  /** null: nobody asked. */
  readonly references: readonly ReferenceReport[] | null;
  readonly snapshots: SnapshotReport | null;
  /** The whole stack of a moment, if the run was looked at a second time. */
  readonly backtraceAt: (moment: Moment) => Backtrace | null;
}

export function collect(run: Collected): RunResult {
  const { scenario, observation, reader, symbols } = run;
  const verdict = plantedVerdict(observation.plants, reader.reports);
  const outcome = outcomeOf(run.stop);
  const leaks = reportedLeaks(reader.reports, verdict, symbols);
  const { lockdep, deadlock, heap, races, references, snapshots, ...resolved } = resolver(observation, symbols, run.backtraceAt, run);
  const progress = mergeLeftMemory(resolved.progress);
  const kept = keptMemory(progress, scenario.expect.kept ?? []);
  const findings = findingsOf(run, lockdep, deadlock, kept.others, heap, races);
  const started = observation.scenarioStart !== null;
  const cycles = run.harts.reduce((most, hart) => Math.max(most, hart.clock), 0);
  observation.lockStatControls.reached(cycles);
  return {
    schemaVersion: RESULT_SCHEMA_VERSION,
    hartlab: run.version,
    scenario: scenario.name,
    seed: scenario.seed,
    harts: scenario.machine.harts,
    timing: scenario.machine.timing,
    costs: costModel(scenario),
    outcome,
    instructions: run.harts.reduce((sum, hart) => sum + hart.instructions, 0),
    perHart: run.harts.map((hart) => hart.instructions),
    marks: run.harts.reduce((sum, hart) => sum + hart.marks, 0),
    cycles,
    hash: run.hash,
    console: run.console,
    consoleTruncated: run.consoleTruncated,
    bootInstructions: observation.firstKthreadInstructions,
    scenarioStart: observation.scenarioStart,
    leaks: {
      reported: leaks,
      groups: leakGroups(leaks),
      incomplete: incomplete(reader),
      references: run.references === null ? null : references,
      planted: {
        expected: verdict.expected,
        found: verdict.found,
        missed: verdict.missed,
        extra: verdict.extra,
        transient: verdict.transient,
        blocks: plantedBlocks(observation, reader.reports),
      },
    },
    heldLocks: observation.lockStat.held(),
    locks: observation.lockStat.rows().map((row) => lockResult(row, symbols)),
    contention: contentionResult(observation, symbols, cycles),
    lockdep: {
      reports: lockdep,
      dropped: observation.lockdep.dropped,
      dependencies: observation.lockdep.dependencies,
    },
    deadlock,
    progress: { reports: progress, dropped: progressDropped(observation) },
    heap:
      observation.heap === null
        ? null
        : { reports: heap, dropped: observation.heap.dropped, checked: observation.heap.checked },
    races:
      observation.races === null
        ? null
        : { reports: races, dropped: observation.races.dropped, checked: observation.races.checked },
    snapshots,
    truth: run.truth?.result(reader.reports) ?? null,
    scans: observation.scanCosts.scans.map((scan) => ({ ...scan, hidden: reader.hiddenLookups.get(scan.number) ?? null })),
    latency: observation.measures.latency.rows(),
    longest: longestSections(observation, symbols),
    events: run.injector.outcomes(
      started
        ? "the run ended before it was due"
        : run.marks
          ? "the scenario did not start"
          : "without marks nobody sees the scenario start",
    ),
    findings,
    steps: run.steps,
    expect: judge(scenario.expect, {
      verdict,
      reports: reader.reports,
      leaks: leaks.filter((leak) => leak.verdict !== "transient"),
      findings,
      outcome,
      marks: run.marks,
      steps: run.steps,
      kept: kept.results,
    }),
  };
}

function progressDropped({ progress, contexts, quiescence }: Observation): number {
  return progress.reports.dropped + contexts.reports.dropped + quiescence.reports.dropped;
}

function outcomeOf(stop: Stop): Outcome {
  switch (stop.kind) {
    case "poweroff":
    case "deadlock":
    case "budget":
    case "fault":
      return stop.kind;
    case "failure":
      return "panic";
    default:
      // A reboot, which no scenario asks for; drain, mark and cycle never end a run.
      return "fault";
  }
}

function findingsOf(
  { stop, reader, observation, symbols }: Collected,
  lockdep: readonly ResultLockdep[],
  deadlock: readonly ResultWait[],
  progress: readonly ResultProgress[],
  heap: readonly ResultHeap[],
  races: readonly ResultRace[],
): Finding[] {
  const findings: Finding[] = [];
  const counts = new Map<string, number>();
  const add = (kind: string, summary: string): void => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    findings.push({ id: `${kind}-${count}`, kind, summary });
  };
  for (const { kind, summary, trace } of reader.complaints) {
    const site = complaintSite(trace, symbols);
    add(kind, site === null ? summary : `${summary}, at ${site}`);
  }
  for (const found of lockdep) add("lockdep", lockdepSummary(found));
  for (const found of progress) add(found.kind, progressSummary(found));
  for (const found of heap) add("heap", heapSummary(found));
  for (const found of races) add("race", raceSummary(found));
  if (stop.kind === "failure" && !counts.has("panic")) {
    add("panic", `the guest powered off with failure code ${stop.code}`);
  }
  if (deadlock.length > 0) add("deadlock", deadlockSummary(deadlock));
  else if (stop.kind === "deadlock" && !progress.some((one) => EXPLAINS_DEADLOCK.has(one.kind))) {
    const held = observation.lockStat.held();
    const locks = held.map(
      (one) => `${one.class} (${one.kind}) on hart ${one.hart} since cycle ${one.since}`,
    );
    add("deadlock", `${stop.detail}${locks.length > 0 ? `; held: ${locks.join(", ")}` : ""}`);
  }
  if (stop.kind === "fault") add("fault", `hart ${stop.hart}: ${stop.detail}`);
  if (stop.kind === "reboot") add("reboot", "the guest asked for a reboot, which ends a run");
  return findings;
}

/** `a/7 waits for X, held by b/8, which waits for the end of c/9, which waits for Y, held by a/7` */
function deadlockSummary(waits: readonly ResultWait[]): string {
  const name = ({ task }: ResultWait): string => `${task.comm}/${task.pid}`;
  const links = waits.map((one, at) => {
    const holder = name(waits[(at + 1) % waits.length]);
    if (one.kind === "task") return `waits for the end of ${holder}`;
    if (one.kind === "rcu") return `waits for a grace period, held up by ${holder}`;
    return `waits for ${one.class}, held by ${holder}`;
  });
  if (waits.length > 1) return `${name(waits[0])} ${links.join(", which ")}`;
  const own = waits[0].kind === "rcu" ? "a grace period inside a read section of its own" : `${waits[0].class}, which it holds itself`;
  return `${name(waits[0])} waits for ${own}`;
}

/** Where the guest complained: the innermost frame that is not of its BUG and panic code. */
function complaintSite(trace: readonly number[], symbols: Symbols): string | null {
  for (const address of trace) {
    const frame = symbols.frames(address - 1).find((one) => one.file !== COMPLAINT_FILE);
    if (frame) return `${frame.function} (${frame.file}:${frame.line})`;
  }
  return null;
}

function longestSections({ measures: { sections } }: Observation, symbols: Symbols): RunResult["longest"] {
  const view = ({ cycles, pc, hart, endCycle }: OffSection): ResultSection => ({
    cycles,
    at: cycles === 0 ? null : { address: hex(pc), symbol: symbols.offsetName(pc) },
    hart,
    endCycle,
  });
  return { irqsOff: view(sections.irqsOff), preemptOff: view(sections.preemptOff) };
}

function lockResult(row: LockRow, symbols: Symbols): ResultLock {
  const points = (all: readonly LockPoint[]): ResultPoint[] =>
    all.slice(0, POINTS_MAX).map(({ address, count }) => ({
      count,
      address: hex(address),
      symbol: symbols.offsetName(address),
    }));
  return {
    ...row,
    contentionPoints: points(row.contentionPoints),
    contendingPoints: points(row.contendingPoints),
  };
}
