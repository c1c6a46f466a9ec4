/**
 * The steps of a run as the table of the mailing lists: a column for each CPU, a line for each step, and what watched variables were
 * then. Below it, for a step that did not happen, who was where.
 */
import type { RunResult } from "../lab/run/result.ts";
import type { StepFrame, StepResult } from "../lab/steps/types.ts";
import { grouped, table } from "./text.ts";

const SOURCE_LENGTH_MAX = 72;

const frame = ({ function: name, file, line }: StepFrame): string => (file === null ? name : `${name} (${file}:${line})`);

/** In which column a step stands: where it happened, or where else in the steps its people were. */
function columnOf({ hart, who }: StepResult, steps: readonly StepResult[]): number | null {
  if (hart !== null) return hart;
  const seen = steps.find((one) => one.who === who && one.hart !== null);
  if (seen !== undefined) return seen.hart;
  const named = /CPU(\d+)$/.exec(who);
  return named ? Number(named[1]) : null;
}

function cellOf(step: StepResult): string {
  const { status, action, task, at } = step;
  const who = task === null ? step.who : `${task.comm}/${task.pid}`;
  const subject = who === "" ? "" : `${who}: `;
  if (status === "skipped" && action === "release") return `${subject}is not held`;
  if (status !== "done") return `${subject}${action}: ${status === "not reached" ? status : "does not happen"}`;
  const place = at === null ? "" : ` ${frame(at)}`;
  const nth = /, time \d+$/.exec(action)?.[0] ?? "";
  if (action.startsWith("until ")) return `${subject}stops at${place}${nth}`;
  if (action.startsWith("passes ")) return `${subject}passes${place}${nth}`;
  if (action === "release") return `${subject}goes on${place === "" ? "" : ` from${place}`}`;
  if (action.endsWith("interrupt")) return `${subject}${action} at${place}`;
  return `${subject}${action}`;
}

const cut = (text: string): string => (text.length > SOURCE_LENGTH_MAX ? `${text.slice(0, SOURCE_LENGTH_MAX - 3)}...` : text);

const besides = ({ values, note }: StepResult): string =>
  [...values.map(({ name, value }) => `${name} = ${value}`), ...(note === null ? [] : [note])].join(", ");

/** Lines of the table, and of who was where. */
export function explain({ steps }: RunResult): string {
  if (steps.length === 0) return "steps: none; the scenario has no field `steps`";
  const columns = [...new Set(steps.map((one) => columnOf(one, steps)).filter((one) => one !== null))].sort((a, b) => a - b);
  if (columns.length === 0) columns.push(0);
  const bar = (cells: readonly string[]): string[] => cells.flatMap((cell, i) => (i === 0 ? [cell] : ["|", cell]));
  const rows = steps.flatMap((step) => {
    // Who is nowhere in particular stands at the left.
    const column = columnOf(step, steps) ?? columns[0];
    const cells = columns.map((one) => (one === column ? cellOf(step) : ""));
    const row = [String(step.step), step.cycle === null ? "-" : grouped(step.cycle), ...bar([...cells, besides(step)])];
    const { source, action } = step;
    if (source === null || !/^until |^passes | interrupt$/.test(action)) return [row];
    const code = columns.map((one) => (one === column ? `    ${cut(source)}` : ""));
    return [row, ["", "", ...bar([...code, ""])]];
  });
  const head = ["step", "cycle", ...bar([...columns.map((one) => `CPU${one}`), "values"])];
  const align = head.map((_, i) => (i < 2 ? "right" : "left"));
  return [...table([head, ...rows], align), ...steps.flatMap(whereLines)].join("\n");
}

function whereLines({ step, detail, where, who, action }: StepResult): string[] {
  if (detail === null || where.length === 0) return [];
  const why = detail.split(": ")[0];
  const people = where.flatMap((one) => [`  ${one.who} ${one.state}${one.stack.length > 0 ? ":" : ""}`, ...one.stack.map((at) => `    ${frame(at)}`)]);
  return ["", why || `step ${step} (${who} ${action}) did not happen`, ...people];
}
