/** Random integer expressions, run as IR, compared with the same computation on big integers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  WIDTHS,
  expressionOf,
  functionOf,
  numberOf,
  wordsOf,
} from "./testing/random-expression.ts";
import { run } from "./testing/run-unit.ts";

for (const w of WIDTHS) {
  test(`${w.name} expressions mean what they mean on big integers`, () => {
    fc.assert(
      fc.property(expressionOf(w), numberOf(w), numberOf(w), (e, x, y) => {
        const result = run(functionOf(w, e), ...wordsOf(w, x), ...wordsOf(w, y));
        expect(BigInt(result)).toBe(BigInt.asUintN(w.bits, e.value(x, y)));
      }),
      { numRuns: 150, seed: 1 },
    );
  });
}
