/** lock_stat and the tables of waits from a kernel that ran: a known schedule, the counters known beforehand (L12). */
import { expect, test } from "vitest";
import { contentionText } from "../../src/report/contention.ts";
import { report } from "../../src/report/report.ts";
import { runInProcess } from "./in-process.ts";

const FILE = "scenarios/locks/known-schedule.yaml";
const ROUNDS = 10;

const counters = (set: readonly string[]) => {
  const { status, result, reproduce } = runInProcess(FILE, { seed: 1, set });
  expect(status, `${JSON.stringify(result.findings)}\nreproduce: ${reproduce}`).toBe(0);
  return result;
};

test.each(["cycle", "functional"])("the counters of a known schedule, %s timing", (timing) => {
  const result = counters([`machine.timing=${timing}`]);
  const rows = result.locks.map((one) => [
    `${one.class} ${one.kind}`,
    [one.conBounces, one.contentions, one.waits, one.acqBounces, one.acquisitions, one.holds],
  ]);
  const by = Object.fromEntries(rows) as Record<string, number[]>;
  // Each lock was made on CPU0, where the holder is: its first acquisition is no bounce. Behind it come waiter, holder, waiter, …
  expect(by["table.lock spin"]).toEqual([ROUNDS, ROUNDS, ROUNDS, 2 * ROUNDS - 1, 2 * ROUNDS, 2 * ROUNDS]);
  // Reader (CPU0), writer (CPU1), reader (CPU0), and again: the writer's is a bounce, and the read after it.
  expect(by["index.lock write"]).toEqual([ROUNDS, ROUNDS, ROUNDS, ROUNDS, ROUNDS, ROUNDS]);
  expect(by["index.lock read"]).toEqual([0, 0, 0, ROUNDS, 2 * ROUNDS, 2 * ROUNDS]);
  expect(by["log_mutex mutex"]).toEqual([ROUNDS, ROUNDS, ROUNDS, 2 * ROUNDS - 1, 2 * ROUNDS, 2 * ROUNDS]);
  // The waiter's tries fail, which is nothing.
  expect(by["node.lock spin"]).toEqual([0, 0, 0, 0, ROUNDS, ROUNDS]);
  expect(by["node.lock/1 spin"]).toEqual([0, 0, 0, 0, ROUNDS, ROUNDS]);
});

test("times: holds lie between what the guest measured just inside and around; sleeping holds are as long as the sleep", () => {
  const result = counters([]);
  const [least, most] = /at least (\d+) and at most (\d+) cycles/.exec(result.console)?.slice(1).map(Number) ?? [];
  const row = (name: string, kind: string) => result.locks.find((one) => one.class === name && one.kind === kind);
  const table = row("table.lock", "spin");
  expect(table?.holdTotal).toBeGreaterThan(least);
  expect(table?.holdTotal).toBeLessThan(most);
  expect(table?.holdMax).toBeGreaterThan(least / ROUNDS);
  // The waiter's holds take no time, for marks cost none: they are no minimum.
  expect(table?.holdMin).toBeGreaterThan((0.9 * least) / ROUNDS);
  // Whoever waits for a lock comes after it was taken.
  expect(table?.waitMax).toBeLessThan((table?.holdMax ?? 0) + 1000);
  const sleeping = row("log_mutex", "mutex");
  expect(sleeping?.holdMax).toBeGreaterThan(2e6);
  expect(sleeping?.waitMin).toBeGreaterThan(1.9e6);
  expect(result.events).toMatchObject([{ kind: "lock_stat", result: "ok", detail: "lock_stat clear at 1ms" }]);
});

test("by caller, by lock, over time: one row a place that waited", () => {
  const result = counters([]);
  const places = result.contention.callers.map(({ class: name, type, contended, waiting, file }) => [name, type, contended, waiting, file]);
  const workload = "scenarios/locks/known-schedule.ts";
  expect(places).toEqual([
    ["log_mutex", "mutex", ROUNDS, 0, workload],
    ["index.lock", "rwlock:W", ROUNDS, 0, workload],
    ["table.lock", "spinlock", ROUNDS, 0, workload],
  ]);
  for (const one of result.contention.waiters.locks) {
    const row = result.contention.locks.find(({ address }) => address === one.address);
    expect(one.waiterCycles.reduce((sum, cycles) => sum + cycles, 0)).toBe(row?.waitTotal);
    expect(Math.max(...one.most)).toBe(1);
  }
  expect(report(result, { contention: true })).toContain(contentionText(result.contention));
  expect(contentionText(result.contention)).toMatch(/ {8}10 .* ms +mutex {3}waiter\+0x[0-9a-f]+ \(scenarios\/locks\/known-schedule\.ts:\d+\) log_mutex\n/);
});

test("without marks there are no figures, and the table says so", () => {
  const { result } = runInProcess(FILE, { seed: 1, set: ["marks=false"] });
  expect(result.locks).toEqual([]);
  expect(report(result)).toContain("lock_stat version 0.4\n*WARNING* lock debugging disabled!! - the kernel has no trace marks (marks=false)\n---");
});
