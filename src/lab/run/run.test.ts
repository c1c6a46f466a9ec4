import { expect, test } from "vitest";
import { unreachable } from "../../base/assert.ts";
import { failure, formatProblem, success } from "../../base/result.ts";
import { loadScenario } from "../scenario/load.ts";
import { exitCode, hex, type RunResult } from "./result.ts";
import { type RunRequest, runScenario } from "./run.ts";

const TEXT = `name: a
kernel: { kmemleak.desing: km08 }
tasks:
  - { run: churn }
  - { run: lose_kmaloc, on: 2 }
`;

/** What a run says whose kernel does not come about. */
function problems(compile: RunRequest["compile"]): string {
  const loaded = loadScenario("s.yaml", TEXT, []);
  if (!loaded.ok) throw new Error("bad scenario");
  const result = runScenario({
    version: "0",
    ...loaded.value,
    compile,
    createMachine: () => unreachable("no machine without a kernel"),
  });
  return result.ok ? "ran" : result.problems.map(formatProblem).join("\n");
}

test("what the compiler does not know is shown where the scenario names it", () => {
  expect(
    problems(() =>
      failure(
        { message: "no task named lose_kmaloc: there are lose_kmalloc, churn (K008)" },
        { message: "there is no configuration key kmemleak.desing (K010)" },
        { message: "the branch is out of range" },
        { message: "churn is wrong", place: { file: "w.ts", line: 3, column: 1 } },
      ),
    ),
  ).toMatchInlineSnapshot(`
    "s.yaml:5:12: no task named lose_kmaloc: there are lose_kmalloc, churn (K008)
        - { run: lose_kmaloc, on: 2 }
                 ^
    s.yaml:2:11: there is no configuration key kmemleak.desing (K010)
      kernel: { kmemleak.desing: km08 }
                ^
    the branch is out of range
    w.ts:3:1: churn is wrong"
  `);
});

test("images that are none", () => {
  expect(problems(() => success(new Uint8Array(100)))).toMatchInlineSnapshot(`
    "the kernel image is not a 32-bit ELF file
      Build it again."
  `);
  expect(problems(() => success(new Uint8Array(0)))).toContain("not a 32-bit ELF");
});

test("exit codes", () => {
  const code = (outcome: RunResult["outcome"], ...expect: Partial<RunResult["expect"][number]>[]) =>
    exitCode({ outcome, expect } as unknown as RunResult);
  expect(code("poweroff")).toBe(0);
  expect(code("poweroff", { pass: true }, { pass: false })).toBe(1);
  for (const outcome of ["panic", "fault", "deadlock"] as const)
    expect(code(outcome, { pass: true })).toBe(1);
  expect(code("budget", { pass: true })).toBe(3);
  expect(code("budget", { pass: false, undecided: true })).toBe(3);
  expect(code("budget", { pass: false, undecided: true }, { pass: false })).toBe(1);
});

test("addresses have eight digits", () => {
  expect([hex(0), hex(-1), hex(0xc0000000)]).toEqual(["0x00000000", "0xffffffff", "0xc0000000"]);
});
