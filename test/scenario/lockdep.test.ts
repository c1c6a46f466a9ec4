/** The lock-order checker on a running kernel: its seeded bugs, whole reports in Linux's layout, and silence when all is well. */
import { expect, test } from "vitest";
import { lockdepText } from "../../src/report/lockdep.ts";
import { runInProcess } from "./in-process.ts";
import { stable } from "./stable.ts";

const WRONG = "scenarios/lockdep/wrong-orders.yaml";
const MODELS = ["none", "voluntary", "full"];

test.each(MODELS)("preempt=%s: each wrong order is reported, and nothing else", (model) => {
  const { status, result, reproduce } = runInProcess(WRONG, { seed: 1, set: [`preempt=${model}`] });
  expect(status, `${JSON.stringify(result.findings)}\nreproduce: ${reproduce}`).toBe(0);
});

test("the reports, in Linux's layout", async () => {
  const { result } = runInProcess(WRONG, { seed: 1 });
  const texts = result.lockdep.reports.map((report) => stable(lockdepText(report, "hartlab")));
  await expect(`${texts.join("\n\n")}\n`).toMatchFileSnapshot("../golden/lockdep/wrong-orders.txt");
});

test("the right orders are silent, and the checker has seen them", () => {
  const { result } = runInProcess(WRONG, { seed: 1, set: ["boot.orders=right"] });
  expect(result.findings).toEqual([]);
  expect(result.lockdep.dependencies).toBeGreaterThan(8);
});

test.each(["spin", "sleep"])("deadlock-%s: the run ends soon, and the report tells the circle", (kind) => {
  const file = `scenarios/lockdep/deadlock-${kind}.yaml`;
  const { status, result, reproduce } = runInProcess(file, { seed: 1 });
  expect(status, `${JSON.stringify(result.findings)}\nreproduce: ${reproduce}`).toBe(0);
  expect(result.cycles).toBeLessThan(100e6);
  const circle = result.deadlock.map(({ task, class: wanted, held }) => [task.comm, wanted, held.stack.frames.some((one) => one.file?.endsWith("deadlock.ts"))]);
  expect(circle).toHaveLength(2);
  expect(circle.every(([, , traced]) => traced)).toBe(true);
  const well = runInProcess(file, { seed: 1, set: ["boot.orders=right"] }).result;
  expect(well.outcome).toBe("poweroff");
  expect(well.findings).toEqual([]);
});
