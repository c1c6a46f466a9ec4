import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";
import { run } from "./run.ts";

/** Somebody else's workload, written without looking at the first, in a folder of their own. */
const WORKLOAD = readFileSync(join(ROOT, "test/scenario/guests/tokens.ts"), "utf8");
const SCENARIO = readFileSync(join(ROOT, "test/scenario/guests/tokens.yaml"), "utf8");

test("a second workload, under 30 lines, with other leaks, runs unmodified from any folder", () => {
  expect(WORKLOAD.split("\n").length).toBeLessThan(30);
  const folder = mkdtempSync(join(tmpdir(), "hartlab-workload-"));
  try {
    writeFileSync(join(folder, "tokens.ts"), WORKLOAD);
    writeFileSync(join(folder, "tokens.yaml"), SCENARIO);
    const outcome = run(join(folder, "tokens.yaml"));
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(outcome.result.leaks.planted).toMatchObject({ expected: 3, found: 3, missed: 0, extra: 0 });
    expect(outcome.result.leaks.reported.map(({ size }) => size).sort()).toEqual([64, 64, 8192]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
