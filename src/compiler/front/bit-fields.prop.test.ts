/** FIELD_GET, FIELD_PREP and u32_replace_bits mean what shifts and masks on big integers mean, and cost no more. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { run, Runner } from "./testing/run-unit.ts";

const fields = fc.tuple(fc.nat(31), fc.nat(31)).map(([a, b]) => ({ high: Math.max(a, b), low: Math.min(a, b) }));
const word = fc.integer({ min: 0, max: 0xffff_ffff });

test("any field of any word", () => {
  fc.assert(
    fc.property(fields, word, word, ({ high, low }, x, v) => {
      const mask = (1n << BigInt(high + 1)) - (1n << BigInt(low));
      const source = `const MASK = GENMASK(${high}, ${low});
export function test(x: u32, v: u32): u64 {
  const old = FIELD_GET(MASK, x);
  const changed = u32_replace_bits(x, v, MASK);
  if (FIELD_GET(MASK, changed) !== FIELD_GET(MASK, FIELD_PREP(MASK, v))) return 0n;
  return (u64(old) << 32n) | u64(changed);
}`;
      const [wide, wideV] = [BigInt(x), BigInt(v)];
      const old = (wide & mask) >> BigInt(low);
      const changed = (wide & ~mask) | ((wideV << BigInt(low)) & mask);
      expect(run(source, x, v)).toBe((old << 32n) | (changed & 0xffff_ffffn));
    }),
    { numRuns: 60 },
  );
});

test("masks and values are constants that are checked", () => {
  const problems = (body: string): string => {
    try {
      new Runner(`export function test(x: u32): u32 { return ${body}; }`);
      return "";
    } catch (e) {
      return /\((K\d+)\)/.exec(String(e))?.[1] ?? String(e);
    }
  };
  expect(problems("FIELD_GET(0, x)")).toBe("K145");
  expect(problems("FIELD_GET(0x101, x)")).toBe("K145");
  expect(problems("FIELD_GET(x, x)")).toBe("K090");
  expect(problems("FIELD_PREP(GENMASK(4, 5), x)")).toBe("K145");
  expect(problems("FIELD_PREP(GENMASK(32, 5), x)")).toBe("K145");
  expect(problems("u32_replace_bits(x, 8, GENMASK(6, 4))")).toBe("K146");
  expect(problems("u32_replace_bits(x, 7, GENMASK(6, 4))")).toBe("");
});
