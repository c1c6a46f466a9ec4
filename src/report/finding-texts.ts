/**
 * Each finding of a run with its whole report: what the observer says, or for a complaint of the guest's the lines of its console.
 *
 * Findings of a kind are numbered in the order of the reports they come from (lab/run/collect.ts).
 */
import type { Finding, RunResult } from "../lab/run/result.ts";
import { heapText } from "./heap.ts";
import { lockdepText } from "./lockdep.ts";
import { progressText } from "./progress.ts";
import { raceText } from "./races.ts";
import { deadlockSection } from "./report.ts";

export interface FindingText extends Finding {
  readonly text: string;
  /** When it was noticed; null: not known. */
  readonly cycle: number | null;
}

/** Lines of the console that belong to a complaint, at most. */
const CONSOLE_LINES_MAX = 60;
const CYCLES_PER_SECOND = 1e9;
const STAMP = /^\[ *(\d+\.\d+)\] /;

export function findingTexts(result: RunResult): FindingText[] {
  const console = new ConsoleComplaints(result.console);
  return result.findings.map((finding) => ({ ...finding, ...(observed(finding, result) ?? console.next(finding.summary)) }));
}

function observed({ id, kind }: Finding, result: RunResult): { text: string; cycle: number | null } | null {
  const at = Number(id.slice(kind.length + 1)) - 1;
  const release = `hartlab ${result.hartlab}`;
  const { lockdep, heap, races, deadlock, progress } = result;
  const slow = progress.reports.filter((report) => report.kind === kind)[at];
  const [one, text] =
    kind === "lockdep"
      ? [lockdep.reports[at], () => lockdepText(lockdep.reports[at], release)]
      : kind === "heap"
        ? [heap?.reports[at], () => heapText(heap!.reports[at], release)]
        : kind === "race"
          ? [races?.reports[at], () => raceText(races!.reports[at], release)]
          : kind === "deadlock" && deadlock.length > 0
            ? [deadlock, () => deadlockSection(result).join("\n")]
            : [slow, () => progressText(slow!, release)];
  return one === undefined ? null : { text: text(), cycle: latest(one) };
}

/** The latest `cycle` (of a stack) or `clock` (of a report) anywhere. */
function latest(value: unknown): number | null {
  if (typeof value !== "object" || value === null) return null;
  const cycles = Object.entries(value).map(([name, of]) => ((name === "cycle" || name === "clock") && typeof of === "number" ? of : latest(of)));
  return cycles.reduce<number | null>((a, b) => (b === null ? a : Math.max(a ?? 0, b)), null);
}

/** Complaints stand in the console in the order in which they are findings. */
class ConsoleComplaints {
  readonly #lines: readonly string[];
  #from = 0;

  constructor(console: string) {
    this.#lines = console.split(/\r?\n/);
  }

  next(summary: string): { text: string; cycle: number | null } {
    // The place behind the guest's own words comes from the image.
    const said = summary.replace(/, at \S+ \(\S+:\d+\)$/, "");
    const place = summary.slice(said.length);
    const first = this.#lines.findIndex((line, i) => i >= this.#from && line.includes(said));
    if (first < 0) return { text: summary, cycle: null };
    let end = first + 1;
    for (; end < this.#lines.length && end - first < CONSOLE_LINES_MAX; end++) if (!belongs(this.#lines[end]!)) break;
    this.#from = end;
    const stamp = STAMP.exec(this.#lines[first]!);
    const lines = this.#lines.slice(first, end);
    return {
      text: [...lines, ...(place === "" ? [] : [`[${place.slice(2)}]`])].join("\n"),
      cycle: stamp ? Math.round(Number(stamp[1]) * CYCLES_PER_SECOND) : null,
    };
  }
}

/** What a guest prints below a complaint: registers, a call trace, indented lines. */
function belongs(line: string): boolean {
  return /^\s|^(?:CPU|PID|Comm|Call Trace|epc|status|cause|badaddr|Modules|Hardware)\b/.test(line.replace(STAMP, "")) && line.trim() !== "";
}
