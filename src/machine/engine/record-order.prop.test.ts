import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordOrder, inOneRun } from "./record-order.ts";

const FORMAT = { words: 5, head: 3 };
const FIRST = 7;

interface Made {
  readonly hart: number;
  readonly clock: number;
}

/** Buffer of the records; word 2 is their age. */
function bufferOf(records: readonly Made[]): Int32Array {
  const words = new Int32Array(FIRST + records.length * FORMAT.words);
  records.forEach(({ hart, clock }, age) => {
    words.set([clock | 0, Math.floor(clock / 2 ** 32), age, 0x7f00 | hart, ~age], FIRST + age * FORMAT.words);
  });
  return words;
}

function agesAt(words: Int32Array, count: number): number[] {
  return Array.from({ length: count }, (_, at) => {
    const record = words.subarray(at * FORMAT.words, (at + 1) * FORMAT.words);
    expect(record[4]).toBe(~record[2]!);
    return record[2]!;
  });
}

const step = fc.record({ hart: fc.nat(4), ahead: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(2 ** 33)) });

test("order of clock, then of the harts' turns, then of age; the rest waits in the same order", () => {
  let waited = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(2 ** 34), fc.constantFrom(5, 6, 8), (steps, before, harts) => {
      const clocks = [0, 0, 0, 0, 0];
      const order = new RecordOrder(FORMAT, harts);
      const made = steps.map(({ hart, ahead }) => {
        clocks[hart]! += ahead;
        return { hart, clock: clocks[hart]! };
      });
      const turn = ({ hart, clock }: Made): number => (hart + clock) % harts;
      const expected = made
        .map((record, age) => ({ ...record, age }))
        .sort((a, b) => a.clock - b.clock || turn(a) - turn(b) || a.age - b.age);
      const ready = expected.filter(({ clock }) => clock <= before);
      const words = bufferOf(made);
      const out: number[] = [];
      const left = order.take(words, FIRST, made.length, before, inOneRun(FORMAT, (part, count) => void out.push(...agesAt(part, count))));
      expect(out).toEqual(ready.map(({ age }) => age));
      const rest = expected.slice(ready.length).map(({ age }) => age);
      expect(agesAt(words.subarray(FIRST), left)).toEqual(rest);
      waited += left;
    }),
  );
  expect(waited).toBeGreaterThan(0);
});
