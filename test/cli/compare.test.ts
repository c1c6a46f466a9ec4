/** `hartlab compare` as a command: what it refuses, what it prints, and that a comparison that was killed goes on where it was. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Comparison } from "../../src/lab/compare/comparison.ts";
import { ROOT } from "../tidy/sources.ts";

const SCENARIO = "test/scenario/guests/short.yaml";
const COMMAND = ["compare", SCENARIO, "--vary", "machine.timing=functional,cycle", "--seeds", "1..2", "--harts", "1,2"];
const RUNS = 8;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-compare-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hartlab(...args: string[]) {
  return spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), ...args], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
}

const linesOf = (file: string): string[] => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);

async function untilLines(file: string, count: number, child: ChildProcess): Promise<void> {
  while (linesOf(file).length < count && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
}

test("killed and resumed it makes only the runs that are missing, and gives the same bytes", async () => {
  const state = join(folder, "killed.state");
  const child = spawn(process.execPath, [join(ROOT, "dist/hartlab.js"), ...COMMAND, "--jobs", "1", "--resume", state], {
    cwd: ROOT, stdio: "ignore", detached: true,
  });
  await untilLines(state, 4, child);
  process.kill(-child.pid!, "SIGKILL");
  const before = linesOf(state);
  expect(before.length).toBeGreaterThanOrEqual(4);
  expect(before.length).toBeLessThan(1 + RUNS);
  // And a line of which half was written.
  writeFileSync(state, `${before.join("\n")}\n${before[1].slice(0, 50)}`);
  const resumed = hartlab(...COMMAND, "--resume", state, "--json");
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toBe(`${before.length - 1} of ${RUNS} runs were made before\n`);
  const after = linesOf(state);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after).toHaveLength(1 + RUNS);

  const whole = hartlab(...COMMAND, "--jobs", "2", "--json");
  expect(whole.status, whole.stderr).toBe(0);
  expect(resumed.stdout).toBe(whole.stdout);
  const file = join(folder, "page.html");
  const text = hartlab(...COMMAND, "--resume", state, "--html", file);
  const page = readFileSync(file, "utf8");
  expect(page).toContain("8 of 8 runs as expected");
  expect(page.match(/<svg/g)!.length).toBe((JSON.parse(whole.stdout) as Comparison).measures.length);
  expect(text.stdout).toMatch(/^PASS test\/short: 8 of 8 runs as expected$/m);
  for (const line of text.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
  judge(JSON.parse(whole.stdout) as Comparison);
}, 300_000);

/** Each figure is of all seeds, within its range, and of the first value the ratio is 1. */
function judge({ cells, measures }: Comparison): void {
  expect(cells.map(({ values, harts }) => `${values.join()} ${harts}`)).toEqual(["functional 1", "functional 2", "cycle 1", "cycle 2"]);
  const names = measures.map(({ id }) => id);
  for (const name of ["scan.cycles", "longest.irqsOff", "longest.preemptOff", "metadata.bytesPerObject", "alloc.slab.idle.p99", "free.slab.idle.max"]) {
    expect(names).toContain(name);
  }
  expect(names.some((name) => name.startsWith("lock.kmemleak_object.lock."))).toBe(true);
  for (const cell of cells) {
    for (const [name, one] of Object.entries(cell.measures)) {
      expect(one.values, name).toHaveLength(2);
      expect(one.min <= one.median && one.median <= one.max, name).toBe(true);
      if (cell.values[0] === "functional") expect([null, 1], name).toContain(one.ratio);
    }
    expect(cell.measures["scan.cycles"].min).toBeGreaterThan(0);
    expect(cell.measures["longest.preemptOff"].median).toBeGreaterThanOrEqual(cell.measures["longest.irqsOff"].median);
    expect(new Set(cell.runs.map(({ hash }) => hash)).size).toBe(2);
  }
}

test("a run that fails makes the comparison fail, and the report says how to repeat it", () => {
  const child = hartlab("compare", SCENARIO, "--harts", "1,2", "--seeds", "1,2", "--set", "expect.outcome=panic");
  expect(child.status).toBe(1);
  expect(child.stdout).toContain("FAIL test/short: 0 of 4 runs as expected");
  const again = /reproduce: hartlab (.*)/.exec(child.stdout)![1].split(" ");
  expect(hartlab(...again).status).toBe(1);
}, 120_000);

test.each([
  [["--seeds", "4"], "one seed says nothing about a range"],
  [["--seeds", "1,2", "--vary", "spinlock.kind=ticket,mcx"], "mcx"],
  [["--seeds", "1,2", "--jobs", "0"], "--jobs 0"],
  [["--seeds", "1,2", "--resume", SCENARIO], "was not written by hartlab compare"],
])("%j is refused with exit code 2 and nothing runs", (args, words) => {
  const child = hartlab("compare", SCENARIO, "--vary", "machine.timing=functional,cycle", ...args);
  expect([child.status, child.stdout]).toEqual([2, ""]);
  expect(child.stderr).toContain(words);
}, 120_000);
