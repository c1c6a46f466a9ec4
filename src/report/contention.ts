/**
 * Waits for locks in the layout of `perf lock contention`: by caller, by lock; then the number of waiters over time, a line a lock.
 *
 * Columns as tools/perf/builtin-lock.c of Linux 6.1 prints them: contended, total, max and average wait, the longest total first. After the
 * caller stands its source line, and which class of lock it waited for.
 */
import type { ResultContended, ResultContendedCaller, ResultContention, ResultWaiters } from "../lab/run/contention.ts";
import { plural } from "./text.ts";

const ROWS = 20;
const COUNT_COLUMNS = 10;
const TIME_COLUMNS = 12;
const TYPE_COLUMNS = 10;
const ADDRESS_COLUMNS = 16;
/** Columns of a line of waiters. */
const LINE_COLUMNS = 64;
const BARS = " ▁▂▃▄▅▆▇█";
const UNITS: readonly (readonly [cycles: number, unit: string])[] = [
  [1e9, "s "],
  [1e6, "ms"],
  [1e3, "us"],
];

export function contentionText(contention: ResultContention): string {
  const { callers, locks, dropped } = contention;
  if (locks.length === 0) return "lock contention: none";
  return [
    "lock contention by caller",
    "",
    ...tableOf(callers, `  ${"type".padStart(TYPE_COLUMNS)}   caller`, callerCells, dropped.callers),
    "",
    "lock contention by lock",
    "",
    ...tableOf(locks, `  ${"address".padStart(ADDRESS_COLUMNS)}   symbol`, lockCells, dropped.locks),
    "",
    ...waitersLines(contention),
    "",
    "1 us = 1000 cycles of guest time. A wait that has not ended is counted, without its time.",
  ].join("\n");
}

function tableOf<R extends ResultContended>(
  rows: readonly R[],
  heads: string,
  cells: (row: R) => string,
  dropped: number,
): string[] {
  const names = ["total wait", "max wait", "avg wait"].map((name) => name.padStart(TIME_COLUMNS));
  const more = rows.length - ROWS + dropped;
  return [
    `${"contended".padStart(COUNT_COLUMNS)} ${names.join(" ")} ${heads}`,
    "",
    ...rows.slice(0, ROWS).map((row) => {
      const { contended, waiting, waitTotal, waitMax } = row;
      const ended = contended - waiting;
      const times = [waitTotal, waitMax, ended === 0 ? 0 : Math.floor(waitTotal / ended)];
      const still = waiting > 0 ? `, ${plural(waiting, "wait")} not ended` : "";
      return `${String(contended).padStart(COUNT_COLUMNS)} ${times.map(time).join(" ")} ${cells(row)}${still}`;
    }),
    ...(more > 0 ? [`${plural(more, "row")} more${dropped > 0 ? "" : " (--json)"}`] : []),
  ];
}

function callerCells({ type, symbol, file, line, class: name }: ResultContendedCaller): string {
  const place = file === null ? "" : ` (${file}:${line})`;
  return `  ${type.padStart(TYPE_COLUMNS)}   ${symbol.replace(/\/0x[0-9a-f]+$/, "")}${place} ${name}`;
}

function lockCells({ type, address, class: name }: ResultContended): string {
  return `  ${address.slice(2).padStart(ADDRESS_COLUMNS)}   ${name} (${type})`;
}

/** A time of perf's: two decimals and the largest unit of which there is one, or whole ns. */
function time(cycles: number): string {
  const [size, unit] = UNITS.find(([least]) => cycles >= least) ?? [1, "ns"];
  const number = size === 1 ? String(cycles) : (cycles / size).toFixed(2);
  return `${number.padStart(TIME_COLUMNS - 3)} ${unit}`;
}

function waitersLines({ waiters }: ResultContention): string[] {
  const { locks, startCycle, bucketCycles, dropped } = waiters;
  const buckets = locks[0]?.most.length ?? 0;
  const perColumn = Math.max(1, Math.ceil(buckets / LINE_COLUMNS));
  const most = Math.max(...locks.flatMap((one) => one.most));
  const shown = locks.slice(0, ROWS);
  const width = Math.max(...shown.map((one) => one.class.length));
  const more = locks.length - shown.length + dropped;
  const [from, to, each] = [startCycle, startCycle + buckets * bucketCycles, perColumn * bucketCycles].map((cycles) => time(cycles).trim());
  return [
    `waiters over time: ${from} to ${to}, ${each} a column; most at once in it, ${BARS.at(-1)} is ${most}`,
    "",
    ...shown.map((one) => waitersLine(one, perColumn, most, width)),
    ...(more > 0 ? [`${plural(more, "lock")} more`] : []),
  ];
}

function waitersLine({ class: name, address, most: counts }: ResultWaiters, perColumn: number, top: number, width: number): string {
  let bars = "";
  for (let at = 0; at < counts.length; at += perColumn) {
    const count = Math.max(...counts.slice(at, at + perColumn));
    bars += BARS[Math.ceil((count * (BARS.length - 1)) / top)];
  }
  return `${name.padEnd(width)} ${address.slice(2)} |${bars}| ${Math.max(...counts)}`;
}
