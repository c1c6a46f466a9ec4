/** Observers keep within twice what issue 6 allows (`make bench` has the figures), and every kind of run leaves the same machine. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ObservedReport } from "../observed.ts";
import { KINDS, type Kind, OBSERVED, ObservedRuns, observerTargets, ratiosOf, type ReportsByKind } from "./observers.ts";

const ROOT = join(import.meta.dirname, "../..");
const TURNS = 2;

test("torture/slab: same hash whoever looks on; the fastest of two runs of each kind, in user CPU", () => {
  execFileSync(process.execPath, ["bench/bundle.mjs"], { cwd: ROOT });
  const folder = mkdtempSync(join(tmpdir(), "hartlab-observers-"));
  try {
    const row = new ObservedRuns({ ...OBSERVED[0]!, times: 1 }, folder);
    const fastest = (kind: Kind): ObservedReport =>
      Array.from({ length: TURNS }, () => row.run(kind)).reduce((a, b) => (a.userSeconds < b.userSeconds ? a : b));
    const all = Object.fromEntries(KINDS.map((kind) => [kind, [fastest(kind)]])) as unknown as ReportsByKind;
    for (const kind of KINDS) expect(all[kind][0]!.instructions).toBe(all.plain[0]!.instructions);
    const ratios = ratiosOf(all);
    expect(ratios["lock_stat and lockdep"]).toBeLessThan(2 * 1.25);
    expect(ratios.heap).toBeLessThan(2 * 3);
    expect(ratios.races).toBeLessThan(2 * 8);
    // An observer that looked at nothing would be too cheap.
    expect(ratios.races).toBeGreaterThan(1.2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);

test("verdicts on both sides of each bound", () => {
  const nanoseconds = { unobserved: 1, withoutLocks: 1, plain: 1, heap: 1, races: 1 };
  const verdicts = (locks: number, heap: number, races: number): boolean[] =>
    observerTargets({ x: { nanoseconds, ratios: { "lock_stat and lockdep": locks, heap, races, "all that every run has": 2 } } }).map(({ met }) => met);
  expect(verdicts(1.25, 3, 8)).toEqual([true, true, true]);
  expect(verdicts(1.26, 3.1, 8.1)).toEqual([false, false, false]);
});
