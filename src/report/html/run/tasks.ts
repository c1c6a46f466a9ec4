/** What each task did, from the timeline. */
import { grouped } from "../../text.ts";
import { type Html, html } from "../markup.ts";
import { guestTime, percent } from "../numbers.ts";
import { dataTable } from "../table.ts";
import type { Digest } from "../timeline/digest.ts";

export function tasksBody({ tasks, harts, to }: Digest): Html {
  if (tasks.length === 0) return html`<p class="none">No switch of tasks was seen.</p>`;
  const all = Math.max(1, to * harts.harts.length);
  const rows = tasks.map(({ name, running, switches, harts: on, waits, waiting }) => [
    name,
    { show: guestTime(running), sort: running },
    { show: percent(running / all), sort: running },
    { show: grouped(switches), sort: switches },
    { show: String(on), sort: on },
    { show: grouped(waits), sort: waits },
    { show: waits === 0 ? "" : guestTime(waiting), sort: waiting },
  ]);
  const columns = [
    { name: "task" },
    { name: "on a hart", align: "right" as const, title: "time between switches to it and away from it; interrupts are part of it" },
    { name: "of all", align: "right" as const, title: "share of the time of all harts" },
    { name: "switches to it", align: "right" as const },
    { name: "harts", align: "right" as const, title: "on how many different ones it was" },
    { name: "waits", align: "right" as const, title: "for locks that somebody else held" },
    { name: "waiting", align: "right" as const, title: "time in these waits, spinning and asleep" },
  ];
  return dataTable(columns, rows, { id: "task-table" });
}
