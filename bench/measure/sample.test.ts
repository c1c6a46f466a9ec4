import { expect, test } from "vitest";
import { parseTimes, sample } from "./sample.ts";

test("the second line of `times` belongs to the children", () => {
  expect(parseTimes("0m0.001s 0m0.002s\n1m2.500s 0m0.250s\n")).toEqual({ user: 62.5, system: 0.25 });
  expect(() => parseTimes("what?\n")).toThrow("`times` says");
});

test("a process's own CPU time is what the shell reports, output and status come along", () => {
  const busy = "let n = 0; while (process.cpuUsage().user < 1e5) n++; console.log('done'); process.exitCode = 3;";
  const run = sample([process.execPath, "-e", busy], 60);
  expect(run).toMatchObject({ stdout: "done\n", stderr: "", status: 3 });
  expect(run.userSeconds).toBeGreaterThan(0.09);
  expect(run.userSeconds).toBeLessThan(1);
});

test("a process that does not end is ended", () => {
  const run = sample([process.execPath, "-e", "setInterval(() => {}, 1000)"], 1);
  expect(run.status).toBe(null);
  expect(run.wallSeconds).toBeLessThan(20);
});
