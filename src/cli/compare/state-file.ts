/** The file of --resume (lab/compare/state.ts): read at the start, a line added whenever a run has ended. */
import { appendFileSync, existsSync, truncateSync } from "node:fs";
import { type Problem, type Result, success } from "../../base/result.ts";
import type { RunSummary } from "../../lab/compare/comparison.ts";
import { parseState, STATE_HEAD, stateLine } from "../../lab/compare/state.ts";
import { readText, writeProblem, writeWhole } from "../files.ts";

export interface StateFile {
  readonly known: ReadonlyMap<string, RunSummary>;
  add(key: string, run: RunSummary): void;
}

/** Without a path nothing is kept. */
export function openState(path: string | undefined): Result<StateFile> {
  if (path === undefined) return success({ known: new Map(), add() {} });
  const refused = (problem: Problem | null): Result<never> | null => (problem === null ? null : { ok: false, problems: [problem] });
  const unwritable = refused(writeProblem(path));
  if (unwritable !== null) return unwritable;
  const text: Result<string> = existsSync(path) ? readText(path, "the state of the comparison") : success("");
  if (!text.ok) return text;
  const state = parseState(path, text.value);
  if (!state.ok) return state;
  if (state.value.wholeBytes === 0) {
    const failed = refused(writeWhole(path, STATE_HEAD));
    if (failed !== null) return failed;
  } else {
    truncateSync(path, state.value.wholeBytes);
  }
  return success({ known: state.value.runs, add: (key, run) => appendFileSync(path, stateLine(key, run)) });
}
