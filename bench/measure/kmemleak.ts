/** What kmemleak costs in instructions, by default and with the filter by page, as a part of `make bench`. */
import { atMost, type Verdict } from "../figures/targets.ts";
import { type Config, COST_NAMES, COSTS, goalOf, type KmemleakCosts, measureKmemleak } from "../kernel/kmemleak-costs.ts";

export const KMEMLEAK_PART = "kmemleak";
const VARIANTS: Readonly<Record<string, Config>> = { default: {}, filter: { "kmemleak.filter": "page" } };

export function measureKmemleakVariants(): Record<string, KmemleakCosts> {
  return Object.fromEntries(Object.entries(VARIANTS).map(([name, config]) => [name, measureKmemleak(config)]));
}

export function kmemleakTargets(variants: Readonly<Record<string, KmemleakCosts>>): Verdict[] {
  return Object.entries(variants).flatMap(([variant, costs]) =>
    COST_NAMES.flatMap((cost) => {
      const goal = goalOf(cost, VARIANTS[variant]!);
      return goal === undefined ? [] : [atMost(`kmemleak, ${variant}: ${COSTS[cost].what}, instructions`, costs[cost], goal)];
    }),
  );
}
