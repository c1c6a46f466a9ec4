/**
 * CPU hotplug, slab caches and rcu_barrier of 2012: each case of docs/kernel/destroy.md happens as its scenario expects, and not when it is done
 * right. Tables of steps are golden (those of the page: page-tables.test.ts). C1, C2, C3 and C9: lockdep-cases.test.ts, steps.test.ts.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatProblem } from "../../src/base/result.ts";
import { loadScenario } from "../../src/lab/scenario/load.ts";
import { explain } from "../../src/report/explain.ts";
import { ROOT } from "../tidy/sources.ts";
import { type Ran, runInProcess, runLoaded } from "./in-process.ts";
import { stableTable } from "./stable.ts";

const TIMEOUT = 120_000;
const FOLDER = "scenarios/hotplug2012";
const CLEAN = ["expect.outcome=poweroff", "expect.findings=none"];

/** Each a way to do it right; the first is the one that Linux took. */
const CASES: readonly (readonly [name: string, file: string, right: readonly string[]])[] = [
  ["C4 a put too many, and a CPU that shall come up", "put-too-many", ["boot.culprit=right"]],
  ["C8 the callbacks of a destroyed cache", "descriptor", ["slab.destroy=f1"]],
  ["C8b a grace period is no barrier", "descriptor-late", ["slab.destroy=f1"]],
  ["C9 zswap's initialisation", "zswap-init", ["zswap.bug=none"]],
  ["C10 orphans that are adopted during a barrier", "adoption", ["rcu.barrier=b", "rcu.barrier=m"]],
  ["C11 callbacks of a CPU that has gone", "dead-cpu", ["rcu.barrier=m"]],
  ["C11 the barrier's callback on a CPU that goes", "dead-cpu-late", ["rcu.barrier=m"]],
  ["C12 a reader enters again", "nested-get", ["rcu.barrier=m"]],
  ["C13 readers that leave no gap", "starved-writer", ["hotplug.priority=writer"]],
  ["C15 a listener sleeps at DYING", "sleeps-while-dying", ["boot.sleep_at=dead"]],
];

function ran(file: string, ...set: string[]): Ran {
  return runInProcess(`${FOLDER}/${file}.yaml`, { seed: 1, set });
}

const said = ({ result, reproduce }: Ran): string => `${JSON.stringify(result.expect, null, 1)}\nreproduce: ${reproduce}`;
const lines = (text: string): string => text.split("\n").map((line) => line.trimEnd()).join("\n");

test("every scenario of the folder is tried here", () => {
  const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".yaml"));
  const others = ["relink", "cannot-go", "refusal", "explore"];
  expect([...CASES.map(([, file]) => file), ...others].map((name) => `${name}.yaml`).sort()).toEqual(files.sort());
});

describe.each(CASES)("%s", (_name, file, right) => {
  test("happens", { timeout: TIMEOUT }, async () => {
    const wrong = ran(file);
    expect(wrong.status, said(wrong)).toBe(0);
    if (wrong.result.steps.length === 0) return;
    await expect(`${lines(stableTable(explain(wrong.result)))}\n`).toMatchFileSnapshot(`../golden/hotplug2012/${file}.txt`);
  });

  test.each(right)("%s: does not", { timeout: TIMEOUT }, (set) => {
    const twin = ran(file, set, ...CLEAN);
    expect(twin.status, said(twin)).toBe(0);
  });
});

describe("who notices a put too many (C4, C5, C6)", () => {
  const VARIANTS: readonly (readonly [variant: string, outcome: string, blamed: readonly string[]])[] = [
    ["get", "deadlock", ["victim", "victim"]],
    ["akpm-wrong", "deadlock", []],
    ["put-warn", "poweroff", ["culprit"]],
    ["put-bug", "panic", ["culprit"]],
  ];
  test.each(VARIANTS)("hotplug.underflow=%s: %s, blamed: %j", { timeout: TIMEOUT }, (variant, outcome, blamed) => {
    const { result, reproduce } = ran("put-too-many", `hotplug.underflow=${variant}`);
    expect(result.outcome, reproduce).toBe(outcome);
    const comms = [...result.console.matchAll(/(?:WARNING|kernel BUG): [\s\S]*?Comm: (\w+)/g)].map((match) => match[1]);
    expect(comms, reproduce).toEqual(blamed);
  });
});

describe("a cache that cannot go", () => {
  test("C7: linked again without slab_mutex while another one is made, and the list is broken", { timeout: TIMEOUT }, async () => {
    const wrong = ran("relink");
    expect(wrong.status, said(wrong)).toBe(0);
    await expect(`${lines(stableTable(explain(wrong.result)))}\n`).toMatchFileSnapshot("../golden/hotplug2012/relink.txt");
  });

  test("as it was mended the other one waits for slab_mutex", { timeout: TIMEOUT }, () => {
    const { result, reproduce } = ran("relink", "slab.destroy=f1");
    expect(result.findings.map((one) => one.summary), reproduce).toEqual([expect.stringContaining("cache `busy': Can't free all objects")]);
    expect(result.steps.map((one) => one.status)).toEqual(["done", "done", "skipped", "done", "done"]);
    expect(result.steps[2].detail).toMatch(/creator\/\d+ sleeps: .*mutex_lock.*create_cache/);
  });

  test("says so, is on the list as before, and goes later", { timeout: TIMEOUT }, () => {
    const refused = ran("cannot-go");
    expect(refused.status, said(refused)).toBe(0);
    expect(refused.result.console).toContain("cannot-go: destroyed");
  });
});

test("C13: how often the writer looks", { timeout: TIMEOUT }, () => {
  const looked = (...set: string[]) => /starving: in after (\d+) reads of others, having looked (\d+) times/.exec(ran("starved-writer", ...set).result.console);
  const [, readers, looks] = looked() ?? [];
  expect([Number(readers) > 60, looks]).toEqual([true, "2"]);
  expect(Number(looked("hotplug.priority=writer", ...CLEAN)?.[1])).toBeLessThan(5);
});

test("C14: whoever was asked before the one that refuses hears of it", { timeout: TIMEOUT }, async () => {
  const told = ran("refusal");
  expect(told.status, said(told)).toBe(0);
  const events = [...told.result.console.matchAll(/\] event: (.*)$/gm)].map((match) => match[1]!.trim());
  await expect(`${events.join("\n")}\n`).toMatchFileSnapshot("../golden/hotplug2012/refusal.txt");
});

/** All ways to merge two sequences. */
function merges<T>(one: readonly T[], other: readonly T[]): T[][] {
  if (one.length === 0 || other.length === 0) return [[...one, ...other]];
  return [
    ...merges(one.slice(1), other).map((rest) => [one[0]!, ...rest]),
    ...merges(one, other.slice(1)).map((rest) => [other[0]!, ...rest]),
  ];
}

const stops = (task: string, places: readonly string[]): string[] =>
  places.map((place) => `  - { task: ${task}, until: "${place}", within: 6ms, optional: true }`);
/** Of the destroyer after its shrink, and of the CPU that comes up. */
const SCHEDULES = merges(
  stops("destroyer", ["rcu_barrier", "drop_count", "point:destroyed"]),
  stops("plugger", ["cpu_hotplug_begin", "slab_prepare_cpu"]),
);

/** The kernel of C3, held at each place and let go in one order; what became of it. */
function scheduled(steps: readonly string[], culprit: string): string {
  const loaded = loadScenario("inline.yaml", `name: inline
machine: { harts: 3, memory: 32MiB, timing: functional }
kernel: { rcu.barrier: c, slab.destroy: barrier-inside, hotplug.underflow: none, hotplug.lockdep: mutex }
boot: { culprit: ${culprit} }
workload: ./destroy-under-slab-mutex.ts
tasks:
  - { run: unplugger, on: 0 }
  - { run: culprit, on: 1, at: 2ms }
  - { run: destroyer, on: 1, at: 4ms }
  - { run: plugger, on: 0, at: 4ms }
limits: { instructions: 100000000 }
steps:
  - { task: unplugger, passes: "point:unplugged" }
${steps.join("\n")}
`, []);
  const result = loaded.ok ? runLoaded(join(ROOT, "scenarios/steps/inline.yaml"), loaded.value) : loaded;
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  const { outcome, findings } = result.value;
  return outcome === "deadlock" ? (findings.find((one) => one.kind !== "lockdep")?.kind ?? "?") : outcome;
}

test.each([
  ["none", { poweroff: 10 }],
  ["put", { deadlock: 9, poweroff: 1 }],
] as const)("the destroyer and a CPU that comes up in all orders, culprit=%s: %j", { timeout: TIMEOUT }, (culprit, expected) => {
  const counts: Record<string, number> = {};
  for (const steps of SCHEDULES) {
    const end = scheduled(steps, culprit);
    counts[end] = (counts[end] ?? 0) + 1;
  }
  expect(counts).toEqual(expected);
});

describe("the circle of C1", () => {
  test.each([1, 2])("seed %i: reported, and nobody hangs in 100 rounds", { timeout: TIMEOUT }, (seed) => {
    const { result, status, reproduce } = runInProcess(`${FOLDER}/explore.yaml`, { seed, set: ["boot.rounds=100"] });
    expect([status, result.outcome], reproduce).toEqual([0, "poweroff"]);
    expect(result.console).toContain("explore: 100 times a CPU went and came");
  });

  test.each([1])("seed %i with one put too many: somebody hangs", { timeout: TIMEOUT }, (seed) => {
    const { result, reproduce } = runInProcess(`${FOLDER}/explore.yaml`, { seed, set: ["boot.puts=1"] });
    expect(result.outcome, reproduce).toBe("deadlock");
  });
});
