/**
 * Tier 2 against tier 1: the same guests in pieces of every size, with regions made of whatever ran before. Registers,
 * memory, clocks and counts are equal after each piece.
 */
import { describe, expect, test } from "vitest";
import type { Costs } from "../../timing/constants.ts";
import { DEFAULT_MODEL } from "../../timing/model.ts";
import type { Timing } from "../../types.ts";
import { createBench } from "../testing.ts";
import type { Bench } from "../testing.ts";
import type { JitTuning } from "./jit.ts";
import { randomFrom, randomGuest, stateOf } from "./testing.ts";

/** Everything that is jumped to at once. */
const EAGER: JitTuning = { hotSamples: 1, samplePeriod: 7, batchSlices: 1 };
const PIECES = 60;
const SEEDS = 12;

interface Case {
  readonly seed: number;
  readonly harts: number;
  readonly timing: Timing;
}

function compare({ seed, harts, timing }: Case, costs?: Costs): void {
  const program = [...randomGuest({ seed, rough: seed % 3 > 0 }).words()];
  const options = { harts, timing, interleave: "ahead", recordMarks: false } as const;
  const plain = createBench(program, options);
  const compiled = createBench(program, { ...options, jit: { ...EAGER, costs } });
  const random = randomFrom(seed ^ 0x5eed);
  let limit = 0;
  for (let piece = 0; piece < PIECES; piece++) {
    limit += 1 + random([6, 60, 600, 6000][piece % 4]!);
    const run = (bench: Bench): number => bench.run(limit);
    const at = `seed ${seed}, piece ${piece}, to ${limit}`;
    expect(run(compiled), at).toBe(run(plain));
    expect(stateOf(compiled, harts), at).toEqual(stateOf(plain, harts));
    expect(compiled.log, at).toEqual(plain.log);
  }
  // Else nothing was compared.
  expect(compiled.engine.jit?.cache.compiledCount).toBeGreaterThan(5);
}

const everySeed = (harts: number, timing: Timing, costs?: Costs): void => {
  for (let seed = 1; seed <= SEEDS; seed++) compare({ seed, harts, timing }, costs);
};

describe.each(["functional", "cycle"] as const)("%s", (timing) => {
  test.each([1, 4])("%i harts", (harts) => everySeed(harts, timing), 60_000);
});

test.each(["alu", "mul", "load", "jump", "jumpRegister", "branchMiss", "atomic"] as const)("a wrong cost of %s is found", (name) => {
  const { costs } = DEFAULT_MODEL;
  expect(() => everySeed(1, "cycle", { ...costs, [name]: costs[name] + 1 })).toThrow();
}, 60_000);
