import { assert, array, boolean, constantFrom, integer, property, record, tuple } from "fast-check";
import { expect, test } from "vitest";
import { BlockIndex, reach, referencesIn, type Region, type Words } from "./reach.ts";

const BASE = 0x1000;
const WORDS = 96;

/** Words from BASE on; the first eight are the root, one page further nothing is mapped. */
function memoryOf(values: readonly number[]): Words {
  return {
    each(start, end, visit) {
      for (let at = Math.ceil(start / 4) * 4; at + 4 <= end; at += 4) if (values[(at - BASE) / 4] !== undefined) visit(at, values[(at - BASE) / 4]);
    },
  };
}

/** By asking again and again whether any word in use lies inside of any block. */
function slowly(blocks: readonly { address: number; bytes: number; own: boolean }[], root: Region, registers: readonly number[], values: readonly number[]): boolean[] {
  const reached = blocks.map(({ address, bytes }) => registers.some((value) => value >= address && value < address + bytes));
  for (let again = true; again; ) {
    again = false;
    blocks.forEach((target, to) => {
      for (let i = 0; i < values.length && !reached[to]; i++) {
        const at = BASE + i * 4;
        if (values[i] < target.address || values[i] >= target.address + target.bytes) continue;
        const from = blocks.findIndex(({ address, bytes }) => at >= address && at + 4 <= address + bytes);
        const inRoot = at >= root.start && at + 4 <= root.end;
        const counts = from >= 0 && from !== to && reached[from] && (!blocks[from].own || target.own);
        if (inRoot || counts) reached[to] = again = true;
      }
    });
  }
  return reached;
}

const pointer = integer({ min: BASE - 8, max: BASE + WORDS * 4 + 8 });
const block = record({ gap: integer({ min: 0, max: 9 }), bytes: integer({ min: 1, max: 40 }), own: boolean() });

test("reachability is what the definition says", () => {
  let some = 0;
  let none = 0;
  assert(
    property(
      array(block, { maxLength: 12 }),
      array(tuple(constantFrom(0, 0, 1), pointer), { minLength: WORDS, maxLength: WORDS }),
      array(pointer, { maxLength: 2 }),
      (shapes, words, registers) => {
        const values = words.map(([is, value]) => (is === 1 ? value : 0));
        let at = BASE + 32;
        const blocks = shapes.map(({ gap, bytes, own }) => {
          const address = at + gap;
          at = address + bytes;
          return { address, bytes, own };
        });
        const root: Region = { kind: "static", name: "root", start: BASE, end: BASE + 32 };
        const index = new BlockIndex([...blocks].reverse());
        const memory = memoryOf(values);
        const { reached, references } = reach(index, [root], [{ name: "hart 0", values: registers }], memory);
        const wanted = slowly(blocks, root, registers, values);
        expect([...reached].map(Boolean)).toEqual(wanted);
        for (const one of references) expect(index.find(one.value)).toBe(one.block);
        expect(new Set(references.map((one) => one.block)).size).toBe(wanted.filter(Boolean).length);
        const seen = referencesIn(index, [root], memory).map((one) => one.address);
        const inRoot = values.slice(0, 8).flatMap((value, i) => (index.find(value) >= 0 ? [BASE + i * 4] : []));
        expect(seen).toEqual(inRoot);
        some += wanted.filter(Boolean).length;
        none += wanted.filter((one) => !one).length;
      },
    ),
    { numRuns: 400 },
  );
  expect(Math.min(some, none)).toBeGreaterThan(100);
});
