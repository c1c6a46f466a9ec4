/** Random integer expressions through front end, optimizer and register allocation, run as assembly. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { generate } from "./back/index.ts";
import { runAssembly } from "./back/testing/run-assembly.ts";
import {
  WIDTHS,
  expressionOf,
  functionOf,
  numberOf,
  wordsOf,
} from "./front/testing/random-expression.ts";
import { compileUnit } from "./front/testing/run-unit.ts";
import { World } from "./opt/testing/world.ts";

for (const w of WIDTHS) {
  test(`compiled ${w.name} expressions mean what they mean on big integers`, () => {
    fc.assert(
      fc.property(expressionOf(w), numberOf(w), numberOf(w), (e, x, y) => {
        const unit = compileUnit(functionOf(w, e));
        const fn = generate(unit).find((f) => f.symbol === "test")!;
        const args = [...wordsOf(w, x), ...wordsOf(w, y)];
        const result = runAssembly(fn, args, new World(1), [], unit.functions[0]!.results);
        expect(result).toEqual(wordsOf(w, e.value(x, y)));
      }),
      { numRuns: 150, seed: 3 },
    );
  });
}
