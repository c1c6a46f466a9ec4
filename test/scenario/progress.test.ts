/** Progress, contexts, quiescence: each seeded bug is named with who is where, and who does it right is not mentioned. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { progressText } from "../../src/report/progress.ts";
import { ROOT } from "../tidy/sources.ts";
import { runInProcess } from "./in-process.ts";

const FOLDER = "scenarios/progress";
const NAMES = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".yaml")).sort();
const OFF = ["soft_lockup", "hung_task", "rcu_stall", "livelock"].map((name) => `observe.${name}=0`);

/** Without what every change of the kernel or the compiler moves: addresses, offsets, times, lines of kernel/. */
function stable(text: string): string {
  return text
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "")
    .replace(/0x[0-9a-f]{8}/g, "ADDRESS")
    .replace(/cycle [\d,]+/g, "cycle N")
    .replace(/\d+ (ms|us|cycles|times)\b/g, "N $1")
    // Where a loop is at a look.
    .replace(/(poll \([\w./-]+):\d+\)/g, "$1)")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)");
}

test("the folder has scenarios", () => {
  expect(NAMES.length).toBeGreaterThan(10);
});

describe.each(NAMES)("%s", (name) => {
  test("is found, and nothing else; the report has both sides", { timeout: 60_000 }, async () => {
    const { status, result, reproduce } = runInProcess(join(FOLDER, name), { seed: 1 });
    expect(status, `${JSON.stringify(result.findings, null, 1)}\nreproduce: ${reproduce}`).toBe(0);
    const texts = result.progress.reports.map((report) => stable(progressText(report, "hartlab")));
    await expect(`${texts.join("\n\n")}\n`).toMatchFileSnapshot(`../golden/progress/${name.replace(".yaml", ".txt")}`);
  });

  test("done right it is silent", { timeout: 60_000 }, () => {
    const { result, reproduce } = runInProcess(join(FOLDER, name), { seed: 1, set: ["boot.progress=right"] });
    expect(result.findings, reproduce).toEqual([]);
    expect(result.outcome, reproduce).toBe("poweroff");
  });
});

test("watched or not, it is the same run", { timeout: 60_000 }, () => {
  for (const name of ["soft-lockup", "livelock"]) {
    const watched = runInProcess(`${FOLDER}/${name}.yaml`, { seed: 1 }).result;
    const alone = runInProcess(`${FOLDER}/${name}.yaml`, { seed: 1, set: OFF }).result;
    expect(alone.findings).toEqual([]);
    expect(alone.hash).toBe(watched.hash);
  }
});
