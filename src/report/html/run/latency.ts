/** How long allocating and freeing took beside kmemleak's scans and without them, and the longest sections with something off. */
import type { ResultSection, RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { chart } from "../chart.ts";
import { type Html, html } from "../markup.ts";
import { guestTime } from "../numbers.ts";
import { dataTable, factTable } from "../table.ts";

const PERCENTILES = ["p50", "p99", "max"] as const;

export function latencyBody({ latency, longest }: RunResult): Html {
  const name = ({ call, area, scanner }: RunResult["latency"][number]): string => `${call} ${area}, ${scanner === "active" ? "beside a scan" : "no scan"}`;
  const series = latency.map((row) => ({ name: name(row), points: PERCENTILES.map((one, i) => ({ x: i, y: row[one], title: `${name(row)}: ${one} ${guestTime(row[one])} of ${grouped(row.count)} calls` })) }));
  const picture = chart(series, {
    title: "Allocator calls",
    kind: "line",
    x: { label: "of all calls", values: [0, 1, 2], format: (at) => PERCENTILES[at] ?? "" },
    y: { label: "guest time", format: guestTime, log: true },
    width: 560,
  });
  const time = (cycles: number) => ({ show: guestTime(cycles), sort: cycles, title: `${grouped(cycles)} cycles` });
  const right = (one: string) => ({ name: one, align: "right" as const });
  const rows = latency.map(({ call, area, scanner, count, p50, p99, max }) => [call, area, scanner, { show: grouped(count), sort: count }, time(p50), time(p99), time(max)]);
  const columns = [{ name: "call" }, { name: "memory" }, { name: "scanner" }, right("calls"), right("p50"), right("p99"), right("max")];
  const calls = latency.length === 0 ? html`<p class="none">No call of an allocator was seen after the start of the scenario.</p>` : html`<div class="columns">${picture}<div>${dataTable(columns, rows, { id: "latency-table" })}<p class="note">From call to return, interrupts and waiting included, of calls after the scenario's start; a call counts as beside a scan when one was going on at its begin or end.</p></div></div>`;
  const sections = factTable([["interrupts off, longest", sectionText(longest.irqsOff)], ["preemption off, longest", sectionText(longest.preemptOff)]]);
  return html`<h3>How long allocating and freeing took</h3>${calls}${sections}`;
}

function sectionText({ cycles, at, hart, endCycle }: ResultSection): Html {
  if (at === null) return html`none seen`;
  return html`${guestTime(cycles)}, begun at <code>${at.symbol}</code> on hart ${hart}, until <a href="#timeline" data-clock="${endCycle}">${guestTime(endCycle)}</a>`;
}
