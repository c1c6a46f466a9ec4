/**
 * The torture scenarios. Each passes in every preemption model, on one hart, four and eight, with several seeds; the same kernel with
 * a seeded bug (`busted`) fails in every model in which that bug can exist; and a run repeats itself to the last bit.
 *
 * To add one: scenarios/torture/NAME.yaml, its bug behind `busted` in kernel/config.ts, a row here. Not the full product: each model sees
 * four harts and one more count, each with a seed of its own. Size: a clean run on four harts stays below
 * INSTRUCTIONS_MAX, all of this file within two minutes of CPU: about 20 runs a scenario, so most should be well below.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";
import { type Ran, runInProcess } from "./in-process.ts";

const FOLDER = "scenarios/torture";
const INSTRUCTIONS_MAX = 150_000_000;

const MODELS = ["none", "voluntary", "full", "rt"] as const;
type Model = (typeof MODELS)[number];

interface Row {
  /** Name of the file. */
  readonly scenario: string;
  /** Value of `busted` that breaks what this scenario tries. */
  readonly busted: string;
  /** Where the bug can exist; why not elsewhere is said beside it. */
  readonly models: readonly Model[];
}

const ROWS: readonly Row[] = [
  // Timers are lost whatever else the CPU was doing.
  { scenario: "hotplug", busted: "hotplug", models: MODELS },
  // A spinlock_t keeps nobody out: other CPUs come in, in every model.
  { scenario: "locks", busted: "lock", models: MODELS },
  // rt too: no model lets a CPU forget a translation by itself.
  { scenario: "vmalloc", busted: "vmalloc", models: MODELS },
  { scenario: "rcu", busted: "rcu", models: MODELS },
  // Pages of a SLAB_DESTROY_BY_RCU cache go back at once: readers run on other CPUs in every model.
  { scenario: "slab", busted: "slab", models: MODELS },
];

/** What each model is tried with beside four harts and seed 1. */
const BESIDE: Readonly<Record<Model, readonly [harts: number, seed: number]>> = {
  none: [8, 2],
  voluntary: [1, 3],
  full: [8, 4],
  rt: [1, 5],
};

/** What a failure shows. */
const shown = ({ result, reproduce }: Ran): string =>
  `${result.outcome}\n${result.console.slice(-4000)}\nreproduce: ${reproduce}`;

function torture(name: string, model: Model, busted: string, harts: number, seed: number): Ran {
  return runInProcess(`${FOLDER}/${name}.yaml`, { seed, harts, set: [`preempt=${model}`, `busted=${busted}`] });
}

test("every torture scenario has a row, and every row a scenario", () => {
  const folder = join(ROOT, FOLDER);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".yaml")) : [];
  expect(ROWS.map(({ scenario }) => `${scenario}.yaml`).sort()).toEqual(files.sort());
});

for (const { scenario, busted, models } of ROWS) {
  describe(scenario, () => {
    describe.each(MODELS)("preempt=%s", (model) => {
      test.each([[4, 1], BESIDE[model]] as const)("%i harts, seed %i: passes", (harts, seed) => {
        const ran = torture(scenario, model, "none", harts, seed);
        expect(ran.status, shown(ran)).toBe(0);
        expect(ran.result.outcome, shown(ran)).toBe("poweroff");
        expect(ran.result.instructions, ran.reproduce).toBeLessThan(INSTRUCTIONS_MAX * Math.max(1, harts / 4));
      });

      if (models.includes(model)) {
        test(`busted=${busted}: fails`, () => {
          const ran = torture(scenario, model, busted, 4, 1);
          expect(ran.status, shown(ran)).toBe(1);
        });
      }
    });

    test("two runs give one hash, another seed another one", () => {
      const [first, second, other] = [1, 1, 2].map((seed) => torture(scenario, "full", "none", 4, seed).result);
      expect(second).toEqual(first);
      expect(other!.hash).not.toBe(first!.hash);
    });
  });
}

/** Runs that once ended by budget: a dying CPU's softirq thread was pushed aside between saying that it parks and parking. */
test.each([
  ["slab", 76, 2],
  ["rcu", 36, 4],
] as const)("%s, seed %i, %i harts, preempt=rt: comes to its end", (name, seed, harts) => {
  const ran = torture(name, "rt", "none", harts, seed);
  expect(ran.status, shown(ran)).toBe(0);
});
