/**
 * What the scenario expects, judged. A checker that saw nothing fails: `leaks: planted` needs a plant and a complete report.
 *
 * A run that its budget ended leaves the leak expectations undecided; `findings: none` is decided at any time.
 */
import type { LeakReport } from "../observe/leak-report.ts";
import type { PlantedVerdict } from "../observe/verdict.ts";
import type { Expectation } from "../scenario/schema.ts";
import type { ExpectResult, Finding, ResultLeak } from "./result.ts";

export interface Evidence {
  readonly verdict: PlantedVerdict;
  readonly reports: readonly LeakReport[];
  /** The leaks of the last report, resolved. */
  readonly leaks: readonly ResultLeak[];
  readonly findings: readonly Finding[];
  readonly budgetEnded: boolean;
  /** Whether the kernel was built with marks; without them nobody knows what was planted. */
  readonly marks: boolean;
}

export function judge(expectation: Expectation, evidence: Evidence): ExpectResult[] {
  const results: ExpectResult[] = [];
  const leakChecks: ExpectResult[] = [];
  if (expectation.leaks === "planted") leakChecks.push(plantedLeaks(evidence));
  else if (expectation.leaks !== undefined)
    leakChecks.push(...namedLeaks(expectation.leaks, evidence));
  if (expectation.transient !== undefined)
    leakChecks.push(transient(expectation.transient, evidence));
  for (const check of leakChecks) {
    if (check.pass || !evidence.budgetEnded) results.push(check);
    else {
      const detail = `the instruction budget ended first (${check.detail})`;
      results.push({ ...check, detail, undecided: true });
    }
  }
  if (expectation.findings === "none") {
    const { findings } = evidence;
    results.push({
      name: "findings",
      pass: findings.length === 0,
      detail: findings.length === 0 ? "none" : findings.map((one) => one.id).join(", "),
    });
  }
  return results;
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
  entries: Exclude<Expectation["leaks"], "planted" | undefined>,
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
