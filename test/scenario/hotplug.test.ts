/** Storms of hotplug on every CPU beside requests from outside: all CPUs are back in the end, and refusals are the expected ones. */
import { expect, test } from "vitest";
import { runInProcess } from "./in-process.ts";

const TIMEOUT = 60_000;

test.each([
  ["full", "notifier", 8, 1],
  ["none", "notifier", 4, 2],
  ["full", "states", 8, 3],
] as const)("preempt=%s, hotplug.chain=%s, %i harts, seed %i", { timeout: TIMEOUT }, (preempt, chain, harts, seed) => {
  const set = [`preempt=${preempt}`, `hotplug.chain=${chain}`];
  const { status, result, reproduce } = runInProcess("scenarios/hotplug/storm.yaml", { seed, harts, set });
  expect(status, `${result.console.slice(-4000)}\n${reproduce}`).toBe(0);
  const storms = [...result.console.matchAll(/hotplug_storm: onoff: (\d+)\/\d+:(\d+)\/\d+/g)];
  expect(storms).toHaveLength(harts);
  const [came, went] = [1, 2].map((at) => storms.reduce((sum, storm) => sum + Number(storm[at]), 0));
  const answers = result.events.map(({ result: answer }) => answer);
  expect(answers).toHaveLength(4);
  for (const answer of answers) expect(answer).toMatch(/^(ok|-16|-22)$/);
  expect(went).toBeGreaterThan(10);
  // Every CPU that went came, those of the requests included.
  expect(Math.abs(came! - went!)).toBeLessThanOrEqual(answers.length);
});
