/** One run of a comparison, in a process of its own: `hartlab run --json`, which anybody can repeat by hand. */
import { type ChildProcess, spawn } from "node:child_process";
import { exitCode, type RunResult } from "../../lab/run/result.ts";
import type { RunSummary } from "../../lab/compare/comparison.ts";
import { figuresOf } from "../../lab/compare/measures.ts";

export type Ended =
  | { readonly kind: "ran"; readonly result: RunResult }
  /** It did not give a result: what it said, and its exit code or the signal that ended it. */
  | { readonly kind: "broken"; readonly code: number | null; readonly said: string };

const running = new Set<ChildProcess>();

/** Ends the runs that are still going on, for a comparison that cannot be finished. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

export function runProcess(args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "run", ...args, "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    const out: Buffer[] = [];
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.on("error", (error) => done({ kind: "broken", code: null, said: error.message }));
    child.on("close", (code) => {
      running.delete(child);
      if (code !== 0 && code !== 1 && code !== 3) done({ kind: "broken", code, said });
      else done({ kind: "ran", result: JSON.parse(Buffer.concat(out).toString()) as RunResult });
    });
  });
}

/** What is kept of a run's result. */
export function summaryOf(result: RunResult, locks: readonly string[]): RunSummary {
  const failed = result.expect.filter((one) => !one.pass && !one.undecided).map(({ name, detail }) => `${name}: ${detail}`);
  return {
    seed: result.seed,
    outcome: result.outcome,
    exitCode: exitCode(result),
    hash: result.hash,
    failed,
    figures: figuresOf(result, locks),
  };
}
