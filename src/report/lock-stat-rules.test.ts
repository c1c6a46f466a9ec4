/**
 * lock_stat from events to the table, against figures worked out by hand: every column of the rows, and each rule of the format
 * (docs/observers.md, lock_stat). Times are in cycles, 1000 to the microsecond.
 */
import { expect, test } from "vitest";
import type { LockStatControl } from "../lab/observe/locks/control.ts";
import { TOO_MANY_CLASSES } from "../lab/observe/locks/lock-classes.ts";
import type { LockPoint } from "../lab/observe/locks/lock-stat.ts";
import { KIND, type Mark, observed } from "../lab/observe/testing.ts";
import type { ResultLock } from "../lab/run/result.ts";
import { lockStatTable } from "./lock-stat.ts";

const LOCK = 0xc0020000;
const FIRST = 0xc0005000;
const FIRST_AGAIN = 0xc0005100;
const OTHER = 0xc0005300;

type Kind = keyof typeof KIND;
type Event = "LOCK_CONTENDED" | "LOCK_ACQUIRED" | "LOCK_RELEASE" | "LOCK_TRYFAIL";

const init = (c: number, name: number): Mark => ({ event: "LOCK_INIT", clock: 1, c, a: name });
const on = (kind: Kind, event: Event) => (clock: number, hart: number, more: Partial<Mark> = {}): Mark => ({
  event,
  clock,
  hart,
  c: LOCK,
  a: KIND[kind],
  ...more,
});
const waits = (kind: Kind) => on(kind, "LOCK_CONTENDED");
const takes = (kind: Kind) => on(kind, "LOCK_ACQUIRED");
const frees = (kind: Kind) => on(kind, "LOCK_RELEASE");

/** The table without its head: lines of the classes, spaces squeezed. */
function classes(marks: readonly Mark[], controls: readonly LockStatControl[] = []): string[] {
  const points = (all: readonly LockPoint[]) =>
    all.map(({ address, count }) => ({ count, address: `0x${address.toString(16)}`, symbol: `at ${(address & 0xff).toString(16)}` }));
  const locks: ResultLock[] = observed(marks, {}, { lockStat: controls })
    .lockStat.rows()
    .map((row) => ({ ...row, contentionPoints: points(row.contentionPoints), contendingPoints: points(row.contendingPoints) }));
  const lines = lockStatTable(locks).split("\n").slice(5);
  return lines.filter((line) => line !== "" && !line.startsWith("...")).map((line) => line.trim().replace(/ +/g, " "));
}

test("readers and writers of one class: twelve columns each, by hand", () => {
  const [write, read] = ["write", "read"] as const;
  // Hart 0 writes 1000..4000. Hart 1 wants to read from 1500 (the lock was last on hart 0: a bounce) and gets in at 4200, after 2700.
  // Hart 2 reads beside it, 4300..4300: a hold of no time. Hart 0 wants to write from 4400 (last on hart 2: a bounce), waits 826 to
  // 5226; hart 1 has left at 5204, after 1004. Hart 0 wants it again at 6000 behind its own handler's read: same hart, no bounce.
  const marks = [
    init(LOCK, FIRST),
    takes(write)(1000, 0, { pc: 0xc0003010 }),
    waits(read)(1500, 1, { pc: 0xc0003020 }),
    frees(write)(4000, 0),
    takes(read)(4200, 1, { pc: 0xc0003020 }),
    takes(read)(4300, 2, { pc: 0xc0003030 }),
    frees(read)(4300, 2),
    waits(write)(4400, 0, { pc: 0xc0003040 }),
    frees(read)(5204, 1),
    takes(write)(5226, 0, { pc: 0xc0003040 }),
    frees(write)(5300, 0),
    takes(read)(5900, 0, { pc: 0xc0003050 }),
    waits(write)(6000, 0, { pc: 0xc0003040 }),
    frees(read)(6100, 0),
    takes(write)(6104, 0, { pc: 0xc0003040 }),
    frees(write)(6114, 0),
  ];
  expect(classes(marks)).toEqual([
    // con-bounces 1, contentions 2: waits 826 and 104, min 0.10, max 0.83, total 930, average 465; acq-bounces: at 5226 only (the first
    // is where the lock was made); holds 3000, 74, 10: average 1028.
    "first.lock-W: 1 2 0.10 0.83 0.93 0.47 1 3 0.01 3.00 3.08 1.03",
    // One wait of 2700; on harts 1 (from 0), 2 (from 1), 0 (from 0, no bounce); holds 1004, 0, 200: the 0 is no minimum, but counts: average 401.
    "first.lock-R: 1 1 2.70 2.70 2.70 2.70 2 3 0.20 1.00 1.20 0.40",
    "------------",
    "first.lock 2 [<c0003040>] at 40",
    "first.lock 1 [<c0003020>] at 20",
    "------------",
    "first.lock 1 [<c0003010>] at 10",
    "first.lock 1 [<c0003030>] at 30",
    "first.lock 1 [<c0003050>] at 50",
  ]);
});

test("the four most frequent sites of each sort, of readers and writers together", () => {
  const marks: Mark[] = [init(LOCK, FIRST)];
  let clock = 1000;
  // Site n waits n times, by turns for reading and for writing; whoever took the lock last at site n makes the next one wait.
  for (let site = 1; site <= 6; site++)
    for (let time = 0; time < site; time++) {
      const kind = time % 2 === 0 ? "write" : "read";
      const at = { pc: 0xc0003000 + site * 4 };
      marks.push(waits(kind)(clock, 1, at), takes(kind)(clock + 10, 1, at), frees(kind)(clock + 20, 1));
      clock += 100;
    }
  expect(classes(marks).filter((line) => line.includes("[<"))).toEqual([
    "first.lock 6 [<c0003018>] at 18",
    "first.lock 5 [<c0003014>] at 14",
    "first.lock 4 [<c0003010>] at 10",
    "first.lock 3 [<c000300c>] at c",
    // The very first waiter found nobody's site, and each site was first found by the next one's first wait.
    "first.lock 5 [<c0003014>] at 14",
    "first.lock 5 [<c0003018>] at 18",
    "first.lock 4 [<c0003010>] at 10",
    "first.lock 3 [<c000300c>] at c",
  ]);
});

test("one kind only: no -W; readers only: -R. A try that fails is nothing", () => {
  const spin = [init(LOCK, FIRST), takes("spin")(10, 0), on("spin", "LOCK_TRYFAIL")(15, 1), frees("spin")(1020, 0)];
  expect(classes(spin)).toEqual(["first.lock: 0 0 0.00 0.00 0.00 0.00 0 1 1.01 1.01 1.01 1.01"]);
  const read = [init(LOCK, FIRST), takes("read")(10, 0), frees("read")(1020, 0)];
  expect(classes(read)).toEqual(["first.lock-R: 0 0 0.00 0.00 0.00 0.00 0 1 1.01 1.01 1.01 1.01"]);
});

test("sorted by the contentions of both kinds, then acquisitions, then name; suffixes for namesakes and subclasses", () => {
  const take = (c: number, clock: number, more: Partial<Mark> = {}): Mark[] => [
    takes("spin")(clock, 0, { c, ...more }),
    frees("spin")(clock + 10, 0, { c }),
  ];
  const wait = (c: number, clock: number, more: Partial<Mark> = {}): Mark[] => [waits("spin")(clock, 0, { c, ...more }), ...take(c, clock + 5, more)];
  const marks = [
    init(LOCK, FIRST),
    init(LOCK + 8, FIRST_AGAIN),
    init(LOCK + 16, OTHER),
    ...take(LOCK, 100),
    ...take(LOCK, 200),
    ...wait(LOCK + 8, 300, { b: 1 }),
    ...wait(LOCK + 8, 400, { b: 1 }),
    ...wait(LOCK + 16, 500),
    ...take(LOCK + 8, 600),
  ];
  const rows = classes(marks).filter((line) => line.includes(":"));
  expect(rows.map((line) => line.replace(/(\S+: \d+ \d+) .*/, "$1"))).toEqual(["first.lock#2/1: 0 2", "other.lock: 0 1", "first.lock: 0 0", "first.lock#2: 0 0"]);
});

test("a wait that has not ended is a contention without a time; a hold that has not ended is none", () => {
  const marks = [init(LOCK, FIRST), takes("spin")(100, 0), waits("spin")(200, 1)];
  expect(classes(marks)[0]).toBe("first.lock: 1 1 0.00 0.00 0.00 0.00 0 1 0.00 0.00 0.00 0.00");
});

test("off and on, and cleared: nothing is counted while off, who holds the lock is known all the same", () => {
  const round = (clock: number, hart: number): Mark[] => [takes("spin")(clock, hart), frees("spin")(clock + 1000, hart)];
  const marks: Mark[] = [
    init(LOCK, FIRST),
    { event: "SCENARIO_START", clock: 5000 },
    ...round(10_000, 0),
    ...round(20_000, 1),
    // The hold begins while off and ends while on; the wait began while off.
    takes("spin")(30_000, 0),
    waits("spin")(31_000, 1),
    frees("spin")(42_000, 0),
    takes("spin")(43_000, 1),
    frees("spin")(44_000, 1),
  ];
  const off = [{ at: 10_000, to: "off" }, { at: 35_000, to: "on" }] as const;
  expect(classes(marks, off)).toEqual(["first.lock: 0 0 0.00 0.00 0.00 0.00 1 2 1.00 12.00 14.00 4.67"]);
  expect(classes(marks, [{ at: 33_000, to: "clear" }])[0]).toBe("first.lock: 0 0 12.00 12.00 12.00 12.00 1 1 1.00 12.00 13.00 6.50");
  expect(classes(marks, [{ at: 50_000, to: "clear" }])).toEqual(["first.lock: 1 1 12.00 12.00 12.00 12.00 3 4 1.00 12.00 15.00 3.75", ...classes(marks).slice(1)]);
});

const ROW: ResultLock = {
  class: "",
  kind: "spin",
  conBounces: 0,
  contentions: 0,
  waitMin: 0,
  waitMax: 0,
  waitTotal: 0,
  acqBounces: 0,
  acquisitions: 1,
  holdMin: 0,
  holdMax: 0,
  holdTotal: 0,
  waits: 0,
  holds: 0,
  contentionPoints: [],
  contendingPoints: [],
};

test("the head; a name of 40 columns; long names are cut and keep their suffixes; the warning", () => {
  const name = "a_rather_long_structure.with_a_rather_long_lock";
  const table = lockStatTable([{ ...ROW, class: name }, { ...ROW, class: `${name}#2/1` }], "because");
  const [version, warning, rule, head, , , first, second] = table.split("\n");
  expect([version, warning]).toEqual(["lock_stat version 0.4", "*WARNING* lock debugging disabled!! - because"]);
  expect(rule).toMatch(/^-{221}$/);
  // Twelve columns of 14 with a space before each, behind 40 for the name.
  expect(head).toHaveLength(40 + 12 * 15);
  expect(head.slice(40).match(/.{15}/g)?.map((one) => one.trim()).join()).toBe(
    "con-bounces,contentions,waittime-min,waittime-max,waittime-total,waittime-avg,acq-bounces,acquisitions,holdtime-min,holdtime-max,holdtime-total,holdtime-avg",
  );
  expect(first.slice(0, 41)).toBe("   a_rather_long_structure.with_a_rather:");
  expect(second.slice(0, 41)).toBe("   a_rather_long_structure.with_a_ra#2/1:");
  expect(lockStatTable([]).split("\n")[1]).toBe(rule);
  expect(TOO_MANY_CLASSES).toContain("8192");
});
