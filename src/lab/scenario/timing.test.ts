import { expect, test } from "vitest";
import { formatProblem } from "../../base/result.ts";
import { DEFAULT_MODEL, describeModel } from "../../machine/timing/model.ts";
import { loadScenario } from "./load.ts";
import { type Override, parseOverride } from "./override.ts";
import { costModel } from "./timing.ts";

function load(text: string, ...sets: string[]) {
  const overrides: Override[] = sets.flatMap((set) => {
    const override = parseOverride(set);
    return override.ok ? [override.value] : [];
  });
  const loaded = loadScenario("s.yaml", `name: a\n${text}`, overrides);
  return loaded.ok ? loaded.value.scenario : loaded.problems.map(formatProblem).join("\n");
}

function model(text: string, ...sets: string[]) {
  const scenario = load(text, ...sets);
  if (typeof scenario === "string") throw new Error(scenario);
  return costModel(scenario);
}

test("without the section the default preset holds, and functional timing has no costs", () => {
  expect(model("")).toEqual(DEFAULT_MODEL);
  expect(model("machine: { timing: functional }\ntiming: { memory: 200 }")).toBeNull();
});

test("a constant of the model is a field, and --set changes it", () => {
  const changed = model("timing: { preset: u54-like, memory: 200, branchMiss: 0 }", "timing.memory=300");
  expect(changed?.costs).toEqual({ ...DEFAULT_MODEL.costs, memory: 300, branchMiss: 0 });
  expect(changed && describeModel(changed)).toBe("u54-like with branchMiss=0, memory=300");
});

test("problems name the constant, the place and the next step", () => {
  expect(load("timing: { memroy: 200 }")).toMatchInlineSnapshot(`
    "s.yaml:2:11: unknown key \`memroy\` in timing
      timing: { memroy: 200 }
                ^
      Did you mean \`memory\`?"
  `);
  expect(load("timing: { memory: -1 }")).toMatchInlineSnapshot(`
    "s.yaml:2:19: timing.memory must be a whole number of cycles from 1 to 10000
      timing: { memory: -1 }
                        ^
      docs/scenario.md lists every field."
  `);
  expect(load("timing: { memory: 1.5 }")).toContain("timing.memory must be a whole number of cycles from 1 to 10000");
  expect(load("timing: { transfer: 0 }")).toContain("timing.transfer must be a whole number of cycles from 1 to 10000");
  expect(load("timing: { preset: z80 }")).toMatchInlineSnapshot(`
    "s.yaml:2:19: timing.preset must be u54-like
      timing: { preset: z80 }
                        ^
      docs/scenario.md lists every field."
  `);
  expect(load("timing: { memory: 10 }")).toMatchInlineSnapshot(`
    "s.yaml:2:9: timing.memory (10) must be at least timing.l2Hit (16): a miss asks the L2 first
      timing: { memory: 10 }
              ^"
  `);
  expect(load("timing: { transfer: 200, invalidate: 300 }")).toMatchInlineSnapshot(`
    "s.yaml:2:9: timing.interrupt (50) must be at least the smaller of transfer and invalidate (200)
      timing: { transfer: 200, invalidate: 300 }
              ^
      Harts are simulated so far ahead of each other; docs/timing.md explains it."
  `);
  expect(load("", "timing.alu=0")).toMatchInlineSnapshot(`
    "--set timing.alu=0: timing.alu must be a whole number of cycles from 1 to 10000
      docs/scenario.md lists every field."
  `);
});
