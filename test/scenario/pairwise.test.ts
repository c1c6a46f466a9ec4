/**
 * Configuration keys together: any two values of any two keys are in one of the kernels that are built here and run a torture scenario.
 *
 * The rows are made from kernel/config.ts, so a new key is tried with all others from its first day. Greedy: of TRIES random rows the
 * one with the most new pairs is taken, until none is left; the random numbers are the test's own, so the rows are always the same.
 * CI tries every second row.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfigOptions } from "../../src/compiler/front/index.ts";
import { ROOT } from "../tidy/sources.ts";
import { runInProcess } from "./in-process.ts";

type Row = Readonly<Record<string, string>>;

const table = readConfigOptions(createRequire(import.meta.url)("typescript"), readFileSync(join(ROOT, "kernel/config.ts"), "utf8"));
if (!table.ok) throw new Error("kernel/config.ts cannot be read");
const options = table.value;

/** Seeded bugs, of which no pair is expected to pass, and what differs only when somebody errs, which nobody does here. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  busted: ["lock", "rcu", "hotplug", "slab", "vmalloc"],
  "rcu.barrier": ["b-bug", "naive"],
  "hotplug.underflow": ["none", "get", "put-bug"],
  // Orders that can deadlock, which lockdep says.
  "slab.destroy": ["barrier-inside", "f0-bug", "f1", "no-barrier", "synchronize", "work"],
  // Nobody swaps here, and kernels that can take twice as long to build: scenarios/{swap,zswap} try them.
  "swap.enabled": ["true"],
  "kmemleak.bug": options.flatMap(({ key, values }) => (key === "kmemleak.bug" ? values.filter((value) => value !== "none") : [])),
  // path-copy puts removals off when its stock of nodes is empty: metadata is left at the end, which quiescence tells.
  "kmemleak.index": ["rcu-plain-erase", "path-copy"],
  "kmemleak.walk": ["resched-ref"],
  // Metadata that waits for a work when the run ends looks lost to quiescence, as do caches (slab.destroy=work).
  "kmemleak.free": ["immediate", "workqueue"],
};
const SCENARIOS = ["locks", "rcu", "slab", "vmalloc"];
const HARTS = ["1", "2", "4"];
const TRIES = 200;

const factors = new Map<string, readonly string[]>([["scenario", SCENARIOS], ["harts", HARTS]]);
for (const { key, type, values, needs } of options) {
  if (needs["swap.enabled"] !== undefined) continue;
  const all = (type === "bool" ? ["true", "false"] : values).filter((value) => !LEFT_OUT[key]?.includes(value));
  if (all.length > 1) factors.set(key, all);
}

/** A key that does nothing in this row has its default. */
function settled(row: Row): Row {
  const settledRow: Record<string, string> = { ...row };
  for (const { key, needs, default: fallback } of options) {
    const unmet = Object.entries(needs).some(([other, value]) => settledRow[other] !== String(value));
    if (unmet && factors.has(key)) settledRow[key] = String(fallback);
  }
  return settledRow;
}

function pairsOf(row: Row): string[] {
  const parts = Object.entries(row).map(([key, value]) => `${key}=${value}`);
  return parts.flatMap((one, i) => parts.slice(i + 1).map((other) => `${one} ${other}`));
}

function rows(): Row[] {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const randomRow = () => settled(Object.fromEntries([...factors].map(([key, values]) => [key, values[random(values.length)]!])));
  const open = new Set(Array.from({ length: 20_000 }, randomRow).flatMap(pairsOf));
  const made: Row[] = [];
  while (open.size > 0) {
    const candidates = Array.from({ length: TRIES }, randomRow).map((row) => ({ row, news: pairsOf(row).filter((pair) => open.has(pair)) }));
    const best = candidates.reduce((a, b) => (b.news.length > a.news.length ? b : a));
    for (const pair of best.news) open.delete(pair);
    if (best.news.length > 0) made.push(best.row);
  }
  return made;
}

const ROWS = rows();

test("there are rows, for every key", () => {
  expect(ROWS.length).toBeGreaterThan(15);
  expect(factors.size).toBeGreaterThan(10);
});

/** Every second row in CI, all with `make soak`: a row is a kernel to build. */
const TRIED = ROWS.map((row, i) => [i + 1, row] as const).filter(([n]) => process.env.SOAK_SEEDS !== undefined || n % 2 === 1);

test.each(TRIED)("row %i", { timeout: 60_000 }, (seed, { scenario, harts, ...keys }) => {
  const set = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
  const { status, result, reproduce } = runInProcess(`scenarios/torture/${scenario}.yaml`, { seed, harts: Number(harts), set });
  expect(result.findings, reproduce).toEqual([]);
  expect([status, result.outcome], reproduce).toEqual([0, "poweroff"]);
});
