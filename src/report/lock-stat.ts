/**
 * Lock statistics in the layout of /proc/lock_stat, version 0.4.
 *
 * A class name right-aligned in 40 columns, then twelve columns of 14; times in microseconds with two decimals, where
 * 1 us = 1000 cycles. A class with readers and writers has a row for each (-W, -R). A class that somebody waited for is
 * followed by up to four sites that waited and four that held it then, and by a dotted rule.
 * Source: Documentation/locking/lockstat.rst and kernel/locking/lockdep_proc.c of Linux 6.1.
 */
import type { ResultLock, ResultPoint } from "../lab/run/result.ts";

const NAME_COLUMNS = 40;
const COLUMN = 14;
const POINT_ADDRESS_COLUMNS = 29;
const POINTS_MAX = 4;
const COLUMNS = [
  "con-bounces",
  "contentions",
  "waittime-min",
  "waittime-max",
  "waittime-total",
  "waittime-avg",
  "acq-bounces",
  "acquisitions",
  "holdtime-min",
  "holdtime-max",
  "holdtime-total",
  "holdtime-avg",
];
const WIDTH = NAME_COLUMNS + 1 + COLUMNS.length * (COLUMN + 1);

/** `disabled`: why there are no figures, or wrong ones; null: they are right. */
export function lockStatTable(locks: readonly ResultLock[], disabled: string | null = null): string {
  const rule = "-".repeat(WIDTH);
  const names = [
    "class name".padStart(NAME_COLUMNS),
    ...COLUMNS.map((name) => name.padStart(COLUMN)),
  ];
  return [
    "lock_stat version 0.4",
    ...(disabled === null ? [] : [`*WARNING* lock debugging disabled!! - ${disabled}`]),
    rule,
    names.join(" "),
    rule,
    "",
    ...classes(locks).flatMap(classLines),
  ].join("\n");
}

/** The rows of each class, writers first; sorted by contentions, then acquisitions, then name. */
function classes(locks: readonly ResultLock[]): ResultLock[][] {
  const byName = new Map<string, ResultLock[]>();
  for (const lock of locks) {
    const rows = byName.get(lock.class);
    if (rows) rows.push(lock);
    else byName.set(lock.class, [lock]);
  }
  const all = [...byName.values()].filter(
    (rows) => sum(rows, "acquisitions") + sum(rows, "contentions") > 0,
  );
  for (const rows of all)
    rows.sort((a, b) => Number(isShared(a)) - Number(isShared(b)));
  return all.sort(
    (a, b) =>
      sum(b, "contentions") - sum(a, "contentions") ||
      sum(b, "acquisitions") - sum(a, "acquisitions") ||
      (a[0].class < b[0].class ? -1 : 1),
  );
}

function isShared(row: ResultLock): boolean {
  return row.kind === "read" || row.kind === "sem_read";
}

function sum(rows: readonly ResultLock[], key: "contentions" | "acquisitions"): number {
  return rows.reduce((total, row) => total + row[key], 0);
}

function classLines(rows: readonly ResultLock[]): string[] {
  const name = shortened(rows[0].class);
  const hasReaders = rows.some((row) => isShared(row));
  const lines = rows.map((row) => {
    if (isShared(row)) return statLine(`${name}-R`, row);
    return statLine(hasReaders ? `${name}-W` : name, row);
  });
  if (sum(rows, "contentions") === 0) return lines;
  const underline = "-".repeat(name.length + (hasReaders ? 2 : 0)).padStart(NAME_COLUMNS);
  const waited = pointLines(
    name,
    rows.flatMap((row) => row.contentionPoints),
  );
  const held = pointLines(
    name,
    rows.flatMap((row) => row.contendingPoints),
  );
  if (waited.length > 0) lines.push(underline, ...waited);
  if (held.length > 0) lines.push(underline, ...held);
  return [...lines, "", ".".repeat(WIDTH), ""];
}

/** Room for -W and -R: a longer name is cut, as Linux cuts it, but not its suffixes (`#n` namesake, `/n` subclass). */
function shortened(name: string): string {
  const suffix = /(#\d+)?(\/\d+)?$/.exec(name)?.[0] ?? "";
  return name.slice(0, name.length - suffix.length).slice(0, NAME_COLUMNS - 3 - suffix.length) + suffix;
}

function statLine(name: string, row: ResultLock): string {
  const cells = [
    String(row.conBounces),
    String(row.contentions),
    ...times(row.waitMin, row.waitMax, row.waitTotal, row.waits),
    String(row.acqBounces),
    String(row.acquisitions),
    ...times(row.holdMin, row.holdMax, row.holdTotal, row.holds),
  ];
  return `${name.padStart(NAME_COLUMNS)}:${cells.map((cell) => cell.padStart(COLUMN)).join(" ")}`;
}

function times(min: number, max: number, total: number, count: number): string[] {
  return [min, max, total, count === 0 ? 0 : Math.floor(total / count)].map(microseconds);
}

/** Two decimals, rounded to the nearest hundredth. */
function microseconds(cycles: number): string {
  const hundredths = Math.floor((cycles + 5) / 10);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
}

/** The most frequent sites; one that read and wrote counts once. */
function pointLines(name: string, points: readonly ResultPoint[]): string[] {
  const merged = new Map<string, ResultPoint>();
  for (const point of points) {
    const count = point.count + (merged.get(point.address)?.count ?? 0);
    merged.set(point.address, { ...point, count });
  }
  return [...merged.values()]
    .sort((a, b) => b.count - a.count || (a.address < b.address ? -1 : 1))
    .slice(0, POINTS_MAX)
    .map((point) => {
      const address = `[<${point.address.slice(2)}>]`.padStart(POINT_ADDRESS_COLUMNS);
      const count = String(point.count).padStart(COLUMN);
      return `${name.padStart(NAME_COLUMNS)} ${count} ${address} ${point.symbol}`;
    });
}
