/**
 * Anonymous memory twice the RAM (scenarios/swap/pressure.yaml): every read is right on one to eight harts, with swap on a disk alone and
 * with zswap in front of it; a seeded defect of virtual memory (`vm.bug`) is found by the workload's own check, in its own words. Two of
 * the four: each is a kernel of its own, and kernels are what costs time here.
 */
import { expect, test } from "vitest";
import { type Ran, runInProcess } from "./in-process.ts";

const FILE = "scenarios/swap/pressure.yaml";

/** What a failure shows. */
const shown = ({ result, reproduce }: Ran): string => `${result.outcome}\n${result.console.slice(-4000)}\nreproduce: ${reproduce}`;

/** The figure of a line `vmstat: … NAME N …`. */
const figure = (console: string, name: string): number => Number(new RegExp(`vmstat:.* ${name} (\\d+)`).exec(console)?.[1]);

const DISK: readonly string[] = [];
const RT_ZSWAP = ["preempt=rt", "zswap.design=z4"];

test.each([
  { what: "a disk", set: DISK, harts: 1, seed: 1 },
  { what: "a disk", set: DISK, harts: 2, seed: 2 },
  { what: "a disk", set: DISK, harts: 4, seed: 3 },
  { what: "a disk", set: DISK, harts: 8, seed: 4 },
  { what: "zswap before the disk, rt", set: RT_ZSWAP, harts: 4, seed: 5 },
])("$what, $harts harts: every read is right, and nothing is left", { timeout: 120_000 }, ({ set, harts, seed }) => {
  const ran = runInProcess(FILE, { seed, harts, set: [...set, "boot.pressure.ops=1"] });
  const { console } = ran.result;
  expect(ran.status, shown(ran)).toBe(0);
  expect(console).toContain("pressure: every read was right");
  const [, pages, free] = /pressure: (\d+) pages in \d+ address spaces for \d+ threads; (\d+) pages are free/.exec(console)!.map(Number);
  expect(pages!).toBeGreaterThan(2 * free! - harts);
  // What does not fit has come from swap at least once, and kswapd has done its part.
  expect(figure(console, "pgmajfault"), console).toBeGreaterThan(pages! - free!);
  expect(figure(console, "pswpout"), console).toBeGreaterThan(0);
  expect(figure(console, "pgsteal_kswapd") + figure(console, "pgsteal_direct"), console).toBeGreaterThan(pages! - free!);
  expect(figure(console, "pgsteal_kswapd"), console).toBeGreaterThan(0);
  // CPUs have come and gone meanwhile.
  if (harts > 1) expect(Number(/hotplug_storm: onoff: (\d+)\//.exec(console)?.[1]), console).toBeGreaterThan(2);
});

test.each([
  ["no-flush", /BUG: pressure: page \d+, version \d+, \d+ touches: word \d+ is/],
  ["lost-dirty", /pressure: page \d+: (an older version is there|writes to one word are lost)/],
] as const)("vm.bug=%s is found", { timeout: 120_000 }, (bug, words) => {
  // What a CPU has not forgotten must also be used: some seed of a few shows it.
  for (const seed of [1, 2, 3]) {
    const ran = runInProcess(FILE, { seed, harts: 4, set: [`vm.bug=${bug}`] });
    if (ran.status === 0) continue;
    expect(ran.result.console, shown(ran)).toMatch(words);
    return;
  }
  expect.fail(`vm.bug=${bug} is not found with seeds 1 to 3`);
});
