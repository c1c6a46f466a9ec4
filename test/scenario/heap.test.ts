/** The heap checker on a running kernel: seeded misuse, whole reports, silence when all is well (kernel workloads: observers.test.ts), and the same machine with it and without. */
import { expect, test } from "vitest";
import { heapText } from "../../src/report/heap.ts";
import { runInProcess } from "./in-process.ts";

const MISUSE = "scenarios/heap/misuse.yaml";
const DOUBLE = "scenarios/heap/double-free.yaml";
const VFREE = "scenarios/heap/use-after-vfree.yaml";
const VFREE_TWICE = "scenarios/heap/vfree-twice.yaml";

/** Without what every change of the kernel moves: addresses, offsets, cycles, lines of kernel/. */
function stable(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(?=[ ,):\n]|$)/gm, "ADDRESS")
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "")
    .replace(/at cycle [\d,]+/g, "at cycle N")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)")
    .replace(/Memory state around[\s\S]*?(?===)/g, "");
}

test.each([MISUSE, DOUBLE, VFREE, VFREE_TWICE])("%s: each misuse is reported, and nothing else", (file) => {
  const { status, result, reproduce } = runInProcess(file, { seed: 1 });
  expect(status, `${JSON.stringify(result.findings)}\nreproduce: ${reproduce}`).toBe(0);
});

test("the reports, in KASAN's layout", async () => {
  const texts = [MISUSE, DOUBLE, VFREE].flatMap((file) =>
    runInProcess(file, { seed: 1 }).result.heap!.reports.map((report) => stable(heapText(report, "hartlab"))),
  );
  await expect(`${texts.join("\n\n")}\n`).toMatchFileSnapshot("../golden/heap.txt");
});

test.each([MISUSE, DOUBLE, VFREE, VFREE_TWICE])("%s: who keeps to his own is not reported, and was watched", (file) => {
  const { result } = runInProcess(file, { seed: 1, set: ["boot.heap=right"] });
  expect(result.findings).toEqual([]);
  expect(result.heap!.checked).toBeGreaterThan(10_000);
});

test("watched or not, it is the same run", () => {
  const watched = runInProcess(MISUSE, { seed: 1 }).result;
  const alone = runInProcess(MISUSE, { seed: 1, set: ["observe.heap=false"] }).result;
  expect(alone.heap).toBeNull();
  expect(alone.hash).toBe(watched.hash);
});
