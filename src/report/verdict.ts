/** The run in one line. */
import { exitCode, type RunResult } from "../lab/run/result.ts";
import { plural } from "./text.ts";

/** Begins with PASS, FAIL, or UNDECIDED: the budget ended with nothing failed. */
export function verdictLine(result: RunResult): string {
  const word = { 0: "PASS", 1: "FAIL", 3: "UNDECIDED" }[exitCode(result)];
  const leaks = leaksText(result);
  const failed = result.expect
    .filter((one) => !one.pass && !one.undecided)
    .map((one) => (one.detail === leaks ? one.name : `${one.name} (${one.detail})`));
  const run = `${word} ${result.scenario}, seed ${result.seed}, ${plural(result.harts, "hart")}: `;
  const why = failed.length === 0 ? "" : `; not as expected: ${failed.join(", ")}`;
  return `${run}${outcomeText(result)}, ${leaks}${why}`;
}

function outcomeText({ outcome }: RunResult): string {
  return outcome === "budget" ? "the instruction budget ended" : outcome;
}

function leaksText({ leaks, expect }: RunResult): string {
  const { expected, found, missed, extra, transient } = leaks.planted;
  if (expected === 0) return `no planted leaks, ${extra} extra, ${transient} transient`;
  if (expect.some((one) => one.undecided)) {
    return `${found} of ${plural(expected, "planted leak")} found so far`;
  }
  const counts = `${missed} missed, ${extra} extra, ${transient} transient`;
  return `${found} of ${plural(expected, "planted leak")} found, ${counts}`;
}
