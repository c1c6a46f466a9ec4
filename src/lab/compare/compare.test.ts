import { expect, test } from "vitest";
import { formatProblem } from "../../base/result.ts";
import { comparisonText } from "../../report/compare/text.ts";
import { compare, comparisonExitCode, type RunSummary } from "./comparison.ts";
import { type Grid, type GridText, parseGrid } from "./grid.ts";
import type { Figures } from "./measures.ts";
import { parseState, STATE_HEAD, stateLine } from "./state.ts";

function grid(text: Partial<GridText>): Grid {
  const parsed = parseGrid({ vary: ["spinlock.kind=ticket,mcs"], seeds: "1..3", ...text });
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed.value;
}

function refusal(text: Partial<GridText>): string {
  const parsed = parseGrid({ vary: ["spinlock.kind=ticket,mcs"], seeds: "1..3", ...text });
  return parsed.ok ? "accepted" : parsed.problems.map(formatProblem).join("\n");
}

test("every combination of values and harts is a cell, harts vary fastest", () => {
  const { cells, seeds } = grid({ vary: ["a=1,2", "b=x,y"], harts: "1,4", seeds: "5,1..2" });
  expect(seeds).toEqual([5, 1, 2]);
  expect(cells.map(({ settings, harts }) => `${settings.join(" ")} ${harts}`)).toEqual([
    "a=1 b=x 1", "a=1 b=x 4", "a=1 b=y 1", "a=1 b=y 4", "a=2 b=x 1", "a=2 b=x 4", "a=2 b=y 1", "a=2 b=y 4",
  ]);
});

test("variants are one axis, each with settings of its own, before the axes of keys", () => {
  const { axes, cells } = grid({ variants: ["V0:", "old: kmemleak.design=km09 , boot.a=1"], vary: ["b=x,y"], seeds: "1,2" });
  expect(axes.map(({ key, values }) => [key, values])).toEqual([["variant", ["V0", "old"]], ["b", ["x", "y"]]]);
  expect(cells.map(({ values, settings }) => `${values.join(" ")}: ${settings.join(" ")}`)).toEqual([
    "V0 x: b=x", "V0 y: b=y", "old x: kmemleak.design=km09 boot.a=1 b=x", "old y: kmemleak.design=km09 boot.a=1 b=y",
  ]);
  const all = grid({ vary: [], variants: ["V0:", "V2:kmemleak.index=spinlock"], seeds: "1,2" });
  const runs = (at: number): RunSummary[] => [run(1, 100), run(2, 100, at === 1 ? 1 : 0)];
  const made = compare(ABOUT, all, all.cells.map((cell, at) => ({ cell, harts: 1, image: "i", runs: runs(at) })));
  expect(comparisonText(made, "one.yaml").split("\n").filter((line) => /V0|V2|reproduce/.test(line))).toMatchInlineSnapshot(`
    [
      "  V0  the scenario as it is",
      "  V2  kmemleak.index=spinlock",
      "  V0          0.100  0.100..0.100  1.00",
      "  V2          0.100  0.100..0.100  1.00",
      "  V2, harts 1, seed 2: leaks: 1 missed",
      "  reproduce: hartlab run one.yaml --seed 2 --harts 1 --set kmemleak.index=spinlock",
    ]
  `);
});

test("what cannot be compared is refused with a sentence", () => {
  const texts: Partial<GridText>[] = [
    { seeds: "7" }, { seeds: "3..1" }, { seeds: "1,1" }, { seeds: "a" }, { seeds: "0..5000000000" }, { seeds: "0..200000" }, { harts: "0" },
    { harts: "65" }, { vary: [] }, { vary: ["preempt"] }, { vary: ["preempt=none,,full"] }, { vary: ["preempt=none,none"] },
    { vary: ["seed=1,2"] }, { vary: ["machine.harts=1,2"] }, { vary: ["a=1,2", "a=3,4"] }, { vary: ["a=1,2"], harts: "1..64", seeds: "1..1000" },
    { variants: ["V0"] }, { variants: ["V0:", "V0:a=1"] }, { variants: ["V0:a"] }, { variants: ["V0:seed=3"] },
  ];
  const first = (text: Partial<GridText>): string => refusal(text).split("\n")[0];
  expect(texts.map(first)).toMatchInlineSnapshot(`
    [
      "--seeds 7: one seed says nothing about a range, so nothing is compared by it",
      "--seeds 3..1: 3..1 ends before it begins",
      "--seeds 1,1: a number is there twice",
      "--seeds a: "a" is neither a number nor a range A..B",
      "--seeds 0..5000000000: numbers from 0 to 4294967295 are possible",
      "--seeds 0..200000: at most 100000 runs are made",
      "--harts 0: numbers from 1 to 64 are possible",
      "--harts 65: numbers from 1 to 64 are possible",
      "nothing varies, so there is nothing to compare",
      "--vary preempt: this is not KEY=VALUE,VALUE",
      "--vary preempt=none,,full: a value is missing",
      "--vary preempt=none,none: a value is there twice",
      "--vary seed=1,2: seeds have an option of their own",
      "--vary machine.harts=1,2: harts have an option of their own",
      "--vary a is given twice",
      "that makes 128000 runs; at most 100000 are made",
      "--variant V0: this is not NAME:KEY=VALUE,KEY=VALUE",
      "--variant V0:a=1: V0 is the name of another variant",
      "--variant V0:a: a is not KEY=VALUE",
      "--variant V0:seed=3: seeds and harts have options of their own",
    ]
  `);
  expect(refusal({ vary: [], harts: "1,2" })).toBe("accepted");
});

/** Of a run whose one figure is `cycles`. */
function run(seed: number, cycles: number | null, exitCode: 0 | 1 | 3 = 0): RunSummary {
  const figures: Figures = cycles === null ? {} : { "scan.cycles": cycles };
  return { seed, outcome: "poweroff", exitCode, hash: "00", failed: exitCode === 1 ? ["leaks: 1 missed"] : [], figures };
}

const ABOUT = { hartlab: "0", scenario: "kmemleak/one", settings: [], timing: "cycle" };

test("median, range and ratio to the first value with as many harts", () => {
  const all = grid({ harts: "1,2" });
  const cycles = [[3000, 1000, 2000], [10, 10, 10], [4000, null, 4400], [5, 15, 40]] as const;
  const cells = all.cells.map((cell, at) => ({
    cell, harts: cell.harts!, image: "i", runs: all.seeds.map((seed, i) => run(seed, cycles[at][i], at === 3 && i === 1 ? 1 : 0)),
  }));
  const result = compare(ABOUT, all, cells);
  expect(result.cells.map(({ measures }) => measures["scan.cycles"])).toEqual([
    { values: [3000, 1000, 2000], median: 2000, min: 1000, max: 3000, ratio: 1 },
    { values: [10, 10, 10], median: 10, min: 10, max: 10, ratio: 1 },
    { values: [4000, null, 4400], median: 4200, min: 4000, max: 4400, ratio: 2.1 },
    { values: [5, 15, 40], median: 15, min: 5, max: 40, ratio: 1.5 },
  ]);
  expect(comparisonExitCode(result)).toBe(1);
  expect(comparisonText(result, "one.yaml")).toMatchInlineSnapshot(`
    "kmemleak/one: 3 seeds a cell (1..3), cycle timing
      spinlock.kind: ticket, mcs
      harts: 1, 2
    Each figure: the median over the seeds, the least..the most, and the ratio of the median to the first value's.
    Times in us of guest time: 1 us = 1000 cycles.

    scan
                     time, us
      kind    harts    median         range     x
      ticket  1          2.00    1.00..3.00  1.00
      ticket  2         0.010  0.010..0.010  1.00
      mcs     1          4.20    4.00..4.40  2.10
      mcs     2         0.015  0.005..0.040  1.50

    not as expected:
      mcs, harts 2, seed 2: leaks: 1 missed
      reproduce: hartlab run one.yaml --seed 2 --harts 2 --set spinlock.kind=mcs

    FAIL kmemleak/one: 11 of 12 runs as expected
    "
  `);
});

test("when only harts vary, ratios are to the first number of them", () => {
  const all = grid({ vary: [], harts: "1,2" });
  const cells = all.cells.map((cell) => ({ cell, harts: cell.harts!, image: "i", runs: all.seeds.map((seed) => run(seed, cell.harts! * 100)) }));
  expect(compare(ABOUT, all, cells).cells.map(({ measures }) => measures["scan.cycles"].ratio)).toEqual([1, 2]);
});

test("a budget that ended is undecided unless a run failed", () => {
  const all = grid({ vary: ["a=1"], harts: "1,2", seeds: "1,2" });
  const ends = (codes: readonly (0 | 1 | 3)[]): number => {
    const cells = all.cells.map((cell, at) => ({ cell, harts: 1, image: "i", runs: [run(1, 1), run(2, 1, codes[at])] }));
    return comparisonExitCode(compare(ABOUT, all, cells));
  };
  expect([ends([0, 0]), ends([0, 3]), ends([3, 1])]).toEqual([0, 3, 1]);
});

test("a state cut off anywhere gives the whole lines before the cut", () => {
  const lines = [STATE_HEAD, stateLine("k1", run(1, 10)), stateLine("k2", run(2, 20))];
  const text = lines.join("");
  for (let cut = 0; cut <= text.length; cut++) {
    const state = parseState("s", text.slice(0, cut));
    const whole = lines.filter((_, at) => lines.slice(0, at + 1).join("").length <= cut);
    if (!state.ok) throw new Error(`refused at ${cut}`);
    expect([...state.value.runs.keys()]).toEqual(["k1", "k2"].slice(0, Math.max(0, whole.length - 1)));
    expect(state.value.wholeBytes).toBe(whole.join("").length);
  }
  expect(parseState("s", "something else\n").ok).toBe(false);
});
