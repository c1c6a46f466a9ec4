import { expect, test } from "vitest";
import type { LockRow } from "./lock-stat.ts";
import { KIND, type Mark, observed } from "../testing.ts";

const LOCK = 0xc0020000;
const NAME = 0xc0005000;

const init = (lock: number, name: number, clock = 1, hart = 0): Mark => ({
  event: "LOCK_INIT",
  clock,
  hart,
  c: lock,
  a: name,
});
const step =
  (event: "LOCK_CONTENDED" | "LOCK_ACQUIRED" | "LOCK_RELEASE" | "LOCK_TRYFAIL") =>
  (clock: number, hart: number, more: Partial<Mark> = {}): Mark => ({
    event,
    clock,
    hart,
    c: LOCK,
    a: KIND.spin,
    ...more,
  });
const contended = step("LOCK_CONTENDED");
const acquired = step("LOCK_ACQUIRED");
const released = step("LOCK_RELEASE");
const tryFailed = step("LOCK_TRYFAIL");

/** The figures of each row without its sites. */
function rows(marks: readonly Mark[]): Partial<LockRow>[] {
  return observed(marks)
    .lockStat.rows()
    .map((row) => ({ ...row, contentionPoints: undefined, contendingPoints: undefined }));
}

test("two harts, one lock: waits, holds and bounces by hand", () => {
  const marks = [
    init(LOCK, NAME),
    acquired(100, 0),
    contended(150, 1),
    released(400, 0),
    acquired(420, 1),
    released(430, 1),
    contended(440, 1),
    acquired(500, 1),
    released(520, 1),
    acquired(600, 0),
    released(600, 0),
  ];
  expect(rows(marks)).toEqual([
    {
      class: "first.lock",
      kind: "spin",
      // Only the first waiter found the lock last used on another hart.
      conBounces: 1,
      contentions: 2,
      waits: 2,
      waitMin: 60,
      waitMax: 270,
      waitTotal: 330,
      // To hart 1 at 420 and back to hart 0 at 600.
      acqBounces: 2,
      acquisitions: 4,
      holds: 4,
      // The hold of no cycles is a sample, but no minimum.
      holdMin: 10,
      holdMax: 300,
      holdTotal: 330,
    },
  ]);
});

test("a failed trylock is neither contention nor acquisition", () => {
  expect(
    rows([init(LOCK, NAME), acquired(10, 0), tryFailed(15, 1), released(20, 0)]),
  ).toMatchObject([{ contentions: 0, acquisitions: 1, conBounces: 0, waits: 0 }]);
});

test("readers and writers have a row each; readers hold side by side", () => {
  const read = { a: KIND.read };
  const write = { a: KIND.write };
  const marks = [
    init(LOCK, NAME),
    acquired(100, 0, read),
    acquired(110, 1, read),
    contended(120, 2, write),
    released(200, 0, read),
    released(250, 1, read),
    acquired(260, 2, write),
    contended(270, 0, read),
    released(300, 2, write),
    acquired(310, 0, read),
    released(315, 0, read),
  ];
  expect(rows(marks)).toMatchObject([
    {
      kind: "read",
      acquisitions: 3,
      contentions: 1,
      waitTotal: 40,
      holds: 3,
      holdMin: 5,
      holdMax: 140,
      holdTotal: 245,
    },
    { kind: "write", acquisitions: 1, contentions: 1, waitTotal: 140, holdTotal: 40 },
  ]);
});

test("a mutex waiter sleeps and wakes up on another hart", () => {
  const mutex = { a: KIND.mutex };
  const marks: Mark[] = [
    init(LOCK, NAME),
    { event: "SWITCH", clock: 2, hart: 0, c: 0x111, a: 0x100 },
    { event: "SWITCH", clock: 3, hart: 1, c: 0x222, a: 0x101 },
    acquired(10, 0, mutex),
    contended(20, 1, mutex),
    { event: "SWITCH", clock: 30, hart: 1, c: 0x101, a: 0x222 },
    released(100, 0, mutex),
    { event: "SWITCH", clock: 150, hart: 2, c: 0x222, a: 0x102 },
    acquired(160, 2, mutex),
    released(170, 2, mutex),
  ];
  expect(rows(marks)).toMatchObject([
    { kind: "mutex", contentions: 1, waits: 1, waitTotal: 140, acqBounces: 1, holdTotal: 100 },
  ]);
});

test("an interrupt takes another lock while its hart waits", () => {
  const other = { c: LOCK + 0x100 };
  const marks = [
    init(LOCK, NAME),
    init(LOCK + 0x100, 0xc0005300),
    acquired(5, 1),
    contended(10, 0),
    acquired(20, 0, other),
    released(30, 0, other),
    released(35, 1),
    acquired(40, 0),
    released(50, 0),
  ];
  expect(rows(marks)).toMatchObject([
    { class: "first.lock", waitTotal: 30, holdTotal: 40 },
    { class: "other.lock", waits: 0, holdTotal: 10 },
  ]);
});

test("classes: same text elsewhere, subclasses, statics and per-CPU storage", () => {
  const marks = [
    init(LOCK, NAME),
    init(LOCK + 8, 0xc0005100),
    init(LOCK + 16, NAME),
    acquired(10, 0),
    acquired(11, 0, { c: LOCK + 16, b: 1 }),
    released(12, 0, { c: LOCK + 16 }),
    released(13, 0),
    acquired(20, 0, { c: LOCK + 8 }),
    acquired(30, 0, { c: 0xc0010040 }),
    acquired(40, 0, { c: 0xc0010020 }),
    acquired(50, 0, { c: 0xc0300018, tp: 0xc0300000 }),
    acquired(60, 1, { c: 0xc0310018, tp: 0xc0310000 }),
    acquired(70, 1, { c: 0xdead0000 }),
  ];
  const seen = rows(marks);
  expect(Object.fromEntries(seen.map((row) => [row.class, row.acquisitions]))).toEqual({
    "first.lock": 1,
    "first.lock/1": 1,
    "first.lock#2": 1,
    list_lock: 1,
    "zones[1].lock": 1,
    "rq.lock": 2,
    "0xdead0000": 1,
  });
  expect(seen.find((row) => row.class === "first.lock/1")).toMatchObject({ holdTotal: 1 });
});

test("sites: who waited and who held, by the caller of the lock's own code", () => {
  const inLock = { pc: 0xc0002004, ra0: 0xc0003010, ra1: 0xc0001000 };
  const inlined = { pc: 0xc0001012, ra0: 0xc0003010 };
  const marks = [
    init(LOCK, NAME),
    acquired(10, 0, inlined),
    contended(20, 1, inLock),
    released(30, 0),
    acquired(40, 1, inLock),
  ];
  const [row] = observed(marks).lockStat.rows();
  expect(row.contentionPoints).toEqual([{ address: 0xc0003010, count: 1 }]);
  expect(row.contendingPoints).toEqual([{ address: 0xc0001012, count: 1 }]);
});

test("locks that are still held at the end", () => {
  const marks = [
    init(LOCK, NAME),
    acquired(10, 3),
    acquired(20, 1, { c: LOCK + 8 }),
    released(30, 1, { c: LOCK + 8 }),
  ];
  expect(observed(marks).lockStat.held()).toEqual([
    { class: "first.lock", kind: "spin", hart: 3, since: 10 },
  ]);
});

test("clocks beyond 32 bits, and more locks than the tables begin with", () => {
  const marks: Mark[] = [];
  for (let i = 0; i < 3000; i++) {
    const c = LOCK + i * 8;
    marks.push(init(c, NAME), acquired(2 ** 40 + i, 0, { c }), released(2 ** 40 + i + 7, 0, { c }));
  }
  expect(rows(marks)).toMatchObject([
    { acquisitions: 3000, holds: 3000, holdMin: 7, holdMax: 7, holdTotal: 21000 },
  ]);
});
