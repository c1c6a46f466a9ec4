import { expect, test } from "vitest";
import { Symbols } from "../lab/image/symbols.ts";
import { type Mark, KIND, observed, SECTION } from "../lab/observe/testing.ts";
import { contentionResult } from "../lab/run/contention.ts";
import { contentionText } from "./contention.ts";

const LOCK = 0xc0020000;
const OTHER = 0xc0020100;

const mark = (event: Mark["event"], clock: number, hart: number, more: Partial<Mark> = {}): Mark => ({
  event,
  clock,
  hart,
  c: LOCK,
  a: KIND.spin,
  ...more,
});

/** Hart 1 waits for `first.lock` twice in kfree (300 and 2,000,100 cycles), hart 2 once inside _spin_lock for kmalloc, and hart 3 for a mutex, to the end. */
const MARKS: readonly Mark[] = [
  mark("LOCK_INIT", 1, 0, { a: 0xc0005000 }),
  mark("LOCK_INIT", 1, 0, { c: OTHER, a: 0xc0005300 }),
  mark("LOCK_ACQUIRED", 100, 0),
  mark("LOCK_CONTENDED", 200, 1, { pc: 0xc0001014 }),
  mark("LOCK_RELEASE", 400, 0),
  mark("LOCK_ACQUIRED", 500, 1),
  mark("LOCK_CONTENDED", 600, 2, { pc: 0xc0002004, ra0: 0xc0003010 }),
  mark("LOCK_RELEASE", 1500, 1),
  mark("LOCK_ACQUIRED", 1600, 2),
  mark("LOCK_CONTENDED", 2000, 1, { pc: 0xc0001014 }),
  mark("LOCK_RELEASE", 2_002_000, 2),
  mark("LOCK_ACQUIRED", 2_002_100, 1),
  mark("LOCK_RELEASE", 2_002_200, 1),
  mark("LOCK_ACQUIRED", 2_010_000, 0, { c: OTHER, a: KIND.mutex }),
  mark("LOCK_CONTENDED", 2_100_000, 3, { c: OTHER, a: KIND.mutex, pc: 0xc0003010 }),
];

const resultOf = (marks: readonly Mark[], config: object = {}) =>
  contentionResult(observed(marks, { ...config }), new Symbols(SECTION), 2_200_000);

test("by caller, by lock and over time, in perf's layout", () => {
  expect(`\n${contentionText(resultOf(MARKS))}\n`).toMatchInlineSnapshot(`
    "
    lock contention by caller

     contended   total wait     max wait     avg wait         type   caller

             2      2.00 ms      2.00 ms      1.00 ms     spinlock   kfree+0x14 (kernel/mm/slab.ts:13) first.lock
             1      1.00 us      1.00 us      1.00 us     spinlock   kmalloc+0x10 (kernel/mm/slab.ts:41) first.lock
             1         0 ns         0 ns         0 ns        mutex   kmalloc+0x10 (kernel/mm/slab.ts:41) other.lock, 1 wait not ended

    lock contention by lock

     contended   total wait     max wait     avg wait            address   symbol

             3      2.00 ms      2.00 ms    667.13 us           c0020000   first.lock (spinlock)
             1         0 ns         0 ns         0 ns           c0020100   other.lock (mutex), 1 wait not ended

    waiters over time: 0 ns to 2.21 ms, 49.15 us a column; most at once in it, █ is 1

    first.lock c0020000 |█████████████████████████████████████████    | 1
    other.lock c0020100 |                                          ███| 1

    1 us = 1000 cycles of guest time. A wait that has not ended is counted, without its time.
    "
  `);
});

test("the figures: waits that ended have times, the others are told apart", () => {
  const { callers, locks, waiters } = resultOf(MARKS);
  expect(callers.map(({ class: name, type, contended, waiting, waitTotal, waitMax, line }) => [name, type, contended, waiting, waitTotal, waitMax, line])).toEqual([
    ["first.lock", "spinlock", 2, 0, 2_000_400, 2_000_100, 13],
    ["first.lock", "spinlock", 1, 0, 1000, 1000, 41],
    ["other.lock", "mutex", 1, 1, 0, 0, 41],
  ]);
  expect(locks.map(({ address, contended, waiting, waitTotal, waitMax }) => [address, contended, waiting, waitTotal, waitMax])).toEqual([
    ["0xc0020000", 3, 0, 2_001_400, 2_000_100],
    ["0xc0020100", 1, 1, 0, 0],
  ]);
  const total = waiters.locks.map((one) => one.waiterCycles.reduce((sum, cycles) => sum + cycles, 0));
  // Over time the one that still waits is there, to the end of the run.
  expect(total).toEqual([2_001_400, 100_000]);
});

test("nobody waited; on rt spinlock_t is an rt-mutex; what comes before a clear is gone, who still waits is not", () => {
  expect(contentionText(resultOf(MARKS.slice(0, 3)))).toBe("lock contention: none");
  expect(resultOf(MARKS, { preempt: "rt" }).callers.map((one) => one.type)).toEqual(["rt-mutex", "rt-mutex", "mutex"]);
  const started: Mark = { event: "SCENARIO_START", clock: 50 };
  const seen = observed([...MARKS.slice(0, 2), started, ...MARKS.slice(2)], {}, { lockStat: [{ at: 2500, to: "clear" }] });
  const { callers, waiters } = contentionResult(seen, new Symbols(SECTION), 2_200_000);
  expect(callers.map(({ contended, waitTotal }) => [contended, waitTotal])).toEqual([[1, 2_000_100], [1, 0]]);
  expect(waiters.locks[0].waiterCycles.reduce((sum, cycles) => sum + cycles, 0)).toBe(2_002_100 - 2550);
});
