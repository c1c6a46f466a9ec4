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
      "observe": {
        "heap": false,
        "hung_task": 1000000000,
        "livelock": 100000000,
        "quiescence": false,
        "races": false,
        "rcu_stall": 1000000000,
        "references": false,
        "soft_lockup": 200000000,
        "truth": false,
      },
      "seed": 1,
      "steps": [],
      "tasks": [],
      "timing": {
        "preset": "u54-like",
      },
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
      "task=pair@0,3+2ms task=tail@last+1ms",
  );
});

test("what the guest could not hold is refused, not cut", () => {
  const line = "  - { run: task, on: 0, at: 3ms }\n";
  expect(load(`name: a\ntasks:\n${line.repeat(400)}`)).toMatch(
    /^s\.yaml:3:3: boot parameters and tasks make \d+ bytes of boot arguments; the kernel takes 4095$/m,
  );
  expect(load('name: a\nboot: { x: "a\\u0001b" }')).toContain(
    "boot.x must be one word of printable",
  );
  expect(load('name: a\nboot: { x: "a b" }')).toContain("boot.x must be one word of printable");
  expect(load("name: a\ntasks: [{ run: f, at: 3000000s }]")).toContain(
    "must be at most 2147483647ms",
  );
  // One more than 32 bits hold: the guest must get it in a unit in which it fits.
  const late = "name: a\ntasks: [{ run: f, at: 4294967297ns }]";
  expect(bootargs(scenario(late))).toBe("seed=1 task=f@all+4295ms");
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
    "machine.memory must be a size with a unit (KiB, MiB or GiB) such as 64MiB, not 64",
  );
  expect(load("name: a\nmachine: { memory: 8193KiB }")).toContain("whole number of MiB");
  expect(load("name: a\nevents: [{ at: 3 parsecs, scan: kmemleak }]")).toContain(
    'events[0].at must be a duration with a unit (ns, us, ms, s or cycles) such as 3ms, not "3 parsecs"',
  );
  expect(load("name: a\nevents: [{ at: 3ms }]")).toContain("exactly one of hotplug, scan, lock_stat and snapshot");
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

test("wrong types and values of the other fields", () => {
  const first = (text: string): string => load(text).split("\n")[0]!;
  expect(
    [
      "name: 3",
      "name: a b",
      "name: a\nseed: -1",
      "name: a\nseed: 4294967296",
      "name: a\nmachine: 3",
      "name: a\nmachine: { timing: slow }",
      "name: a\nmachine: { interleave: random }",
      "name: a\ntasks: lose",
      "name: a\ntasks: [{ on: 1 }]",
      "name: a\ntasks: [{ run: 'a b' }]",
      "name: a\ntasks: [{ run: f, on: some }]",
      "name: a\ntasks: [{ run: f, on: [] }]",
      "name: a\ntasks: [{ run: f, repeat: 0 }]",
      "name: a\ntasks: [{ run: f, at: 3 }]",
      "name: a\nevents: [{ at: 1ms, hotplug: { cpu: -1, to: offline } }]",
      "name: a\nevents: [{ at: 1ms, hotplug: { cpu: 0, to: down } }]",
      "name: a\nevents: [{ at: 1ms, scan: slub }]",
      "name: a\nboot: { kmemleak: 'a b' }",
      "name: a\nboot: { 'a b': 1 }",
      "name: a\nlimits: { instructions: 0 }",
      "name: a\nuntil: tomorrow",
      "name: a\nworkload: 3",
      "name: a\nexpect: { leaks: all }",
      "name: a\nexpect: { leaks: [{ in: f, count: 0 }] }",
      "name: a\nexpect: { findings: some }",
      "name: a\nkernel: { marks: [1] }",
    ].map(first),
  ).toMatchInlineSnapshot(`
    [
      "s.yaml:1:7: name must be given: a text such as kmemleak/lost-object",
      "s.yaml:1:7: name must consist of letters, digits and _ . / -",
      "s.yaml:2:7: seed must be from 0 to 4294967295",
      "s.yaml:2:7: seed must be from 0 to 4294967295",
      "s.yaml:2:10: machine must be a mapping { key: value }",
      "s.yaml:2:20: machine.timing must be functional or cycle",
      "s.yaml:2:24: machine.interleave must be exact or ahead",
      "s.yaml:2:8: tasks must be a list of { run: NAME, ... }",
      "s.yaml:2:9: tasks[0].run must be the name of an exported function of the workload",
      "s.yaml:2:16: tasks[0].run must be the name of an exported function of the workload",
      "s.yaml:2:23: tasks[0].on must be all, last, a CPU number or a list of CPU numbers such as [0, 2]",
      "s.yaml:2:23: tasks[0].on must name at least one CPU",
      "s.yaml:2:27: tasks[0].repeat must be at least 1",
      "s.yaml:2:23: tasks[0].at must be a duration with a unit (ns, us, ms, s or cycles) such as 3ms, not 3",
      "s.yaml:2:37: events[0].hotplug.cpu must not be negative",
      "s.yaml:2:44: events[0].hotplug.to must be offline or online",
      "s.yaml:2:27: events[0].scan must be kmemleak",
      "s.yaml:2:19: boot.kmemleak must be one word of printable ASCII: the kernel splits its boot arguments at spaces",
      "s.yaml:2:16: boot.a b is not a possible key: letters, digits and _ . - only",
      "s.yaml:2:25: limits.instructions must be at least 1",
      "s.yaml:2:8: until must be poweroff",
      "s.yaml:2:11: workload must be the path of a TypeScript module",
      "s.yaml:2:18: expect.leaks must be planted, none or a list of { in: FUNCTION, count: N }",
      "s.yaml:2:35: expect.leaks[0].count must be at least 1",
      "s.yaml:2:21: expect.findings must be none or a list of { kind: KIND, says: TEXT, count: N }",
      "s.yaml:2:18: kernel.marks must be a text, a number, true or false",
    ]
  `);
});

test("every problem is reported, not only the first", () => {
  expect(load("name: a\nmachine: { harts: 0, timing: slow }\nsede: 3")).toMatchInlineSnapshot(`
    "s.yaml:2:19: machine.harts must be from 1 to 64
      machine: { harts: 0, timing: slow }
                        ^
      docs/scenario.md lists every field.
    s.yaml:2:30: machine.timing must be functional or cycle
      machine: { harts: 0, timing: slow }
                                   ^
      docs/scenario.md lists every field.
    s.yaml:3:1: unknown key \`sede\` in a scenario
      sede: 3
      ^
      Did you mean \`seed\`?"
  `);
});

test("overrides: values keep their type, keys of the kernel need no prefix", () => {
  const parsed = (text: string) => overrides(text)[0];
  expect(parsed("marks=false")).toMatchObject({ path: ["kernel", "marks"], value: false });
  expect(parsed("kmemleak.index=rbtree")).toMatchObject({
    path: ["kernel", "kmemleak.index"],
    value: "rbtree",
  });
  expect(parsed("boot.kmemleak.min_age=1s")).toMatchObject({
    path: ["boot", "kmemleak.min_age"],
    value: "1s",
  });
  expect(parsed("limits.instructions=1e3")).toMatchObject({ value: 1000 });
  expect(parsed("name=a=b")).toMatchObject({ path: ["name"], value: "a=b" });
  expect(parsed("machine.memory=")).toMatchObject({ value: "" });
  // A later override wins over an earlier one and over the file.
  expect(scenario("name: a\nseed: 3", "seed=4", "seed=5").seed).toBe(5);
});

test("an override that is not key=value is refused", () => {
  for (const text of ["harts", "=3", " = 3", ""]) {
    const result = parseOverride(text);
    expect(result.ok ? "accepted" : result.problems.map(formatProblem).join("\n")).toContain(
      "this is not key=value",
    );
  }
});
