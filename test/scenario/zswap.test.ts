/**
 * zswap: each scenario finds what its seeded bug must show, and is silent with the designs that are said to be without it. CI makes some of the
 * runs, `make soak` all of them: an image for each design takes two seconds.
 */
import { describe, expect, test } from "vitest";
import { explain } from "../../src/report/explain.ts";
import { runInProcess } from "./in-process.ts";

const TIMEOUT = { timeout: 180_000 };

interface Case {
  readonly name: string;
  /** Changes with which the same drive must be clean; `findings: none` is set as well. */
  readonly clean: readonly (readonly string[])[];
  /** Its table is in test/golden/zswap. */
  readonly table?: true;
  /** Made by CI, with so many of the clean ones. */
  readonly quick?: number;
}

const z = (...designs: string[]): string[][] => designs.map((design) => [`zswap.design=${design}`]);

const POWEROFF = "expect.outcome=poweroff";

const CASES: readonly Case[] = [
  { name: "D1", clean: z("z1", "z2a", "z2b", "z4").map((set) => [...set, "expect.leaks=none"]), table: true, quick: 1 },
  { name: "D2", clean: z("z1", "z2b", "z4").map((set) => [...set, "expect.leaks=none"]), table: true },
  { name: "D3", clean: z("z4"), table: true, quick: 1 },
  { name: "D4", clean: z("z4"), table: true },
  { name: "D5", clean: z("z2b").map((set) => [...set, POWEROFF]), table: true, quick: 0 },
  { name: "D5b", clean: [["zswap.bug=none"]], table: true },
  { name: "D6", clean: z("z4").map((set) => [...set, POWEROFF]), table: true, quick: 0 },
  { name: "D7", clean: z("z4").map((set) => [...set, POWEROFF]), table: true, quick: 1 },
  { name: "D8", clean: z("z4").map((set) => [...set, POWEROFF]), table: true },
  { name: "D9", clean: z("z4").map((set) => [...set, POWEROFF]), table: true },
  { name: "D10", clean: [["zbud.bug=none", POWEROFF]], table: true },
  { name: "D12", clean: [["zswap.bug=none"]], table: true },
  { name: "D13", clean: [["zswap.bug=none"]] },
  { name: "D14", clean: z("z3"), table: true },
  { name: "header", clean: [], quick: 0 },
];

const ALL = process.env.SOAK_SEEDS !== undefined;
const MADE = CASES.filter(({ quick }) => ALL || quick !== undefined);

/** Without what moves with every change of the kernel: cycles, numbers of tasks and lines, widths of columns. */
const stable = (text: string): string =>
  text
    .replace(/^ *(\d+) +[\d,]+ /gm, "$1  CYCLE ")
    .replace(/\.ts:\d+/g, ".ts")
    .replace(/(\w)\/\d+/g, "$1/PID")
    .replace(/ {2,}/g, "  ")
    .replace(/ +$/gm, "")
    .replace(/^reproduce: .*$/gm, "");

describe.each(MADE)("$name", ({ name, clean, table, quick }) => {
  const file = `scenarios/zswap/${name}.yaml`;

  test("as written", TIMEOUT, async () => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1 });
    expect([status, result.expect.filter((one) => !one.pass)], reproduce).toEqual([0, []]);
    if (table) await expect(`${stable(explain(result))}\n`).toMatchFileSnapshot(`../golden/zswap/${name}.txt`);
  });

  test.each(ALL ? clean : clean.slice(0, quick))("clean with %s", TIMEOUT, (...set) => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1, set: [...set, "expect.findings=none"] });
    expect([status, result.findings], reproduce).toEqual([0, []]);
  });
});

describe("stress", () => {
  const file = "scenarios/zswap/stress.yaml";
  const clean = (set: readonly string[], harts: number, seed = 1): string => {
    const { status, result, reproduce } = runInProcess(file, { seed, harts, set });
    expect([status, result.findings], reproduce).toEqual([0, []]);
    return result.console;
  };

  test("z4 is clean, and busy", TIMEOUT, () => {
    const [, written, twice] = /written_back_pages (\d+) duplicate_entry (\d+)/.exec(clean([], 4))!;
    expect(Number(written)).toBeGreaterThan(10);
    expect(Number(twice)).toBeGreaterThan(10);
  });

  // Made by `make soak`.
  const seeds = Array.from({ length: Number(process.env.SOAK_SEEDS ?? 0) }, (_, n) => n + 1);
  test.each(seeds)("seed %i: z4 with and without memory, every preemption model; exclusive loads leave nothing to replace", { timeout: 600_000 }, (seed) => {
    clean(["boot.zswap.shortages=20", "machine.memory=16MiB", "boot.zswap.rounds=400"], 4, seed);
    for (const preempt of ["none", "voluntary", "rt"]) clean([`preempt=${preempt}`], 4, seed);
    expect(clean(["zswap.exclusive=true"], 8, seed)).toContain("duplicate_entry 0\n");
  });
});
