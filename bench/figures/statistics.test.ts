import fc from "fast-check";
import { expect, test } from "vitest";
import { median, pairedRatio, rounded, spread } from "./statistics.ts";

test("medians of odd and even numbers of values, whatever their order", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(() => median([])).toThrow("no values");
});

test("a median has as many values below as above it", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
    }),
  );
});

test("a ratio of paired runs does not see what disturbed both", () => {
  const quiet = [2, 2, 2, 2, 2];
  const disturbance = [1, 1, 3, 5, 5];
  const half = quiet.map((value, i) => value * disturbance[i]!);
  const whole = disturbance;
  expect(pairedRatio(half, whole)).toBe(2);
  expect(median(half) / median([1, 1, 1, 1, 1])).toBe(6);
  expect(() => pairedRatio([1], [1, 2])).toThrow("not paired");
});

test("spread and rounding", () => {
  expect(spread([9, 10, 12])).toBeCloseTo(0.3);
  expect(rounded(123_456)).toBe(123_500);
  expect(rounded(0.000_123_456)).toBe(0.000_123_5);
});
