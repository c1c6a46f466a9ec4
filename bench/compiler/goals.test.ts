/** Code quality is a promise: instructions and size against gcc -O1 on the programs of bench/compiler. */
import { expect, test } from "vitest";
import { haveTool } from "../../test/tools.ts";
import { compareAll, GOALS, summarise } from "./compare.ts";
import { GCC, PROGRAMS } from "./programs.ts";

test.skipIf(!haveTool(GCC))("our code is as good as promised", { timeout: 60_000 }, () => {
  const rows = compareAll();
  expect(rows).toHaveLength(PROGRAMS.length);
  const { instructions, codeBytes } = summarise(rows, "-O1");
  expect(instructions.geomean).toBeLessThan(GOALS.geomean);
  expect(instructions.worst).toBeLessThan(GOALS.worst);
  expect(codeBytes.geomean).toBeLessThan(GOALS.codeBytes);
  // Someone computes less than gcc without optimisation, or nothing was measured.
  expect(summarise(rows, "-O0").instructions.geomean).toBeLessThan(0.6);
});
