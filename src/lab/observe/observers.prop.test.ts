import fc from "fast-check";
import { expect, test } from "vitest";
import { MARK_BYTES } from "../../machine/memory/layout.ts";
import { KIND, type Mark, observation, observed, records } from "./testing.ts";
import { WordMap } from "./word-map.ts";

test("a word map numbers keys as a Map does", () => {
  const key = fc.oneof(
    fc.integer({ min: 1, max: 5000 }),
    fc.integer().filter((word) => word !== 0),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 3000 }), (keys) => {
      const map = new WordMap();
      const model = new Map<number, number>();
      for (const word of keys) {
        if (!model.has(word)) {
          expect(map.find(word)).toBe(-1);
          model.set(word, model.size);
        }
        expect(map.findOrAdd(word)).toBe(model.get(word));
      }
      for (const [word, index] of model) expect(map.find(word)).toBe(index);
      expect(map.size).toBe(model.size);
    }),
    { numRuns: 40 },
  );
});

const LOCKS = [0xc0020000, 0xc0020008, 0xc0020010];
const HARTS = 3;

/** A legal history of spin locks: each hart waits for at most one lock and holds at most one. */
const history = fc.array(
  fc.record({ hart: fc.nat(HARTS - 1), lock: fc.nat(LOCKS.length - 1), wait: fc.nat(500) }),
  { minLength: 1, maxLength: 200 },
);

interface Row {
  acquisitions: number;
  contentions: number;
  conBounces: number;
  acqBounces: number;
  waits: number[];
  holds: number[];
}

/** Plays a history by the obvious rules; the marks of it, and what lock_stat must say. */
function play(steps: readonly { hart: number; lock: number; wait: number }[]): {
  marks: Mark[];
  rows: Row[];
} {
  const marks: Mark[] = LOCKS.map((c, i) => ({
    event: "LOCK_INIT",
    clock: 1 + i,
    hart: 0,
    c,
    a: 0xc0005300 - i * 0x100,
  }));
  const rows = LOCKS.map(
    (): Row => ({
      acquisitions: 0,
      contentions: 0,
      conBounces: 0,
      acqBounces: 0,
      waits: [],
      holds: [],
    }),
  );
  const owner: ({ hart: number; since: number } | null)[] = LOCKS.map(() => null);
  const last = LOCKS.map(() => 0);
  const waiting: ({ lock: number; since: number } | null)[] = Array(HARTS).fill(null);
  let clock = 10;
  const mark = (event: Mark["event"], hart: number, lock: number): void => {
    marks.push({ event, clock, hart, c: LOCKS[lock], a: KIND.spin });
  };
  const acquire = (hart: number, lock: number): void => {
    mark("LOCK_ACQUIRED", hart, lock);
    rows[lock].acquisitions++;
    if (last[lock] !== hart) rows[lock].acqBounces++;
    last[lock] = hart;
    owner[lock] = { hart, since: clock };
  };
  for (const { hart, lock, wait } of steps) {
    clock += wait;
    const held = owner.findIndex((one) => one?.hart === hart);
    const wanted = waiting[hart];
    if (held >= 0) {
      mark("LOCK_RELEASE", hart, held);
      rows[held].holds.push(clock - (owner[held]?.since ?? 0));
      owner[held] = null;
    } else if (wanted !== null) {
      if (owner[wanted.lock] !== null) continue;
      rows[wanted.lock].waits.push(clock - wanted.since);
      waiting[hart] = null;
      acquire(hart, wanted.lock);
    } else if (owner[lock] === null) acquire(hart, lock);
    else {
      mark("LOCK_CONTENDED", hart, lock);
      rows[lock].contentions++;
      if (last[lock] !== hart) rows[lock].conBounces++;
      waiting[hart] = { lock, since: clock };
    }
  }
  return { marks, rows };
}

const sum = (samples: readonly number[]): number => samples.reduce((all, one) => all + one, 0);
const most = (samples: readonly number[]): number => Math.max(0, ...samples);
function least(samples: readonly number[]): number {
  const positive = samples.filter((one) => one > 0);
  return positive.length === 0 ? 0 : Math.min(...positive);
}

test("lock_stat agrees with the obvious account of any legal history", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const { marks, rows } = play(steps);
      const seen = observed(marks).lockStat.rows();
      const expected = rows
        .filter((row) => row.acquisitions > 0)
        .map(({ waits, holds, ...counts }) => ({
          ...counts,
          waits: waits.length,
          waitMin: least(waits),
          waitMax: most(waits),
          waitTotal: sum(waits),
          holds: holds.length,
          holdMin: least(holds),
          holdMax: most(holds),
          holdTotal: sum(holds),
        }));
      expect(seen).toHaveLength(expected.length);
      for (const row of expected) expect(seen).toContainEqual(expect.objectContaining(row));
    }),
  );
});

test("records may be drained in pieces of any size", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 50 }), (steps, piece) => {
      const { marks } = play(steps);
      const words = records(marks);
      const pieces = observation();
      const stride = (piece * MARK_BYTES) / 4;
      for (let at = 0; at < words.length; at += stride) {
        const part = words.slice(at, at + stride);
        pieces.consume(part, (part.length * 4) / MARK_BYTES);
      }
      expect(pieces.lockStat.rows()).toEqual(observed(marks).lockStat.rows());
    }),
    { numRuns: 30 },
  );
});
