/**
 * What each observer finds in each scenario, with all of them on: something in the scenarios with a seeded bug that is its business, nothing
 * in those done right. The table is kept in docs/observers.md; `npx vitest run test/scenario/observers.test.ts -u` writes it.
 *
 * To add an observer: a column, and a row in which it finds something. To add a scenario: a row.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunResult } from "../../src/lab/run/result.ts";
import { ROOT } from "../tidy/sources.ts";
import { runInProcess } from "./in-process.ts";

const PAGE = "docs/observers.md";
const BEGIN = "<!-- what each observer found; written by test/scenario/observers.test.ts -->\n";
const END = "<!-- end -->\n";
const ON = ["observe.heap=true", "observe.races=true"];

/** Column -> the kinds of findings that it counts; kmemleak's are the leaks of the last report. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  kmemleak: ["kmemleak"],
  lockdep: ["lockdep"],
  heap: ["heap"],
  races: ["race"],
  deadlock: ["deadlock"],
  progress: ["livelock", "soft-lockup", "hard-lockup", "hung-task", "lost-wakeup", "rcu-stall", "stuck", "wfi"],
  contexts: ["atomic-sleep", "unbalanced"],
  quiescence: ["quiescence"],
  console: ["panic", "bug", "warning"],
};

interface Row {
  readonly scenario: string;
  readonly set?: readonly string[];
}

/** Whoever made them expects the findings; some expect only those of the observers that they are about. */
const SEEDED: readonly Row[] = [
  { scenario: "heap/misuse" },
  { scenario: "races/unordered" },
  { scenario: "lockdep/wrong-orders" },
  { scenario: "lockdep/deadlock-sleep" },
  { scenario: "progress/lost-wakeup" },
  { scenario: "progress/hung-task" },
  { scenario: "progress/rcu-stall" },
  { scenario: "progress/unbalanced" },
  { scenario: "progress/leftovers" },
  { scenario: "kmemleak/lost-object", set: ["machine.harts=2"] },
  { scenario: "steps/hidden-node" },
  { scenario: "steps/unbalanced-put" },
  { scenario: "steps/seq-next-unchecked" },
];

/** The same done right, and kernel workloads, some smaller than their own tests have them. */
const CLEAN: readonly Row[] = [
  { scenario: "heap/misuse", set: ["boot.heap=right"] },
  { scenario: "races/unordered", set: ["boot.races=right"] },
  { scenario: "races/unordered", set: ["boot.races=right", "slab.debug=true"] },
  { scenario: "lockdep/wrong-orders", set: ["boot.orders=right"] },
  { scenario: "lockdep/deadlock-sleep", set: ["boot.orders=right"] },
  { scenario: "progress/hung-task", set: ["boot.progress=right"] },
  { scenario: "progress/rcu-stall", set: ["boot.progress=right"] },
  { scenario: "progress/unbalanced", set: ["boot.progress=right"] },
  { scenario: "progress/leftovers", set: ["boot.progress=right"] },
  { scenario: "steps/hidden-node", set: ["boot.lock=spin"] },
  { scenario: "steps/seq-next-unchecked", set: ["kmemleak.bug=none"] },
  { scenario: "locks/known-schedule" },
  { scenario: "torture/locks" },
  { scenario: "torture/slab" },
  { scenario: "torture/vmalloc" },
  { scenario: "torture/rcu", set: ["boot.rcutorture.shutdown=60"] },
  { scenario: "torture/hotplug", set: ["boot.hotplug_torture.ops=1000"] },
];

const found = new Map<Row, readonly number[]>();

function counts(result: RunResult): number[] {
  return Object.values(COLUMNS).map((kinds) => {
    const leaks = kinds.includes("kmemleak") ? result.leaks.reported.length : 0;
    return leaks + result.findings.filter(({ kind }) => kinds.includes(kind)).length;
  });
}

function watched(row: Row): { result: RunResult; reproduce: string } {
  const { result, reproduce } = runInProcess(`scenarios/${row.scenario}.yaml`, { seed: 1, set: [...ON, ...(row.set ?? [])] });
  found.set(row, counts(result));
  const unknown = result.findings.filter(({ kind }) => !Object.values(COLUMNS).flat().includes(kind));
  expect(unknown, `each kind of finding has a column\nreproduce: ${reproduce}`).toEqual([]);
  return { result, reproduce };
}

const named = ({ scenario, set = [] }: Row): string => [scenario, ...set.map((one) => `\`${one}\``)].join(" ");

describe("seeded bugs", () => {
  test.each(SEEDED.map((row) => [named(row), row] as const))("%s", (_, row) => {
    const { reproduce } = watched(row);
    expect(found.get(row)?.some((count) => count > 0), reproduce).toBe(true);
  });

  test("each observer has found something", () => {
    const silent = Object.keys(COLUMNS).filter((_, at) => !SEEDED.some((row) => (found.get(row)?.[at] ?? 0) > 0));
    expect(silent).toEqual([]);
  });
});

describe("done right: all are silent, and have watched", () => {
  test.each(CLEAN.map((row) => [named(row), row] as const))("%s", (_, row) => {
    const { result, reproduce } = watched(row);
    expect(result.findings, reproduce).toEqual([]);
    expect(result.leaks.reported, reproduce).toEqual([]);
    expect(result.outcome, reproduce).toBe("poweroff");
    expect(result.heap!.checked, reproduce).toBeGreaterThan(1_000);
    expect(result.races!.checked, reproduce).toBeGreaterThan(10_000);
    expect(result.lockdep.dependencies, reproduce).toBeGreaterThan(0);
  });
});

test("the table in the documents is this one", async () => {
  const heads = Object.keys(COLUMNS);
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const lines = [...SEEDED, ...CLEAN].map((one) => row([named(one), ...(found.get(one) ?? []).map((count) => (count === 0 ? "silent" : `found ${count}`))]));
  const table = [row(["scenario", ...heads]), `|${"---|".repeat(heads.length + 1)}\n`, ...lines].join("");
  const page = readFileSync(join(ROOT, PAGE), "utf8");
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  expect(begin > 0 && end > begin, `${PAGE} has the lines ${BEGIN}${END}`).toBe(true);
  await expect(page.slice(0, begin + BEGIN.length) + table + page.slice(end)).toMatchFileSnapshot(`../../${PAGE}`);
});
