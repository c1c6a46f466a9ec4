import { expect, test } from "vitest";
import { formatProblem } from "../../base/result.ts";
import { bootargs } from "./bootargs.ts";
import { loadScenario } from "./load.ts";
import { type Override, parseOverride } from "./override.ts";

function overrides(...texts: string[]): Override[] {
  return texts.map((text) => {
    const result = parseOverride(text);
    if (!result.ok) throw new Error(text);
    return result.value;
  });
}

function load(text: string, ...sets: string[]): string {
  const result = loadScenario("s.yaml", text, overrides(...sets));
  return result.ok ? "ok" : result.problems.map(formatProblem).join("\n");
}

function scenario(text: string, ...sets: string[]) {
  const result = loadScenario("s.yaml", text, overrides(...sets));
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value.scenario;
}

test("defaults: seed 1, 4 harts, 64 MiB, cycle timing", () => {
  expect(scenario("name: a/b")).toMatchInlineSnapshot(`
    {
      "boot": {},
      "events": [],
      "expect": {},
      "kernel": {},
      "limits": {
        "instructions": 1000000000,
      },
      "machine": {
        "harts": 4,
        "interleave": "ahead",
        "memory": 67108864,
        "timing": "cycle",
      },
      "name": "a/b",
      "seed": 1,
      "tasks": [],
      "until": "poweroff",
    }
  `);
});

test("boot arguments carry seed, boot parameters and tasks", () => {
  const text = `
name: a
seed: 7
boot: { kmemleak.min_age: 50ms }
tasks:
  - { run: churn, on: all, repeat: 1000 }
  - { run: lose_one, on: 2, at: 3ms }
  - { run: pair, on: [0, 3], at: 1500us }
  - { run: tail, on: last, at: 120cycles }`;
  expect(bootargs(scenario(text))).toBe(
    "seed=7 kmemleak.min_age=50ms task=churn@all*1000 task=lose_one@2+3ms " +
      "task=pair@0,3+1500us task=tail@last+120ns",
  );
});

test("--set changes scenario fields and kernel keys", () => {
  const s = scenario(
    "name: a\nmachine: { harts: 4, memory: 32MiB }",
    "machine.harts=2",
    "kernel.marks=false",
    "kmemleak.design=km08-fix",
    "boot.kmemleak.min_age=1s",
    "limits.instructions=5000",
    "seed=9",
  );
  expect(s.machine).toMatchObject({ harts: 2, memory: 32 * 1024 ** 2 });
  expect(s.kernel).toEqual({ marks: false, "kmemleak.design": "km08-fix" });
  expect(s.boot).toEqual({ "kmemleak.min_age": "1s" });
  expect(s.limits.instructions).toBe(5000);
  expect(s.seed).toBe(9);
});

test("an unknown key is named with place and suggestion", () => {
  expect(load("name: a\nmachine: { hart: 4 }")).toMatchInlineSnapshot(`
    "s.yaml:2:12: unknown key \`hart\` in machine
      machine: { hart: 4 }
                 ^
      Did you mean \`harts\`?"
  `);
  expect(load("name: a\ntasks:\n  - { run: x, whenever: 3ms }")).toMatchInlineSnapshot(`
    "s.yaml:3:15: unknown key \`whenever\` in tasks[0]
        - { run: x, whenever: 3ms }
                    ^
      Known keys: run, on, repeat, at."
  `);
  expect(load("name: a\nexpect: { leaks: [{ in: f, cuont: 1 }] }")).toContain("expect.leaks");
});

test("impossible values", () => {
  expect(load("name: a\nmachine: { harts: 0 }")).toMatchInlineSnapshot(`
    "s.yaml:2:19: machine.harts must be from 1 to 64
      machine: { harts: 0 }
                        ^
      docs/scenario.md lists every field."
  `);
  expect(load("name: a\nmachine: { harts: 65 }")).toContain("machine.harts must be from 1 to 64");
  expect(load("name: a\nmachine: { memory: 4MiB }")).toContain("machine.memory is too small");
  expect(load("name: a\nmachine: { memory: 64 }")).toContain(
    "machine.memory must be a size with a unit (KiB or MiB) such as 64MiB, not 64",
  );
  expect(load("name: a\nmachine: { memory: 8193KiB }")).toContain("whole number of MiB");
  expect(load("name: a\nevents: [{ at: 3 parsecs, scan: kmemleak }]")).toContain(
    'events[0].at must be a duration with a unit (ns, us, ms, s or cycles) such as 3ms, not "3 parsecs"',
  );
  expect(load("name: a\nevents: [{ at: 3ms }]")).toContain("exactly one of hotplug and scan");
  expect(load("name: a\nboot: { seed: 3 }")).toContain("Use `seed:` instead.");
  expect(load("name: a", "machine.harts=65")).toMatchInlineSnapshot(`
    "--set machine.harts=65: machine.harts must be from 1 to 64
      docs/scenario.md lists every field."
  `);
  expect(load("name: a", "machine.hrats=5")).toMatchInlineSnapshot(`
    "--set machine.hrats=5: unknown key \`hrats\` in machine
      Did you mean \`harts\`?"
  `);
  expect(load("- a")).toContain("a scenario is a YAML mapping");
  expect(load("name: a\nb: {c: 2, c: 3}")).toContain("not valid YAML");
  expect(load("seed: 3")).toContain("name must be given");
});

test("an override that is not key=value is refused", () => {
  expect(parseOverride("harts")).toMatchObject({ ok: false });
});
