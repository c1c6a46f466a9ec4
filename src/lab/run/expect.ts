/**
 * What the scenario expects, judged. A checker that saw nothing fails: `leaks: planted` needs a plant and a complete report.
 *
 * A run that its budget ended leaves the leak expectations undecided; findings and the outcome are decided at any time.
 */
import type { LeakReport } from "../observe/leak-report.ts";
import type { PlantedVerdict } from "../observe/verdict.ts";
import type { Expectation } from "../scenario/schema.ts";
import type { StepResult } from "../steps/types.ts";
import type { ExpectResult, Finding, Outcome, ResultLeak } from "./result.ts";

export interface Evidence {
  readonly verdict: PlantedVerdict;
  readonly reports: readonly LeakReport[];
  /** The leaks of the last report, resolved. */
  readonly leaks: readonly ResultLeak[];
  readonly findings: readonly Finding[];
  readonly outcome: Outcome;
  /** Whether the kernel was built with marks; without them nobody knows what was planted. */
  readonly marks: boolean;
  readonly steps: readonly StepResult[];
  /** Of `kept`, judged (kept.ts). */
  readonly kept: readonly ExpectResult[];
}

export function judge(expectation: Expectation, evidence: Evidence): ExpectResult[] {
  const results: ExpectResult[] = [];
  const leakChecks: ExpectResult[] = [];
  if (expectation.leaks === "planted") leakChecks.push(plantedLeaks(evidence));
  else if (expectation.leaks !== undefined)
    leakChecks.push(...namedLeaks(expectation.leaks === "none" ? [] : expectation.leaks, evidence));
  if (expectation.transient !== undefined)
    leakChecks.push(transient(expectation.transient, evidence));
  for (const check of leakChecks) {
    if (check.pass || evidence.outcome !== "budget") results.push(check);
    else {
      const detail = `the instruction budget ended first (${check.detail})`;
      results.push({ ...check, detail, undecided: true });
    }
  }
  results.push(...evidence.kept);
  if (evidence.steps.length > 0) results.push(allSteps(evidence.steps));
  if (expectation.findings !== undefined)
    results.push(...expectedFindings(expectation.findings, evidence.findings));
  if (expectation.outcome !== undefined)
    results.push({
      name: "outcome",
      pass: evidence.outcome === expectation.outcome,
      detail: `${evidence.outcome}, ${expectation.outcome} expected`,
    });
  return results;
}

/** Steps are there to be made: every one that is not optional. */
function allSteps(steps: readonly StepResult[]): ExpectResult {
  const done = steps.filter((one) => one.status === "done").length;
  const failed = steps.find((one) => one.status === "never" || one.status === "not reached");
  const skipped = steps.filter((one) => one.status === "skipped").map((one) => `; ${one.detail}`);
  const detail = `${done} of ${steps.length} done${skipped.join("")}`;
  return { name: "steps", pass: failed === undefined, detail: failed?.detail ?? detail };
}

/** Exactly `count` findings of each entry, and no others. */
function expectedFindings(
  wanted: Exclude<Expectation["findings"], undefined>,
  findings: readonly Finding[],
): ExpectResult[] {
  const rest = new Set(findings);
  const results = (wanted === "none" ? [] : wanted).map((entry): ExpectResult => {
    const matching = [...rest].filter(
      (one) => one.kind === entry.kind && one.summary.includes(entry.says ?? ""),
    );
    for (const one of matching) rest.delete(one);
    return {
      name: entry.says === undefined ? entry.kind : `${entry.kind} "${entry.says}"`,
      pass: matching.length === entry.count,
      detail: `${matching.length} found, ${entry.count} expected`,
    };
  });
  const others = [...rest].map((one) => one.id);
  return [
    ...results,
    {
      name: wanted === "none" ? "findings" : "no other findings",
      pass: others.length === 0,
      detail: others.length === 0 ? "none" : others.join(", "),
    },
  ];
}

function plantedLeaks(evidence: Evidence): ExpectResult {
  const name = "leaks";
  const { verdict, reports } = evidence;
  if (!evidence.marks) {
    const detail = "the kernel was built without marks, so nothing tells which blocks were planted";
    return { name, pass: false, detail };
  }
  if (verdict.expected === 0) return { name, pass: false, detail: "no planted leak was seen" };
  if (!reports.at(-1)?.complete) {
    return { name, pass: false, detail: "no complete kmemleak report was seen" };
  }
  const detail =
    `${verdict.found} of ${verdict.expected} planted leaks found, ` +
    `${verdict.missed} missed, ${verdict.extra} extra, ${verdict.transient} transient`;
  return { name, pass: verdict.missed === 0 && verdict.extra === 0, detail };
}

/** Exactly `count` leaks of each entry, and no others. */
function namedLeaks(
  entries: Exclude<Expectation["leaks"], "planted" | "none" | undefined>,
  evidence: Evidence,
): ExpectResult[] {
  if (!evidence.reports.at(-1)?.complete) {
    return [{ name: "leaks", pass: false, detail: "no complete kmemleak report was seen" }];
  }
  const rest = new Set(evidence.leaks);
  const results = entries.map((entry): ExpectResult => {
    const matching = [...rest].filter(
      (leak) =>
        leak.backtrace.some((frame) => frame.function === entry.in) &&
        (entry.size === undefined || leak.size === entry.size),
    );
    for (const leak of matching) rest.delete(leak);
    const size = entry.size === undefined ? "" : ` of ${entry.size} bytes`;
    return {
      name: `leaks in ${entry.in}${size}`,
      pass: matching.length === entry.count,
      detail: `${matching.length} reported, ${entry.count} expected`,
    };
  });
  const others = [...rest].map((leak) => leak.address);
  results.push({
    name: "no other leaks",
    pass: others.length === 0,
    detail: others.length === 0 ? "none" : others.join(", "),
  });
  return results;
}

function transient(wanted: "some" | "none", { verdict, reports }: Evidence): ExpectResult {
  const count = verdict.transient;
  const detail = `${count} in ${reports.length} reports`;
  return { name: "transient", pass: wanted === "some" ? count > 0 : count === 0, detail };
}
