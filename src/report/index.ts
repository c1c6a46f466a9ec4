/** The report of a run as plain text: what stands after the guest's console. Figures carry their unit. */
import { exitCode, type ResultScan, type RunResult } from "../lab/run/result.ts";
import { formatDuration } from "../lab/scenario/units.ts";
import { leakReport, plantedLine } from "./leaks.ts";
import { lockStatTable } from "./lock-stat.ts";

export { conditions } from "./conditions.ts";

/** One line that says how it went: first and last on stdout. */
export function verdictLine(result: RunResult): string {
  const code = exitCode(result);
  const word = code === 0 ? "PASS" : code === 3 ? "UNDECIDED" : "FAIL";
  const { expected, found, missed, extra, transient } = result.leaks.planted;
  const leaks =
    expected === 0
      ? "no planted leaks"
      : `${found} of ${expected} planted leaks found, ${missed} missed, ${extra} extra, ${transient} transient`;
  const failed = result.expect.filter((one) => !one.pass).map((one) => `${one.name} (${one.detail})`);
  const why = failed.length > 0 ? `; not as expected: ${failed.join(", ")}` : "";
  return `${word} ${result.scenario} seed ${result.seed}, ${result.harts} harts: ${result.outcome}, ${leaks}${why}`;
}

function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) => row.map((value, column) => String(value).padStart(widths[column]!)).join("  "));
}

function scanTable(scans: readonly ResultScan[]): string[] {
  const rows = scans.map((scan) => [
    scan.number,
    `${scan.cycles} cycles`,
    `${scan.instructions} instructions`,
    `${scan.words} words`,
    `${scan.words === 0 ? "-" : (scan.cycles / scan.words).toFixed(1)} cycles/word`,
    `${scan.lookups} lookups`,
    `${scan.hits} hits`,
    `${scan.objects} objects`,
    `${scan.bytes} bytes`,
    `${scan.irqsOffMaxCycles} cycles`,
  ]);
  const head = ["scan", "took", "of the scanner", "read", "", "in range", "", "live", "", "longest irqs-off section"];
  return table([head, ...rows]);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ""];
}

export function report(result: RunResult): string {
  const events = result.events.map(
    (event) =>
      `${event.detail} (${formatDuration(event.sinceStart)} after the start): ${event.result}` +
      (event.latencyCycles === null ? "" : `, answered after ${event.latencyCycles} cycles`),
  );
  const totals = [
    `${result.instructions} instructions retired (${result.perHart.join(" + ")}), ${result.marks} marks, ${result.cycles} cycles`,
    ...(result.bootInstructions === null
      ? []
      : [`${result.bootInstructions} instructions of the boot hart from reset to the first kthread`]),
    `hash ${result.hash}`,
  ];
  return [
    leakReport(result),
    "",
    plantedLine(result),
    "",
    "Locks (microseconds; 1 us = 1000 cycles)",
    lockStatTable(result.locks),
    ...section("Scan cost", result.scans.length === 0 ? [] : scanTable(result.scans)),
    ...section("Events", events),
    ...section("Findings", result.findings.map((finding) => `${finding.id}: ${finding.summary}`)),
    ...section(
      "Expectations",
      result.expect.map((one) => `${one.pass ? "ok" : one.undecided ? "undecided" : "FAILED"}  ${one.name}: ${one.detail}`),
    ),
    ...section("Totals", totals),
    "Cycles come from a cost model, not from silicon: its constants are in src/machine/timing.",
  ].join("\n");
}
