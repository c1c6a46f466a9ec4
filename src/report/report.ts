/** Everything that follows the guest's console: leaks, locks, scans, events, findings, expectations, totals. */
import { TOO_MANY_CLASSES } from "../lab/observe/locks/lock-classes.ts";
import { exitCode, type RunResult } from "../lab/run/result.ts";
import { describeModel } from "../machine/timing/model.ts";
import { contentionText } from "./contention.ts";
import { heapText } from "./heap.ts";
import { leakReport } from "./leaks.ts";
import { lockdepText } from "./lockdep.ts";
import { lockStatTable } from "./lock-stat.ts";
import { snapshotsSection } from "./snapshots.ts";
import { truthSection } from "./truth.ts";
import { measuresSection } from "./measures.ts";
import { progressText } from "./progress.ts";
import { raceText } from "./races.ts";
import { stackLines } from "./stack.ts";
import { type Align, grouped, section, table } from "./text.ts";

const BUDGET_HINT = "The instruction budget ended first: raise limits.instructions to decide it.";

/** `contention`: with the tables of who waited for which lock. */
export function report(result: RunResult, { contention = false } = {}): string {
  const sections = [
    leakReport(result),
    `${lockStatTable(result.locks, lockStatDisabled(result)).trimEnd()}\nTimes in us of guest time: 1 us = 1000 cycles.`,
    ...(contention ? [contentionText(result.contention)] : []),
    scansSection(result),
    ...(result.truth === null ? [] : [truthSection(result.truth)]),
    ...(result.snapshots === null ? [] : [snapshotsSection(result.snapshots)]),
    measuresSection(result),
    eventsSection(result),
    findingsSection(result),
    ...deadlockSection(result),
    ...progressSections(result),
    ...lockdepSections(result),
    ...heapSections(result),
    ...raceSections(result),
    ...heldSection(result),
    expectationsSection(result),
    totalsSection(result),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** Why lock_stat saw nothing, or not everything. */
function lockStatDisabled({ locks, bootInstructions }: RunResult): string | null {
  if (bootInstructions === null && locks.length === 0) return "the kernel has no trace marks (marks=false)";
  return locks.some((one) => one.class === TOO_MANY_CLASSES) ? `${TOO_MANY_CLASSES}: their figures are added up` : null;
}

/** One row a scan; the second line of the head is the unit. */
function scansSection({ scans }: RunResult): string {
  if (scans.length === 0) return "kmemleak scans: none seen";
  const head = [
    [
      "scan",
      "time",
      "instructions",
      "read",
      "lookups",
      "hits",
      "objects",
      "scanned",
      "irqs off max",
      "cost",
    ],
    [
      "number",
      "cycles",
      "retired",
      "words",
      "in index",
      "blocks found",
      "live",
      "bytes",
      "cycles",
      "cycles/word",
    ],
  ];
  const rows = scans.map((scan) => [
    String(scan.number),
    grouped(scan.cycles),
    grouped(scan.instructions),
    grouped(scan.words),
    grouped(scan.lookups),
    grouped(scan.hits),
    grouped(scan.objects),
    grouped(scan.bytes),
    scan.irqsOffMaxCycles === 0 ? "< 256" : grouped(scan.irqsOffMaxCycles),
    scan.words === 0 ? "-" : (scan.cycles / scan.words).toFixed(2),
  ]);
  return section(
    "kmemleak scans",
    table(
      [...head, ...rows],
      head[0].map((): Align => "right"),
    ),
  );
}

function eventsSection({ events }: RunResult): string {
  if (events.length === 0) return "events: none";
  const head = ["event", "injected at cycle", "result", "latency in cycles"];
  const rows = events.map((event) => [
    event.detail,
    event.cycle === null ? "-" : grouped(event.cycle),
    event.result,
    event.latencyCycles === null ? "-" : grouped(event.latencyCycles),
  ]);
  return section("events", table([head, ...rows], ["left", "right", "left", "right"]));
}

function findingsSection({ findings }: RunResult): string {
  if (findings.length === 0) return "findings: none";
  return section(
    "findings",
    findings.map((one) => `${one.id}: ${one.summary}`),
  );
}

function lockdepSections({ lockdep, hartlab }: RunResult): string[] {
  const texts = lockdep.reports.map((one) => lockdepText(one, `hartlab ${hartlab}`));
  if (lockdep.dropped > 0)
    texts.push(`lockdep: ${lockdep.dropped} different reports more, not kept (the limit is ${lockdep.reports.length})`);
  return texts;
}

/** The circle: each waits for what the next one holds, or for its end, or for its read section's. */
export function deadlockSection({ deadlock }: RunResult): string[] {
  if (deadlock.length === 0) return [];
  const name = ({ comm, pid }: { comm: string; pid: number }): string => `${comm}/${pid}`;
  const lines = deadlock.flatMap((one, at) => {
    const holder = name(deadlock[(at + 1) % deadlock.length].task);
    const what = one.kind === "task" ? `the end of ${holder}` : one.kind === "rcu" ? "a grace period" : `${one.class} (${one.kind})`;
    const inside = one.kind === "rcu" ? `${holder} is inside a read section` : `${one.class} has been held by ${holder}`;
    const because = one.kind === "task" ? `${holder} does not come to its end` : inside;
    return [
      `${name(one.task)} on hart ${one.waits.stack.hart} has waited for ${what} since cycle ${grouped(one.waits.stack.cycle)}:`,
      ...stackLines(one.waits.stack, "  "),
      `${because} since cycle ${grouped(one.held.stack.cycle)}:`,
      ...stackLines(one.held.stack, "  "),
    ];
  });
  return [section("deadlock", lines)];
}

function progressSections({ progress, hartlab }: RunResult): string[] {
  const texts = progress.reports.map((one) => progressText(one, `hartlab ${hartlab}`));
  if (progress.dropped > 0) texts.push(`progress: ${progress.dropped} different reports more, not kept`);
  return texts;
}

function heapSections({ heap, hartlab }: RunResult): string[] {
  if (heap === null) return [];
  const texts = heap.reports.map((one) => heapText(one, `hartlab ${hartlab}`));
  if (heap.dropped > 0)
    texts.push(`heap: ${heap.dropped} different reports more, not kept (the limit is ${heap.reports.length})`);
  return [...texts, `heap: ${grouped(heap.checked)} accesses to allocated memory checked`];
}

function raceSections({ races, hartlab }: RunResult): string[] {
  if (races === null) return [];
  const texts = races.reports.map((one) => raceText(one, `hartlab ${hartlab}`));
  if (races.dropped > 0)
    texts.push(`races: ${races.dropped} different reports more, not kept (the limit is ${races.reports.length})`);
  return [...texts, `races: ${grouped(races.checked)} accesses compared with those of other harts`];
}

/** Who holds what tells why a run did not come to its end. */
function heldSection({ outcome, heldLocks }: RunResult): string[] {
  if (outcome === "poweroff" || heldLocks.length === 0) return [];
  const lines = heldLocks.map(
    (one) => `${one.class} (${one.kind}) on hart ${one.hart} since cycle ${grouped(one.since)}`,
  );
  return [section("locks held at the end", lines)];
}

function expectationsSection(result: RunResult): string {
  if (result.expect.length === 0) return "expectations: none";
  const rows = result.expect.map((one) => [
    one.pass ? "ok" : one.undecided ? "undecided" : "failed",
    one.name,
    one.detail,
  ]);
  const lines = table(rows, ["left", "left", "left"]);
  return section("expectations", exitCode(result) === 3 ? [...lines, BUDGET_HINT] : lines);
}

function totalsSection(result: RunResult): string {
  const costs =
    result.costs !== null
      ? `cycles follow a cost model (preset ${describeModel(result.costs)}), not measured hardware; docs/timing.md has its constants`
      : "functional timing: every instruction takes one cycle";
  const rows = [
    ["instructions", `${grouped(result.instructions)} (marks not counted)`],
    ["by hart", result.perHart.map(grouped).join(" + ")],
    [
      "until the first kthread",
      result.bootInstructions === null ? "not seen" : grouped(result.bootInstructions),
    ],
    ["marks", grouped(result.marks)],
    ["cycles", `${grouped(result.cycles)} (1 cycle = 1 ns of guest time)`],
    ["hash", result.hash],
    ["costs", costs],
  ];
  return section("totals", table(rows, ["left", "left"]));
}
