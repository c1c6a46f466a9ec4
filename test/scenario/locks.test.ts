/** Locks used wrongly (scenarios/locks): each shows its symptom, and not once it is done right or the lock allows it. */
import { expect, test } from "vitest";
import { runInProcess } from "./in-process.ts";

const CASES: readonly [name: string, set: readonly string[], status: number, findings: readonly string[]][] = [
  ["irq-lock", [], 1, ["lockdep", "deadlock"]],
  ["irq-lock", ["boot.fixed=1"], 0, []],
  ["recursive-read", [], 1, ["lockdep", "deadlock"]],
  ["recursive-read", ["boot.fixed=1"], 0, []],
  ["recursive-read", ["rwlock.fairness=reader"], 0, []],
  ["stop-machine-lock", [], 1, ["bug", "atomic-sleep"]],
  ["stop-machine-lock", ["preempt=full"], 0, []],
  ["stop-machine-lock", ["boot.fixed=1"], 0, []],
];

test.each(CASES)("%s %j", { timeout: 60_000 }, (name, set, status, findings) => {
  const ran = runInProcess(`scenarios/locks/${name}.yaml`, { seed: 1, set: [...set] });
  expect(ran.result.findings.map(({ kind }) => kind), ran.reproduce).toEqual(findings);
  expect(ran.status, ran.reproduce).toBe(status);
});
