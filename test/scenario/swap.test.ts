/** Swap under observation: clean as it is, and each seeded bug of swap.bug is found. */
import { describe, expect, test } from "vitest";
import { runInProcess } from "./in-process.ts";

const TIMEOUT = { timeout: 120_000 };

test("churn: silent", TIMEOUT, () => {
  const { status, result, reproduce } = runInProcess("scenarios/swap/churn.yaml", { seed: 2, harts: 8 });
  expect([status, result.findings], reproduce).toEqual([0, []]);
  const log = result.console;
  // Both ways were gone, and nothing is left.
  expect(log).toMatch(/churn: written [1-9]\d+, read [1-9]\d*, frontswap took [1-9]\d+, refused [1-9]\d+, gave [1-9]\d*/);
  expect(log).toMatch(/ \d+ slots free, swapoff 0, 0 pages in the swap cache/);
});

test("swapoff while address spaces have pages on the device", TIMEOUT, () => {
  const { status, result, reproduce } = runInProcess("scenarios/swap/swapoff.yaml", { seed: 2 });
  expect([status, result.findings], reproduce).toEqual([0, []]);
  expect(result.console).toMatch(/swapoff: 850 pages were taken, [1-9]\d* slots in use: 0/);
  expect(result.console).toContain("pressure: every read was right");
});

describe.each(["D11", "refused-not-invalidated"])("%s", (name) => {
  const file = `scenarios/swap/${name}.yaml`;

  test("as written: old contents come back", TIMEOUT, () => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1 });
    expect([status, result.expect.filter((one) => !one.pass)], reproduce).toEqual([0, []]);
  });

  test("without the bug: silent", TIMEOUT, () => {
    const { status, result, reproduce } = runInProcess(file, { seed: 1, set: ["swap.bug=none", "expect.findings=none"] });
    expect([status, result.findings], reproduce).toEqual([0, []]);
  });
});
