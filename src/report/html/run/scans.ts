/** kmemleak's scans: what each cost, over time and by how much there was to look through. */
import type { ResultScan, RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { type Axis, chart, type Point } from "../chart.ts";
import { type Html, html } from "../markup.ts";
import { bytesText, guestTime, short } from "../numbers.ts";
import { dataTable } from "../table.ts";
import { SCANS_MAX } from "./limits.ts";

const TIME: Axis = { label: "start of the scan", format: guestTime };

export function scansBody({ scans }: RunResult): Html {
  if (scans.length === 0) return html`<p class="none">No scan was seen.</p>`;
  const shown = scans.slice(0, SCANS_MAX);
  const over = (of: (scan: ResultScan) => number, x = (scan: ResultScan): number => scan.startCycle): Point[] =>
    shown.map((scan) => ({ x: x(scan), y: of(scan), title: `scan ${scan.number}: ${guestTime(scan.cycles)}, ${grouped(scan.objects)} objects, ${grouped(scan.words)} words` }));
  const one = (name: string, points: readonly Point[]) => ({ name, points });
  const charts = [
    chart([one("duration", over(({ cycles }) => cycles)), one("irqs off, longest", over(({ irqsOffMaxCycles }) => irqsOffMaxCycles))], {
      title: "Duration", kind: "line", x: TIME, y: { label: "guest time", format: guestTime, log: true },
    }),
    chart([one("words read", over(({ words }) => words)), one("lookups", over(({ lookups }) => lookups)), one("blocks found", over(({ hits }) => hits))], {
      title: "Work", kind: "line", x: TIME, y: { label: "count", log: true },
    }),
    chart([one("live objects", over(({ objects }) => objects)), one("new suspects", over(({ newSuspects }) => newSuspects))], {
      title: "Objects", kind: "line", x: TIME, y: { label: "objects", whole: true },
    }),
    chart([one("duration", over(({ cycles }) => cycles, ({ objects }) => objects))], {
      title: "Duration by live objects", kind: "scatter", x: { label: "live objects", whole: true }, y: { label: "guest time", format: guestTime },
    }),
    chart([one("cost", over(({ cycles, words }) => cycles / words))], {
      title: "Cost of a word", kind: "line", x: TIME, y: { label: "cycles a word", format: short },
    }),
  ];
  const cut = scans.length > shown.length && html`<p class="note">The first ${shown.length} of ${scans.length} scans.</p>`;
  return html`<div class="charts">${charts}</div>${cut}${table(shown)}<p class="note">Guest time passes while others run too; instructions are the scanner's own. Interrupts-off sections below 256 cycles are not recorded. How long allocations took beside scans stands under Memory.</p>`;
}

function table(scans: readonly ResultScan[]): Html {
  const right = (name: string, title?: string) => ({ name, align: "right" as const, ...(title === undefined ? {} : { title }) });
  const columns = [right("scan"), right("start"), right("time"), right("instructions"), right("words"), right("lookups"), right("blocks found"), right("objects", "live at the end"), right("new suspects"), right("metadata", "of kmemleak's own slab caches, at the end"), right("irqs off max"), right("cycles/word")];
  const rows = scans.map((scan) => [
    String(scan.number),
    { show: guestTime(scan.startCycle), sort: scan.startCycle },
    { show: guestTime(scan.cycles), sort: scan.cycles },
    grouped(scan.instructions),
    grouped(scan.words),
    grouped(scan.lookups),
    grouped(scan.hits),
    grouped(scan.objects),
    grouped(scan.newSuspects),
    { show: bytesText(scan.metadataBytes), sort: scan.metadataBytes },
    { show: scan.irqsOffMaxCycles === 0 ? "< 256 ns" : guestTime(scan.irqsOffMaxCycles), sort: scan.irqsOffMaxCycles },
    scan.words === 0 ? "-" : (scan.cycles / scan.words).toFixed(2),
  ]);
  return dataTable(columns, rows, { id: "scan-table" });
}
