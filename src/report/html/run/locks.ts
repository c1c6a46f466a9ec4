/** Locks: the table of lock_stat, and who waited for which class and when. */
import type { ResultLock, ResultPoint, RunResult } from "../../../lab/run/result.ts";
import { grouped } from "../../text.ts";
import { type Html, html } from "../markup.ts";
import { heatmap, heatScale } from "../heatmap.ts";
import { guestTime, percent } from "../numbers.ts";
import { type Cell, type Column, dataTable } from "../table.ts";
import type { Digest, LockClassTimes } from "../timeline/digest.ts";
import { HEATMAP_ROWS_MAX, LOCK_ROWS_MAX } from "./limits.ts";

const COLUMNS: readonly Column[] = [
  { name: "class" },
  { name: "kind" },
  { name: "contentions", align: "right", title: "acquisitions that had to wait" },
  { name: "bounced", align: "right", title: "con-bounces: those of them whose lock was last taken on another hart" },
  { name: "wait min", align: "right" },
  { name: "wait max", align: "right" },
  { name: "wait total", align: "right" },
  { name: "wait avg", align: "right" },
  { name: "acquisitions", align: "right" },
  { name: "bounced", align: "right", title: "acq-bounces: acquisitions on another hart than the last" },
  { name: "hold min", align: "right" },
  { name: "hold max", align: "right" },
  { name: "hold total", align: "right" },
  { name: "hold avg", align: "right" },
];

export function locksBody({ locks, heldLocks, contention }: RunResult, made: Digest): Html {
  if (locks.length === 0) return html`<p class="none">No lock was seen: the kernel has no marks, or did not come so far.</p>`;
  const table = dataTable(COLUMNS, locks.map(row), { id: "lock-table", rowsMax: LOCK_ROWS_MAX });
  const held = heldLocks.map((one) => html`<li>${one.class} (${one.kind}) on hart ${one.hart} since ${guestTime(one.since)}</li>`);
  return html`${heatmaps(made)}<h3>lock_stat</h3>${table}${callers(contention)}${points(locks)}${held.length > 0 && html`<h3>Held at the end</h3><ul>${held}</ul>`}`;
}

function row(lock: ResultLock): Cell[] {
  const count = (value: number): Cell => ({ show: value === 0 ? html`<span class="zero">0</span>` : grouped(value), sort: value });
  const time = (cycles: number, samples: number): Cell => ({ show: samples === 0 ? "" : guestTime(cycles), sort: cycles, title: `${grouped(Math.round(cycles))} cycles` });
  const { waits, holds } = lock;
  return [
    { show: html`<code>${lock.class}</code>`, sort: lock.class },
    lock.kind,
    count(lock.contentions),
    count(lock.conBounces),
    time(lock.waitMin, waits),
    time(lock.waitMax, waits),
    time(lock.waitTotal, waits),
    time(waits === 0 ? 0 : lock.waitTotal / waits, waits),
    count(lock.acquisitions),
    count(lock.acqBounces),
    time(lock.holdMin, holds),
    time(lock.holdMax, holds),
    time(lock.holdTotal, holds),
    time(holds === 0 ? 0 : lock.holdTotal / holds, holds),
  ];
}

/** Where locks were asked for in vain, the longest waits first. */
function callers({ callers: all, dropped }: RunResult["contention"]): Html | null {
  if (all.length === 0) return null;
  const rows = all.map(({ symbol, file, line, class: name, type, contended, waiting, waitTotal, waitMax }): Cell[] => [
    { show: html`<code>${symbol}</code>${file !== null && html` <span class="zero">${file}:${line}</span>`}`, sort: symbol },
    { show: html`<code>${name}</code>`, sort: name },
    type,
    { show: grouped(contended), sort: contended },
    { show: guestTime(waitTotal), sort: waitTotal },
    { show: guestTime(waitMax), sort: waitMax },
    { show: waiting === 0 ? "" : grouped(waiting), sort: waiting },
  ]);
  const right = (name: string): Column => ({ name, align: "right" });
  const columns = [{ name: "caller" }, { name: "class" }, { name: "type" }, right("contended"), right("total wait"), right("max wait"), right("still waiting")];
  return html`<details><summary>Waits by caller</summary>${dataTable(columns, rows, { id: "caller-table" })}${dropped.callers > 0 && html`<p class="note">${dropped.callers} callers more waited less.</p>`}</details>`;
}

/** Where waiters waited, and where those were that had the lock then. */
function points(locks: readonly ResultLock[]): Html | null {
  const contended = locks.filter(({ contentionPoints }) => contentionPoints.length > 0).slice(0, LOCK_ROWS_MAX);
  if (contended.length === 0) return null;
  const list = (all: readonly ResultPoint[]): Html => html`${all.map(({ count, symbol }) => html`<div><span class="times">${grouped(count)}</span> <code>${symbol}</code></div>`)}`;
  const rows = contended.map((one): Cell[] => [
    { show: html`<code>${one.class}</code> ${one.kind}`, sort: one.class },
    { show: list(one.contentionPoints), sort: one.contentions },
    { show: list(one.contendingPoints), sort: one.contentions },
  ]);
  return html`<details><summary>Contention points: who waited, and who had the lock then</summary>${dataTable([{ name: "class" }, { name: "waited at" }, { name: "held from" }], rows, { sortable: false })}</details>`;
}

function heatmaps({ classes, from, to }: Digest): Html {
  if (classes.length === 0) return html`<p class="none">Nobody waited for a lock.</p>`;
  const shown = classes.slice(0, HEATMAP_ROWS_MAX);
  const waiters = map(shown, from, to, (one) => one.waiters.means(), "Waiters by class of lock over time", (value) => `${value.toFixed(value < 0.1 ? 3 : 2)} waiting on average`);
  const held = map(shown, from, to, (one) => one.held.means(), "Time held by class of lock over time", percent);
  const more = classes.length - shown.length;
  return html`<h3>When somebody waited</h3>
<fieldset class="switch"><legend>Show</legend><input type="radio" name="heat" id="heat-waiters" checked><label for="heat-waiters">waiters</label> <input type="radio" name="heat" id="heat-held"><label for="heat-held">time held</label>
<figure class="heat waiters">${waiters}</figure><figure class="heat held">${held}</figure></fieldset>
<p class="note">The classes somebody waited for, by total waiting time${more > 0 ? `; ${more} more are not shown` : ""}. A column is ${guestTime(classes[0]!.waiters.width)}. All waits and holds count, in full; a class of several locks can be held for more than all of the time. A cell leads to its time in the timeline.</p>`;
}

function map(shown: readonly LockClassTimes[], from: number, to: number, of: (one: LockClassTimes) => number[], title: string, format: (value: number) => string): Html {
  const rows = shown.map((one) => ({ name: one.name, values: of(one) }));
  const most = rows.flatMap(({ values }) => values).reduce((a, b) => Math.max(a, b), 0);
  return html`${heatmap(rows, { title, from, to, most, format })}${heatScale(most, format)}`;
}
