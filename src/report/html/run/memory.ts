/** What was allocated over time, from the timeline, and the checkers' totals. */
import type { RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { chart } from "../chart.ts";
import { type Html, html } from "../markup.ts";
import { guestTime } from "../numbers.ts";
import type { Level } from "../timeline/bins.ts";
import { latencyBody } from "./latency.ts";
import type { Digest } from "../timeline/digest.ts";

export function memoryBody(result: RunResult, { pages, blocks }: Digest): Html {
  const { heap, races, scans } = result;
  const time = { label: "guest time", format: guestTime };
  const level = (name: string, { points }: Level) => [
    { name: `${name}, at the end of each stretch`, points: points.map(({ clock, value }) => ({ x: clock, y: value })) },
    { name: "most in it", points: points.map(({ clock, most }) => ({ x: clock, y: most })) },
  ];
  const charts = [
    pages.seen && chart(level("pages", pages), { title: "Pages allocated", kind: "step", x: time, y: { label: "pages of 4 KiB" } }),
    blocks.seen && chart(level("blocks", blocks), { title: "Blocks allocated", kind: "step", x: time, y: { label: "slab, kmalloc and vmalloc blocks" } }),
    scans.length > 0 &&
      chart([{ name: "objects", points: scans.map(({ startCycle, cycles, objects }) => ({ x: startCycle + cycles, y: objects })) }], {
        title: "Objects known to kmemleak", kind: "line", x: time, y: { label: "at the end of each scan" },
      }),
  ];
  const checks = [
    heap !== null && html`<li>heap: ${grouped(heap.checked)} accesses to allocated memory checked, ${heap.reports.length} reports</li>`,
    races !== null && html`<li>races: ${grouped(races.checked)} accesses compared with those of other harts, ${races.reports.length} reports</li>`,
  ];
  const some = charts.some((one) => one !== false);
  return html`${latencyBody(result)}<h3>What was allocated</h3>${some ? html`<div class="charts">${charts}</div>` : html`<p class="none">No allocation was seen.</p>`}${checks.some((one) => one !== false) && html`<ul>${checks}</ul>`}`;
}
