/** Runs the built command the way a user does, for tests that judge whole runs by their JSON. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { RunResult } from "../../src/lab/run/result.ts";
import { ROOT } from "../tidy/sources.ts";

export const LOST_OBJECT = "scenarios/kmemleak/lost-object.yaml";

export interface Outcome {
  readonly status: number | null;
  readonly result: RunResult;
  readonly stderr: string;
  /** The command, to try it by hand. */
  readonly reproduce: string;
}

/** `hartlab run ARGS --json` from the repository; `cwd` for scenarios elsewhere. */
export function run(...args: string[]): Outcome {
  const command = ["run", ...args, "--json"];
  const child = spawnSync(process.execPath, [join(ROOT, "dist/hartlab.js"), ...command], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const reproduce = `hartlab ${command.join(" ")}`;
  if (!child.stdout.startsWith("{")) {
    throw new Error(`no JSON (exit ${child.status})\nreproduce: ${reproduce}\n${child.stderr}`);
  }
  return { status: child.status, result: JSON.parse(child.stdout) as RunResult, stderr: child.stderr, reproduce };
}

/** The planted verdict and what went wrong, in the form that tests compare. */
export function verdict({ status, result }: Outcome): object {
  const { expected, found, missed, extra, transient } = result.leaks.planted;
  return { status, outcome: result.outcome, expected, found, missed, extra, transient, findings: result.findings };
}

export const ALL_FOUND = {
  status: 0,
  outcome: "poweroff",
  expected: 10,
  found: 10,
  missed: 0,
  extra: 0,
  transient: 0,
  findings: [],
};
