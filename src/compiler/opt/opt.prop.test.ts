import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { verifyIr } from "../front/verify.ts";
import type { IrFunction } from "../ir.ts";
import { foldAddresses } from "./addresses.ts";
import { joinBlocks } from "./blocks.ts";
import { eliminateDeadCode } from "./dce.ts";
import { insertPreheaders, splitCriticalEdges } from "./edges.ts";
import { numberValues } from "./gvn.ts";
import { reduceInductions } from "./induction.ts";
import { lowerMasks } from "./masks.ts";
import { optimize } from "./index.ts";
import { hoistInvariants } from "./licm.ts";
import { simplify } from "./simplify.ts";
import { interpret } from "./testing/interpret.ts";
import { randomFunction } from "./testing/random-ir.ts";
import { World } from "./testing/world.ts";
import { threadJumps } from "./thread.ts";

const ARGS = [3, -7, 0x12345, 0, -1, 99, 1 << 30, 8, 9, -10, 11, 12];

const PASSES: Readonly<Record<string, (fn: IrFunction) => void>> = {
  simplify,
  threadJumps,
  joinBlocks: (fn) => { simplify(fn); joinBlocks(fn); },
  foldAddresses,
  numberValues,
  eliminateDeadCode,
  insertPreheaders,
  splitCriticalEdges,
  hoistInvariants: (fn) => { insertPreheaders(fn); hoistInvariants(fn); },
  reduceInductions: (fn) => { simplify(fn); insertPreheaders(fn); hoistInvariants(fn); reduceInductions(fn); },
  lowerMasks,
  optimize,
};

describe("a pass keeps the IR well formed and its meaning", () => {
  const inputs = fc.record({
    seed: fc.integer({ min: 1, max: 0x7fffffff }),
    size: fc.integer({ min: 1, max: 40 }),
    variables: fc.integer({ min: 1, max: 8 }),
    params: fc.integer({ min: 0, max: 6 }),
  });
  test.each(Object.entries(PASSES))("%s", (_name, pass) => {
    fc.assert(fc.property(inputs, ({ seed, ...shape }) => {
      const before = new World(seed);
      const source = randomFunction(seed, shape);
      expect(verifyIr(source)).toEqual([]);
      const words = interpret(source, ARGS, before);
      if (words === null) return;
      const fn = randomFunction(seed, shape);
      pass(fn);
      expect(verifyIr(fn)).toEqual([]);
      const after = new World(seed);
      expect(interpret(fn, ARGS, after)).toEqual(words);
      expect(after.trace).toEqual(before.trace);
      expect(after.volatile).toEqual(before.volatile);
      expect(after.visibleMemory()).toEqual(before.visibleMemory());
    }), { numRuns: 80 });
  });
});
