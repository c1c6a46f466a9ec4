import fc from "fast-check";
import { expect, test } from "vitest";
import { setHart } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { createTestBoard } from "../test-board.ts";
import { PMPCFG, PRIV } from "./bits.ts";
import { pmpRights } from "./pmp.ts";

/** The specification's rule for one byte: the match of an entry by bits, not by ranges. */
function matches(address: number, kind: number, previous: number, entry: number): boolean {
  const word = Math.floor(address / 4);
  if (kind === PMPCFG.TOR) return word >= previous && word < entry;
  if (kind === PMPCFG.NA4) return word === entry;
  if (kind !== PMPCFG.NAPOT) return false;
  const ignored = entry ^ (entry + 1);
  return ((word ^ entry) & ~ignored) === 0;
}

const BOARD = createTestBoard(1);
const small = fc.integer({ min: 0, max: 255 });

test("entries decide as the specification says, byte by byte", () => {
  const entries = fc.array(fc.tuple(small, small), { minLength: 1, maxLength: 5 });
  const property = fc.property(entries, small, fc.constantFrom(1, 2, 4), (table, address, size) => {
    const start = address & -size;
    for (let i = 0; i < 16; i++) setHart(BOARD, 0, HART.PMPADDR + 4 * i, table[i]?.[1] ?? 0);
    for (let word = 0; word < 4; word++) {
      const bytes = [0, 1, 2, 3].map((i) => table[word * 4 + i]?.[0] ?? 0);
      setHart(
        BOARD,
        0,
        HART.PMPCFG + 4 * word,
        bytes.reduce((sum, byte, i) => sum | (byte << (8 * i)), 0),
      );
    }
    for (const privilege of [PRIV.U, PRIV.S, PRIV.M]) {
      const verdict = (): boolean => {
        for (let i = 0; i < table.length; i++) {
          const [config, entry] = table[i]!;
          const kind = (config >> 3) & 3;
          const previous = i === 0 ? 0 : table[i - 1]![1];
          const hits = Array.from({ length: size }, (_, k) =>
            matches(start + k, kind, previous, entry),
          );
          if (!hits.includes(true)) continue;
          if (hits.includes(false)) return false;
          return (config & PMPCFG.R) !== 0 || (privilege === PRIV.M && (config & PMPCFG.L) === 0);
        }
        return privilege === PRIV.M;
      };
      expect((Math.max(0, pmpRights(BOARD, 0, start, size, privilege)) & PMPCFG.R) !== 0).toBe(verdict());
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test("all ones in NAPOT form open everything", () => {
  setHart(BOARD, 0, HART.PMPCFG, 0x1f);
  setHart(BOARD, 0, HART.PMPADDR, -1);
  expect(pmpRights(BOARD, 0, 0xffff_f000, 4096, PRIV.S)).toBe(7);
  expect(pmpRights(BOARD, 0, 0, 4096, PRIV.S)).toBe(7);
});
