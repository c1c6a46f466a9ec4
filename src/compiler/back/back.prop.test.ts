import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { interpret } from "../opt/testing/interpret.ts";
import type { RandomShape } from "../opt/testing/random-ir.ts";
import { randomFunction } from "../opt/testing/random-ir.ts";
import { World } from "../opt/testing/world.ts";
import { OPT_PASSES } from "../opt/index.ts";
import type { GenerateOptions } from "./index.ts";
import { generateFunction } from "./index.ts";
import { runAssembly } from "./testing/run-assembly.ts";

const ARGS = [3, -7, 0x12345, 0, -1, 99, 1 << 30, 8, 9, -10, 11, 12];

function check(seed: number, shape: RandomShape, options: GenerateOptions, percpuFits = true): void {
  const expected = new World(seed);
  const args = ARGS.slice(0, shape.params);
  const words = interpret(randomFunction(seed, shape), args, expected);
  if (words === null) return;
  const actual = new World(seed);
  const assembly = generateFunction(randomFunction(seed, shape), () => percpuFits, options);
  const results = runAssembly(assembly, args, actual, expected.arities, words.length);
  expect(actual.trace).toEqual(expected.trace);
  expect(results).toEqual(words);
  expect(actual.visibleMemory()).toEqual(expected.visibleMemory());
}

const shapes = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  variables: fc.integer({ min: 1, max: 12 }),
  params: fc.integer({ min: 0, max: 12 }),
});
const seeds = fc.integer({ min: 1, max: 0x7fffffff });

describe("generated code does what the IR says", () => {
  test("with all passes", () => {
    fc.assert(fc.property(seeds, shapes, (seed, shape) => check(seed, shape, {})), { numRuns: 250 });
  });
  test("with no pass at all", () => {
    const disable = [...OPT_PASSES, "hoist-constants", "coalesce"] as const;
    fc.assert(fc.property(seeds, shapes, (seed, shape) => check(seed, shape, { disable })), { numRuns: 150 });
  });
  test("with per-CPU variables far from tp", () => {
    fc.assert(fc.property(seeds, shapes, (seed, shape) => check(seed, shape, {}, false)), { numRuns: 60 });
  });
  test("under any register pressure", () => {
    const crowded = fc.record({
      size: fc.integer({ min: 10, max: 120 }),
      variables: fc.integer({ min: 20, max: 70 }),
      params: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(fc.property(seeds, crowded, (seed, shape) => check(seed, shape, {})), { numRuns: 80 });
  });
  test("with more spilled words than an offset reaches", () => {
    check(42, { size: 60, variables: 700, params: 8 }, {});
  });
});
