/**
 * The lock statistics in the layout of /proc/lock_stat, version 0.4: name in 40 columns, then 12 columns of 14, times in
 * microseconds (1 us = 1000 cycles), a row each for writers (-W) and readers (-R) of a class that has both, and below a
 * contended class up to four places that waited and four that held.
 * Source: Documentation/locking/lockstat.rst and kernel/locking/lockdep_proc.c of Linux 6.1.
 */
import type { ResultLock, ResultPoint } from "../lab/run/result.ts";

const CYCLES_PER_US = 1000;
const NAME_COLUMNS = 40;
const COLUMNS = [
  "con-bounces", "contentions", "waittime-min", "waittime-max", "waittime-total", "waittime-avg",
  "acq-bounces", "acquisitions", "holdtime-min", "holdtime-max", "holdtime-total", "holdtime-avg",
];
const WIDTH = NAME_COLUMNS + 1 + COLUMNS.length * 15;

const time = (cycles: number): string => (cycles / CYCLES_PER_US).toFixed(2);
const cell = (value: string | number): string => ` ${String(value).padStart(14)}`;

function average(total: number, samples: number): string {
  return time(samples === 0 ? 0 : total / samples);
}

function row(name: string, lock: ResultLock): string {
  const cells = [
    lock.conBounces, lock.contentions, time(lock.waitMin), time(lock.waitMax), time(lock.waitTotal),
    average(lock.waitTotal, lock.waits),
    lock.acqBounces, lock.acquisitions, time(lock.holdMin), time(lock.holdMax), time(lock.holdTotal),
    average(lock.holdTotal, lock.holds),
  ];
  return `${name.padStart(NAME_COLUMNS)}:${cells.map(cell).join("")}`;
}

function points(name: string, all: readonly ResultPoint[]): string[] {
  return all.map(({ count, address, symbol }) => {
    const where = `[<${address.replace(/^0x/, "")}>]`;
    return `${name.padStart(NAME_COLUMNS)} ${String(count).padStart(14)} ${where.padStart(29)} ${symbol}`;
  });
}

/** The rows of one class: one lock row, or the writers' and the readers'. */
function classRows(rows: readonly ResultLock[]): string[] {
  const name = rows[0]!.class;
  const lines = rows.map((lock) => {
    const suffix = lock.kind === "write" ? "-W" : lock.kind === "read" ? "-R" : "";
    return row(rows.length > 1 ? `${name}${suffix}` : name, lock);
  });
  if (rows.some((lock) => lock.contentions > 0)) {
    const underline = "-".repeat(name.length).padStart(NAME_COLUMNS);
    lines.push(underline, ...rows.flatMap((lock) => points(name, lock.contentionPoints)));
    lines.push(underline, ...rows.flatMap((lock) => points(name, lock.contendingPoints)));
  }
  return lines;
}

/** Sorted by contentions, then acquisitions, then name. */
export function lockStatTable(locks: readonly ResultLock[]): string {
  const classes = new Map<string, ResultLock[]>();
  for (const lock of locks) {
    const rows = classes.get(lock.class) ?? [];
    if (lock.kind === "write") rows.unshift(lock);
    else rows.push(lock);
    classes.set(lock.class, rows);
  }
  const sum = (rows: readonly ResultLock[], key: "contentions" | "acquisitions"): number =>
    rows.reduce((total, lock) => total + lock[key], 0);
  const sorted = [...classes.values()].sort(
    (a, b) =>
      sum(b, "contentions") - sum(a, "contentions") ||
      sum(b, "acquisitions") - sum(a, "acquisitions") ||
      (a[0]!.class < b[0]!.class ? -1 : 1),
  );
  const header = `${"class name".padStart(NAME_COLUMNS)} ${COLUMNS.map(cell).join("")}`;
  const lines = ["lock_stat version 0.4", "-".repeat(WIDTH), header, "-".repeat(WIDTH), ""];
  for (const rows of sorted) lines.push(...classRows(rows), "", ".".repeat(WIDTH), "");
  return lines.join("\n");
}
