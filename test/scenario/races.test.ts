/** The race checker on a running kernel: seeded races, whole reports, silence when all is well (kernel workloads: observers.test.ts), and the same machine with it and without. */
import { expect, test } from "vitest";
import { raceText } from "../../src/report/races.ts";
import { runInProcess } from "./in-process.ts";

const UNORDERED = "scenarios/races/unordered.yaml";

/** Without what every change of the kernel moves: addresses, offsets, cycles, values, lines of kernel/. */
function stable(text: string): string {
  return text
    .replace(/0x[0-9a-f]{8}(?= of)/g, "ADDRESS")
    .replace(/0x[0-9a-f]{8}/g, "VALUE")
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "")
    .replace(/at cycle [\d,]+/g, "at cycle N")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)");
}

test("each race is reported, in KCSAN's layout, and nothing else", async () => {
  const { status, result, reproduce } = runInProcess(UNORDERED, { seed: 1 });
  expect(status, `${JSON.stringify(result.findings)}\nreproduce: ${reproduce}`).toBe(0);
  const texts = result.races!.reports.map((report) => stable(raceText(report, "hartlab")));
  await expect(`${texts.join("\n\n")}\n`).toMatchFileSnapshot("../golden/races.txt");
});

test("who orders what he does is not reported, and was watched", () => {
  const { result } = runInProcess(UNORDERED, { seed: 1, set: ["boot.races=right"] });
  expect(result.findings).toEqual([]);
  expect(result.races!.checked).toBeGreaterThan(100_000);
});

test("watched or not, it is the same run", () => {
  const watched = runInProcess(UNORDERED, { seed: 1 }).result;
  const alone = runInProcess(UNORDERED, { seed: 1, set: ["observe.races=false"] }).result;
  expect(alone.races).toBeNull();
  expect(alone.hash).toBe(watched.hash);
});
