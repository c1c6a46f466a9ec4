/** The run in one line. */
import { exitCode, type RunResult } from "../lab/run/result.ts";
import { plural } from "./text.ts";

/** Begins with PASS, FAIL, or UNDECIDED: the budget ended with nothing failed. */
export function verdictLine(result: RunResult): string {
  const word = { 0: "PASS", 1: "FAIL", 3: "UNDECIDED" }[exitCode(result)];
  const failed = result.expect
    .filter((one) => !one.pass && !one.undecided)
    .map((one) => `${one.name} not as expected`);
  const parts = [
    `${word} ${result.scenario}`,
    `seed ${result.seed}`,
    plural(result.harts, "hart"),
    outcomeText(result),
    leaksText(result),
    ...(result.findings.length === 0 ? [] : [plural(result.findings.length, "finding")]),
    ...failed,
  ];
  return parts.join(", ");
}

function outcomeText({ outcome }: RunResult): string {
  return outcome === "budget" ? "instruction budget ended" : outcome;
}

function leaksText({ leaks }: RunResult): string {
  const { expected, found, missed, extra, transient } = leaks.planted;
  const counts = `${missed} missed, ${extra} extra, ${transient} transient`;
  if (expected === 0) return `no leaks planted, ${extra} extra, ${transient} transient`;
  return `${found} of ${plural(expected, "planted leak")} found, ${counts}`;
}
