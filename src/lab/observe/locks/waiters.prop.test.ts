import fc from "fast-check";
import { expect, test } from "vitest";
import { BUCKETS, Waiters, type WaitersOverTime } from "./waiters.ts";

interface Span {
  readonly lock: number;
  readonly from: number;
  readonly cycles: number;
}

const span = fc.record({ lock: fc.nat(2), from: fc.nat(3_000_000), cycles: fc.nat(400_000) });

/** Plays waits in order of time. A wait that begins where another one ends finds it gone. */
function play(spans: readonly Span[], end: number): WaitersOverTime {
  const waiters = new Waiters();
  const events = spans.flatMap(({ lock, from, cycles }) => [
    { clock: from, order: 1, run: () => waiters.began(lock, from) },
    { clock: from + cycles, order: cycles === 0 ? 2 : 0, run: () => waiters.ended(lock, from + cycles) },
  ]);
  events.sort((a, b) => a.clock - b.clock || a.order - b.order);
  for (const { clock, run } of events) if (clock <= end) run();
  return waiters.view([0, 1, 2], end);
}

test("waiting cycles and the most waiters of each bucket are what the spans say, however wide the buckets became", () => {
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 20 }), fc.nat(4_000_000), (spans, end) => {
      const seen = play(spans, end);
      const begun = spans.filter((one) => one.from <= end);
      expect(seen.bucketCycles * BUCKETS).toBeGreaterThan(Math.max(0, ...begun.map((one) => one.from)));
      expect(seen.series.map((one) => one.lock).sort()).toEqual([...new Set(begun.map((one) => one.lock))].sort());
      for (const { lock, waiterCycles, most } of seen.series) {
        const mine = begun.filter((one) => one.lock === lock);
        const total = mine.reduce((sum, { from, cycles }) => sum + Math.min(from + cycles, end) - from, 0);
        expect(waiterCycles.reduce((sum, one) => sum + one, 0)).toBe(total);
        for (const [at, cycles] of waiterCycles.entries()) {
          const from = seen.startCycle + at * seen.bucketCycles;
          const to = from + seen.bucketCycles;
          expect(cycles).toBe(
            mine.reduce((sum, one) => sum + Math.max(0, Math.min(one.from + one.cycles, to, end) - Math.max(one.from, from)), 0),
          );
          // The most at once stand at one of the beginnings, or at the bucket's.
          const atOnce = (clock: number): number => mine.filter((one) => one.from <= clock && clock < one.from + one.cycles).length;
          const moments = [from, ...mine.map((one) => one.from)].filter((clock) => clock >= from && clock < to && clock < end);
          const lowest = Math.max(0, ...moments.map(atOnce));
          expect(most[at]).toBeGreaterThanOrEqual(lowest);
          // Waits of no time, and at the very end, count where they begin.
          const instant = mine.filter((one) => one.from >= from && one.from < to && (one.cycles === 0 || one.from === end)).length;
          expect(most[at]).toBeLessThanOrEqual(lowest + instant);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("by hand: two wait, one after the other leaves; the rest of the run is left out", () => {
  const waiters = new Waiters();
  waiters.began(7, 1024 * 3 + 1000);
  waiters.began(7, 1024 * 4);
  waiters.ended(7, 1024 * 4 + 10);
  waiters.ended(7, 1024 * 5 + 4);
  expect(waiters.view([7, 9], 1024 * 100)).toEqual({
    startCycle: 1024 * 3,
    bucketCycles: 1024,
    series: [{ lock: 7, waiterCycles: [24, 1024 + 10, 4], most: [1, 2, 1] }],
    dropped: 0,
  });
});
