import { expect, test } from "vitest";
import { type Config, COST_NAMES, goalOf, measureKmemleak } from "./kmemleak-costs.ts";

const CONFIGS: readonly Config[] = [{}, { "kmemleak.filter": "page" }];

test.each(CONFIGS)("kmemleak costs what it may cost: %o", { timeout: 180_000 }, (config) => {
  const costs = measureKmemleak(config);
  for (const name of COST_NAMES) {
    expect(costs[name], name).toBeGreaterThan(0);
    expect(costs[name], name).toBeLessThanOrEqual(goalOf(name, config) ?? Number.POSITIVE_INFINITY);
  }
});
