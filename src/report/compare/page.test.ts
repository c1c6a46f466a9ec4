import { expect, test } from "vitest";
import { compare } from "../../lab/compare/comparison.ts";
import { parseGrid } from "../../lab/compare/grid.ts";
import { comparisonPage } from "./page.ts";

function page(objects: string): string {
  const grid = parseGrid({ vary: [`boot.objects=${objects}`], seeds: "1,2" });
  if (!grid.ok) throw new Error("refused");
  const about = { hartlab: "0", scenario: "kmemleak/scan-cost", settings: [], timing: "functional" };
  const cells = grid.value.cells.map((cell) => ({
    cell, harts: 1, image: "i",
    runs: grid.value.seeds.map((seed) => ({
      seed, outcome: "poweroff" as const, exitCode: 0 as const, hash: "0", failed: [],
      figures: { "scan.instructions": 1_500_000 + 700 * Number(cell.values[0]) },
    })),
  }));
  return comparisonPage(compare(about, grid.value, cells), "hartlab compare");
}

test("beside Linux's figures: with a scan of nothing among ours they are what the objects add, else they say that they are not", () => {
  expect(page("0,1000,5000")).toContain("What the objects add to the scan of the roots alone");
  const whole = page("1000,5000");
  expect(whole).not.toContain("What the objects add to the scan of the roots alone");
  expect(whole).toContain("ours include our roots");
});
