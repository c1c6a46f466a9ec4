/** zswap: each scenario finds what its seeded bug must show, and is silent with the designs that are said to be without it. */
import { describe, expect, test } from "vitest";
import { explain } from "../../src/report/explain.ts";
import { runInProcess } from "./in-process.ts";
import { stable } from "./stable.ts";

const TIMEOUT = { timeout: 60_000 };

interface Case {
  readonly name: string;
  /** Changes with which the same drive must be clean; `findings: none` is set as well. */
  readonly clean: readonly (readonly string[])[];
  /** Its table is in test/golden/zswap. */
  readonly table?: true;
}

const z = (...designs: string[]): string[][] => designs.map((design) => [`zswap.design=${design}`]);

const CASES: readonly Case[] = [
  { name: "D1", clean: z("z1", "z2a", "z2b", "z4").map((set) => [...set, "expect.leaks=none"]), table: true },
];

describe.each(CASES)("$name", ({ name, clean, table }) => {
  const file = `scenarios/zswap/${name}.yaml`;

  test("as written", TIMEOUT, async () => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1 });
    expect([status, result.expect.filter((one) => !one.pass)], reproduce).toEqual([0, []]);
    if (table) await expect(`${stable(explain(result))}\n`).toMatchFileSnapshot(`../golden/zswap/${name}.txt`);
  });

  test.each(clean)("clean with %s", TIMEOUT, (...set) => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1, set: [...set, "expect.findings=none"] });
    expect([status, result.findings], reproduce).toEqual([0, []]);
  });
});
