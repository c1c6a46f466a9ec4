/**
 * The cycle model as a guest sees it. The figures are a golden file (update it with `vitest -u`, as the other goldens); they are what the
 * constants say, a wrong constant is noticed, and both ways of interleaving give the same.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { timingGuest } from "../../src/cli/doctor/timing-guest.ts";
import { checkLaws, checkTiming } from "../../src/lab/timing/expect.ts";
import { type Figure, measureTiming, runTimingGuest } from "../../src/lab/timing/figures.ts";
import { createMachine } from "../../src/machine/machine.ts";
import { COST_NAMES, PRESETS, type CostName } from "../../src/machine/timing/constants.ts";
import { DEFAULT_MODEL, timingModel, type TimingModel } from "../../src/machine/timing/model.ts";
import type { Machine, MachineConfig } from "../../src/machine/types.ts";
import { timingReport } from "../../src/report/timing.ts";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}
const make = (config: MachineConfig): Machine => value(createMachine(config));

let elf: Uint8Array;
let figures: readonly Figure[];

beforeAll(() => {
  elf = value(timingGuest(path.resolve(import.meta.dirname, "../..")));
  const run = measureTiming(elf, DEFAULT_MODEL, make);
  expect(run.failed).toBeNull();
  figures = run.figures;
}, 120_000);

const lines = (all: readonly Figure[]): string =>
  all.map(({ harts, name, parameter, cycles, operations, each }) => `${harts} ${name} ${parameter} ${cycles}/${operations} ${each.toFixed(2)}\n`).join("");

test("the curves", async () => {
  await expect(`harts, figure, parameter, cycles/operations, cycles an operation\n${lines(figures)}`).toMatchFileSnapshot("../golden/timing.txt");
});

test("figures are what the constants say, and the laws hold", () => {
  expect(checkTiming(figures, DEFAULT_MODEL.costs).filter(({ pass }) => !pass)).toEqual([]);
  expect(checkLaws(figures, DEFAULT_MODEL.costs).filter(({ pass }) => !pass)).toEqual([]);
});

test("throughput: a ticket lock's falls with each hart, that of a line of one's own is proportional", () => {
  const rate = (name: string): number[] =>
    [1, 2, 4, 8].map((harts) => figures.filter((one) => one.name === name && one.harts === harts).map(({ each }) => 1000 / each)[0]!);
  const lock = rate("ticket-lock");
  for (let at = 1; at < lock.length; at++) expect(lock[at]).toBeLessThan(lock[at - 1]!);
  const own = rate("own-line");
  for (const [at, harts] of [1, 2, 4, 8].entries()) expect(own[at]! / own[0]! / harts).toBeGreaterThan(0.9);
  // Words of one line, by contrast, gain nothing.
  const word = rate("own-word");
  expect(word[3]).toBeLessThan(word[0]!);
});

test("every constant that a processor sees is shown by some figure: changed alone or together, it is flagged", () => {
  const shown = COST_NAMES.filter((name) => !/^(doorbell|block|console)/.test(name));
  const wrong = Object.fromEntries(shown.map((name, at) => [name, DEFAULT_MODEL.costs[name] + 17 + 3 * at])) as Record<CostName, number>;
  const changed = value(timingModel("u54-like", wrong));
  const other = measureTiming(elf, changed, make);
  expect(other.failed).toBeNull();
  const flagged = (all: readonly Figure[], model: TimingModel): Set<string> =>
    new Set(checkTiming(all, model.costs).filter(({ pass }) => !pass).flatMap(({ shows }) => shows));
  // The engine charges what it is told to, and a table that says otherwise is contradicted by each constant's own figure.
  expect([...flagged(other.figures, changed)]).toEqual([]);
  expect([...flagged(other.figures, DEFAULT_MODEL)].sort()).toEqual([...shown].sort());
});

test("one wrong constant is named in the report", () => {
  const wrong = value(timingModel("u54-like", { memory: 150 }));
  const checks = checkTiming(figures, wrong.costs);
  expect(checks.filter(({ pass }) => !pass).map(({ name, shows }) => `${name}: ${shows}`)).toEqual(["load-bytes 4194304: memory", "store-bytes 4194304: memory"]);
  const report = timingReport(wrong, figures, checks, checkLaws(figures, wrong.costs));
  expect(report).toMatch(/DIFFERS {2}load-bytes 4194304 +121\.99 +152\.00 {2}memory/);
  expect(report).toMatch(/timing: 2 of \d+ figures and laws are NOT as the constants say$/);
});

test.each([2, 4])("%i harts: one instruction at a time gives the same figures", (harts) => {
  const exact = runTimingGuest(elf, harts, DEFAULT_MODEL, make, { interleave: "exact" });
  expect(exact.failed).toBeNull();
  expect(lines(exact.figures)).toBe(lines(figures.filter((one) => one.harts === harts)));
});

test.each([1, 4])("%i harts: compiled code (tier 2) gives the same figures", (harts) => {
  const jit = runTimingGuest(elf, harts, DEFAULT_MODEL, make, { jit: true });
  expect(jit.failed).toBeNull();
  expect(lines(jit.figures)).toBe(lines(figures.filter((one) => one.harts === harts)));
});

test("docs/timing.md lists the constants as they are", () => {
  const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/timing.md"), "utf8");
  const preset = PRESETS["u54-like"];
  for (const name of COST_NAMES) {
    const { cycles, meaning, source } = preset[name];
    expect(text).toContain(`| \`${name}\` | ${cycles} | ${meaning} | ${source} |`);
  }
  expect(text.match(/^\| `\w+` \| \d+ \|/gm)).toHaveLength(COST_NAMES.length);
});
