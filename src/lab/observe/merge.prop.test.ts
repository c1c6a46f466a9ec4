import fc from "fast-check";
import { expect, test } from "vitest";
import { ACCESS_BYTES, ACCESS_WORD, MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";
import { mergeRecords } from "./merge.ts";

interface Item {
  readonly clock: number;
  readonly hart: number;
}

const HARTS = 3;
const items = fc.array(fc.record({ clock: fc.nat(12), hart: fc.nat(HARTS - 1) }), { maxLength: 40 });
const turn = ({ clock, hart }: Item): number => clock * HARTS + ((hart + clock) % HARTS);

/** As the machine hands them out: in order; `tag` in the last word tells them apart. */
function records(all: readonly Item[], bytes: number, head: number): { words: Int32Array; count: number; sorted: Item[] } {
  const sorted = [...all].sort((a, b) => turn(a) - turn(b));
  const words = new Int32Array((sorted.length * bytes) / 4);
  sorted.forEach(({ clock, hart }, i) => {
    const at = (i * bytes) / 4;
    words[at] = clock;
    words[at + head] = hart;
    words[at + bytes / 4 - 1] = i;
  });
  return { words, count: sorted.length, sorted };
}

test("one order of both, nothing lost, marks first where a hart has both", () => {
  fc.assert(
    fc.property(items, items, (someMarks, someAccesses) => {
      const marks = records(someMarks, MARK_BYTES, MARK_WORD.HEAD);
      const accesses = records(someAccesses, ACCESS_BYTES, ACCESS_WORD.HEAD);
      const places = Int32Array.from(accesses.sorted, (_, at) => (at * ACCESS_BYTES) / 4);
      const seen: (Item & { kind: number; index: number })[] = [];
      const takeMarks = (words: Int32Array, count: number): void => {
        expect(words.length).toBe((count * MARK_BYTES) / 4);
        for (let i = 1; i <= count; i++) {
          const index = words[(i * MARK_BYTES) / 4 - 1];
          seen.push({ ...marks.sorted[index], kind: 0, index });
        }
      };
      const takeAccesses = (words: Int32Array, at: Int32Array, from: number, to: number): void => {
        for (let i = from; i < to; i++) {
          const index = words[at[i] + ACCESS_BYTES / 4 - 1];
          seen.push({ ...accesses.sorted[index], kind: 1, index });
        }
      };
      mergeRecords(marks, { ...accesses, places }, HARTS, takeMarks, takeAccesses);
      const expected = [
        ...marks.sorted.map((one, index) => ({ ...one, kind: 0, index })),
        ...accesses.sorted.map((one, index) => ({ ...one, kind: 1, index })),
      ].sort((a, b) => turn(a) - turn(b) || a.kind - b.kind || a.index - b.index);
      expect(seen).toEqual(expected);
    }),
  );
});
