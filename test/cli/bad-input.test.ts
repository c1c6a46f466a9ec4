/** Bad input ends with exit 2, one sentence that names the thing, the place and the next step, and nothing written. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-bad-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WORKLOAD = `import { scenario_stop } from "kernel/init/scenario.ts";

export function task(_arg: u32): void {
  scenario_stop();
}
`;

/** Runs `hartlab run s.yaml` (or the given arguments) in a folder that holds these files, and nothing more afterwards. */
function hartlab(files: Readonly<Record<string, string>>, ...args: string[]) {
  const home = mkdtempSync(join(folder, "case-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  const command = args.length > 0 ? args : ["run", "s.yaml"];
  const child = spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), ...command], {
    cwd: home,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect(readdirSync(home).sort(), "nothing is written").toEqual(Object.keys(files).sort());
  return { status: child.status, stdout: child.stdout, stderr: child.stderr };
}

const scenario = (...lines: string[]) => ["name: s", "workload: ./w.ts", ...lines, ""].join("\n");
const TASK = "tasks: [{ run: task }]";

test("unknown YAML key", () => {
  const { status, stderr, stdout } = hartlab({ "s.yaml": scenario("machin: { harts: 2 }", TASK), "w.ts": WORKLOAD });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatchInlineSnapshot(`
    "s.yaml:3:1: unknown key \`machin\` in a scenario
      machin: { harts: 2 }
      ^
      Did you mean \`machine\`?
    "
  `);
});

test("unknown task", () => {
  const { status, stderr } = hartlab({ "s.yaml": scenario("tasks: [{ run: taks }]"), "w.ts": WORKLOAD });
  expect(status).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "s.yaml:3:16: no task named taks: there are task, churn, hotplug_storm, pressure, barrier_test_init, rcu_torture_barrier_cbs, rcu_torture_barrier, rcu_torture_onoff, rcutorture, rcu_torture_ipi, interrupt_readers_init, rcu_torture_reader, stop_threads, rcu_torture_writer, rcu_torture_fakewriter (K008)
      tasks: [{ run: taks }]
                     ^
      export \`function taks(arg: u32): void\` from the workload or from a module in kernel/workload/
    "
  `);
});

test("type error in the workload", () => {
  const wrong = WORKLOAD.replace("scenario_stop();", "const a: u8 = 300;\n  scenario_stop(a);");
  const { status, stderr } = hartlab({ "s.yaml": scenario(TASK), "w.ts": wrong });
  expect(status).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "w.ts:4:17: 300 does not fit u8 (K041)
        const a: u8 = 300;
                      ^
      u8 holds 0 to 255
    w.ts:5:3: scenario_stop takes 0 arguments, not 1 (K080)
        scenario_stop(a);
        ^
      its parameters are ()
    "
  `);
});

test("missing workload", () => {
  const { status, stderr } = hartlab({ "s.yaml": scenario(TASK) });
  expect(status).toBe(2);
  expect(stderr.replaceAll(folder, "FOLDER")).toMatch(/cannot read the workload .*w\.ts: there is no such file/);
});

test("missing scenario", () => {
  const { status, stderr } = hartlab({}, "run", "nowhere.yaml");
  expect(status).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "cannot read the scenario nowhere.yaml: there is no such file
      Check the path.
    "
  `);
});

test.each(["0", "65", "four"])("%s harts on the command line", (harts) => {
  const { status, stderr } = hartlab({ "s.yaml": scenario(TASK), "w.ts": WORKLOAD }, "run", "s.yaml", "--harts", harts);
  expect(status).toBe(2);
  expect(stderr).toMatch(/--set machine\.harts=.*must be (from 1 to 64|a whole number from 1 to 64)/);
});

test("0 harts in the file", () => {
  const { status, stderr } = hartlab({ "s.yaml": scenario("machine: { harts: 0 }", TASK), "w.ts": WORKLOAD });
  expect(status).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "s.yaml:3:19: machine.harts must be from 1 to 64
      machine: { harts: 0 }
                        ^
      docs/scenario.md lists every field.
    "
  `);
});

test("memory too small", () => {
  const { status, stderr } = hartlab({ "s.yaml": scenario("machine: { memory: 1MiB }", TASK), "w.ts": WORKLOAD });
  expect(status).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "s.yaml:3:20: machine.memory is too small: must be at least 8MiB, for firmware, kernel and their tables
      machine: { memory: 1MiB }
                         ^
      docs/scenario.md lists every field.
    "
  `);
});

test("unknown configuration key and value", () => {
  const files = { "s.yaml": scenario(TASK), "w.ts": WORKLOAD };
  const key = hartlab(files, "run", "s.yaml", "--set", "kernel.kmemlaek.enabled=false");
  expect(key.status).toBe(2);
  expect(key.stderr).toMatchInlineSnapshot(`
    "there is no configuration key kmemlaek.enabled (K010)
      \`hartlab config\` lists the keys and their values
    "
  `);
  const value = hartlab(files, "run", "s.yaml", "--set", "kmemleak.design=km07");
  expect(value.status).toBe(2);
  expect(value.stderr).toMatchInlineSnapshot(`
    "kmemleak.design is one of km08, km08-fix, km09, km19, not km07 (K010)
      \`hartlab config\` lists the keys and their values
    "
  `);
});

test("a scenario that is not YAML, and one that is not a mapping", () => {
  expect(hartlab({ "s.yaml": "name: [", "w.ts": WORKLOAD }).status).toBe(2);
  expect(hartlab({ "s.yaml": "- a\n- b\n", "w.ts": WORKLOAD }).status).toBe(2);
  expect(hartlab({ "s.yaml": "", "w.ts": WORKLOAD }).status).toBe(2);
});

test("unknown command and unknown option", () => {
  expect(hartlab({}, "rn").status).toBe(2);
  expect(hartlab({}, "run", "--fast", "s.yaml").status).toBe(2);
});
