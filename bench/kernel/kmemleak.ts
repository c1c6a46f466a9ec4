/** `npx tsx bench/kernel/kmemleak.ts [KEY=VALUE…]`: what kmemleak costs in instructions, beside Linux's figures and the goals. */
import { COST_NAMES, COSTS, goalOf, measureKmemleak } from "./kmemleak-costs.ts";

const config = Object.fromEntries(process.argv.slice(2).map((one) => one.split("=") as [string, string]));
const costs = measureKmemleak(config);
for (const name of COST_NAMES) {
  const cost = costs[name];
  const goal = goalOf(name, config);
  const figure = cost >= 1000 ? Math.round(cost).toLocaleString("en-US") : cost.toFixed(1);
  const judged = goal === undefined ? "" : `  at most ${goal.toLocaleString("en-US")}: ${cost <= goal ? "met" : "NOT met"}`;
  process.stdout.write(`${COSTS[name].what.padEnd(48)}${figure.padStart(12)}  Linux ${COSTS[name].linux.padStart(6)}${judged}\n`);
}
