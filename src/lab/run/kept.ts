/** `expect: { kept: ... }`: memory that a scenario means to have left at its end; what is not named there is a finding. */
import type { Expectation } from "../scenario/schema.ts";
import type { ResultProgress } from "./resolve.ts";
import { userOf } from "./progress-summary.ts";
import type { ExpectResult } from "./result.ts";

interface Kept {
  /** Reports that no entry accounts for. */
  readonly others: readonly ResultProgress[];
  readonly results: readonly ExpectResult[];
}

/** Tables of page tables stay for good, as in Linux. */
const PAGE_TABLES = "kernel/mm/vmap/table.ts";

/**
 * Memory that was left, told once for each place that asked for it, whatever the allocators took for it: an area has pages and a
 * description. What a place has planted it may have left, with all that belongs to it.
 */
export function mergeLeftMemory(reports: readonly ResultProgress[]): ResultProgress[] {
  const merged = new Map<string, ResultProgress>();
  const others: ResultProgress[] = [];
  const planted = new Set(reports.filter(({ facts }) => facts.what === "planted").map(({ scenes }) => userOf(scenes[0])));
  for (const report of reports) {
    const { kind, facts, scenes } = report;
    if (facts.what === "planted") continue;
    if (kind !== "quiescence" || facts.what !== "memory") {
      others.push(report);
      continue;
    }
    if (facts.of === "pages" && scenes[0].stack.frames.some(({ file }) => file === PAGE_TABLES)) continue;
    const place = userOf(scenes[0]);
    if (planted.has(place)) continue;
    const known = merged.get(place);
    merged.set(place, known === undefined ? report : joined(known, report));
  }
  return [...others, ...merged.values()];
}

function joined(one: ResultProgress, other: ResultProgress): ResultProgress {
  const sum = (name: string): number => Number(one.facts[name]) + Number(other.facts[name]);
  const names = new Set(String(one.facts.of).split(", ")).add(String(other.facts.of));
  return { ...one, facts: { ...one.facts, blocks: sum("blocks"), bytes: sum("bytes"), of: [...names].join(", ") } };
}

/** An entry stands for all memory whose allocation has its function in the stack, and without `count` for any number of blocks. */
export function keptMemory(reports: readonly ResultProgress[], entries: NonNullable<Expectation["kept"]>): Kept {
  const rest = new Set(reports);
  const results = entries.map((entry): ExpectResult => {
    const matching = [...rest].filter(
      ({ kind, facts, scenes }) =>
        kind === "quiescence" && facts.what === "memory" && scenes[0].stack.frames.some((frame) => frame.function === entry.in),
    );
    for (const one of matching) rest.delete(one);
    const blocks = matching.reduce((sum, { facts }) => sum + Number(facts.blocks), 0);
    const expected = entry.count === undefined ? "any number" : String(entry.count);
    const pass = entry.count === undefined || blocks === entry.count;
    return { name: `kept in ${entry.in}`, pass, detail: `blocks: ${blocks}, expected: ${expected}` };
  });
  return { others: [...rest], results };
}
