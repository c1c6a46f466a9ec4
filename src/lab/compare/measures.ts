/**
 * The figures of one run that comparisons are made of, by name, from the run's result (docs/compare.md lists them).
 *
 * A figure that a run does not have (no scan, no call of that kind, nothing planted) is absent.
 */
import { FALSE_REASONS } from "../truth/reasons.ts";
import type { ResultScan, RunResult } from "../run/result.ts";

export type Figures = Readonly<Record<string, number>>;

export type Unit = "cycles" | "instructions" | "bytes" | "count" | "share";

export interface MeasureInfo {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly unit: Unit;
}

/** Locks of the leak detector, under the names that its designs give them. */
const LOCKS_DEFAULT = /^(kmemleak_lock|object_tree_(raw_)?lock|kmemleak_object\.lock)$/;
const LOCK_FIELDS: readonly (readonly [keyof RunResult["locks"][number], string, Unit])[] = [
  ["acquisitions", "acquired", "count"],
  ["contentions", "contended", "count"],
  ["waitTotal", "waited", "cycles"],
  ["waitMax", "wait max", "cycles"],
  ["holdMax", "hold max", "cycles"],
];

/** `locks`: names of lock classes; empty: the leak detector's. */
export function figuresOf(result: RunResult, locks: readonly string[]): Figures {
  const figures: Record<string, number> = {};
  const set = (id: string, value: number | null): void => {
    if (value !== null) figures[id] = value;
  };
  const { scans, latency, longest } = result;
  set("scan.cycles", medianOf(scans, (scan) => scan.cycles));
  set("scan.instructions", medianOf(scans, (scan) => scan.instructions));
  set("scan.cyclesPerKiB", medianOf(scans.filter(({ bytes }) => bytes > 0), (scan) => (scan.cycles * 1024) / scan.bytes));
  set("scan.irqsOffMax", mostOf(scans, (scan) => scan.irqsOffMaxCycles));
  set("scan.objects", medianOf(scans, (scan) => scan.objects));
  set("scan.lookups", medianOf(scans, (scan) => scan.lookups));
  set("scan.unmatched", medianOf(scans, (scan) => scan.lookups - scan.hits));
  const counted = scans.flatMap(({ hidden }) => hidden ?? []);
  set("scan.misses", counted.length === 0 ? null : counted.reduce((sum, hidden) => sum + hidden));
  set("metadata.bytesPerObject", medianOf(scans.filter(({ objects }) => objects > 0), (scan) => scan.metadataBytes / scan.objects));
  for (const row of latency) {
    const name = `${row.call}.${row.area}.${row.scanner}`;
    set(`${name}.p50`, row.p50);
    set(`${name}.p99`, row.p99);
    set(`${name}.max`, row.max);
  }
  if (result.scenarioStart !== null) {
    set("longest.irqsOff", longest.irqsOff.cycles);
    set("longest.preemptOff", longest.preemptOff.cycles);
    set("waits.count", result.locks.reduce((sum, lock) => sum + lock.waits, 0));
    set("waits.cycles", result.locks.reduce((sum, lock) => sum + lock.waitTotal, 0));
  }
  for (const lock of result.locks) {
    if (locks.length > 0 ? !locks.includes(lock.class) : !LOCKS_DEFAULT.test(lock.class)) continue;
    for (const [field] of LOCK_FIELDS) set(`lock.${lock.class}.${lock.kind}.${field}`, lock[field] as number);
  }
  leakFigures(result, set);
  return figures;
}

function leakFigures({ leaks: { planted }, truth }: RunResult, set: (id: string, value: number | null) => void): void {
  if (truth !== null) {
    set("leaks.precision", truth.precision);
    set("leaks.recall", truth.recall);
    set("leaks.firstReport", truth.firstReport.length === 0 ? null : median(truth.firstReport));
    if (truth.scans.length === 0) return;
    set("leaks.reported", truth.reports.length);
    for (const reason of FALSE_REASONS) set(`false.${reason}`, truth.reports.filter((one) => one.verdict === "false" && one.reason === reason).length);
    set("leaks.missed", truth.missed.length);
    return;
  }
  if (planted.expected === 0) return;
  const reports = planted.found + planted.extra;
  set("leaks.recall", planted.found / planted.expected);
  set("leaks.precision", reports === 0 ? null : planted.found / reports);
}

function medianOf(scans: readonly ResultScan[], of: (scan: ResultScan) => number): number | null {
  return scans.length === 0 ? null : median(scans.map(of));
}

function mostOf(scans: readonly ResultScan[], of: (scan: ResultScan) => number): number | null {
  return scans.length === 0 ? null : Math.max(...scans.map(of));
}

/** Of an even number of values: the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const FIXED: Readonly<Record<string, readonly [group: string, label: string, unit: Unit]>> = {
  "scan.cycles": ["scan", "time", "cycles"],
  "scan.instructions": ["scan", "instructions", "instructions"],
  "scan.cyclesPerKiB": ["scan", "time a KiB", "cycles"],
  "scan.irqsOffMax": ["scan", "irqs off max", "cycles"],
  "scan.objects": ["scan", "live objects", "count"],
  "scan.lookups": ["scan", "lookups", "count"],
  "scan.unmatched": ["scan", "found no block", "count"],
  "scan.misses": ["scan", "missed live blocks", "count"],
  "metadata.bytesPerObject": ["scan", "metadata an object", "bytes"],
  "longest.irqsOff": ["longest sections", "irqs off", "cycles"],
  "longest.preemptOff": ["longest sections", "preempt off", "cycles"],
  "waits.count": ["waits for all locks", "waits", "count"],
  "waits.cycles": ["waits for all locks", "waited", "cycles"],
  "leaks.precision": ["leaks", "precision", "share"],
  "leaks.recall": ["leaks", "recall", "share"],
  "leaks.reported": ["leaks", "reported", "count"],
  "leaks.missed": ["leaks", "missed", "count"],
  "leaks.firstReport": ["leaks", "first report after", "cycles"],
};

/** What a measure's name says. */
export function measureInfo(id: string): MeasureInfo {
  const fixed = FIXED[id];
  if (fixed !== undefined) return { id, group: fixed[0], label: fixed[1], unit: fixed[2] };
  const lock = /^lock\.(.*)\.(\w+)\.(\w+)$/.exec(id);
  if (lock !== null) {
    const [, name, kind, field] = lock;
    const [, label, unit] = LOCK_FIELDS.find(([of]) => of === field)!;
    return { id, group: `lock ${name} (${kind})`, label, unit };
  }
  if (id.startsWith("false.")) return { id, group: "false reports, by reason", label: id.slice("false.".length), unit: "count" };
  const [call, area, scanner, rank] = id.split(".");
  return { id, group: `${call} ${area}, scanner ${scanner}`, label: rank, unit: "cycles" };
}
