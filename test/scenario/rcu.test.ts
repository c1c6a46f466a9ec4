import { expect, test } from "vitest";
import { run } from "./run.ts";

test.each([1, 2, 4])("grace periods wait for preempted readers on %i harts", (harts) => {
  const outcome = run("scenarios/rcu/preempted-readers.yaml", "--harts", String(harts));
  expect(outcome.status, outcome.reproduce).toBe(0);
  expect(outcome.result.console).toMatch(/rcu: 16 updates against about [1-9]\d* read sections/);
});
