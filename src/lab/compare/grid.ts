/** The runs of a comparison: each combination of varied values and numbers of harts is a cell, and each cell is run with each seed. */
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import { parseOverride } from "../scenario/override.ts";
import { HARTS_MAX } from "../scenario/schema.ts";

/** One varied key, or `variant` and its names; values as the user wrote them. */
export interface Axis {
  readonly key: string;
  readonly values: readonly string[];
  /** Of each value, as `--set`. */
  readonly settings: readonly (readonly string[])[];
}

/** The axis of --variant: what differs in more than one key. */
export const VARIANT = "variant";

export interface Cell {
  /** One of each axis, in their order. */
  readonly values: readonly string[];
  /** null: the scenario's own. */
  readonly harts: number | null;
  /** As `--set`: the axes' values. */
  readonly settings: readonly string[];
}

export interface Grid {
  readonly axes: readonly Axis[];
  /** Empty: the scenario's own. */
  readonly harts: readonly number[];
  readonly seeds: readonly number[];
  readonly cells: readonly Cell[];
}

export interface GridText {
  readonly vary: readonly string[];
  readonly variants?: readonly string[];
  readonly harts?: string | undefined;
  readonly seeds: string;
}

const NO_AXIS: Axis = { key: "", values: [], settings: [] };
const SEED_MAX = 0xffff_ffff;
export const RUNS_MAX = 100_000;

export function parseGrid({ vary, variants = [], harts: hartsText, seeds: seedsText }: GridText): Result<Grid> {
  const problems: Problem[] = [];
  const take = <T>(result: Result<T>, otherwise: T): T => {
    if (result.ok) return result.value;
    problems.push(...result.problems);
    return otherwise;
  };
  const named = variants.length === 0 ? [] : [take(parseVariants(variants), NO_AXIS)];
  const axes = [...named, ...vary.map((text) => take(parseAxis(text), NO_AXIS))];
  const harts = hartsText === undefined ? [] : take(parseNumbers("--harts", hartsText, 1, HARTS_MAX), []);
  const seeds = take(parseNumbers("--seeds", seedsText, 0, SEED_MAX), []);
  const again = axes.find((axis, at) => axes.findIndex(({ key }) => key === axis.key) < at);
  if (again !== undefined && again.key !== "") {
    problems.push({ message: `--vary ${again.key} is given twice`, hint: "Name all its values in one --vary." });
  }
  if (problems.length === 0 && seeds.length < 2) {
    problems.push({
      message: `--seeds ${seedsText}: one seed says nothing about a range, so nothing is compared by it`,
      hint: "Give at least two, such as --seeds 1..20.",
    });
  }
  if (problems.length === 0 && axes.length === 0 && harts.length < 2) {
    problems.push({
      message: "nothing varies, so there is nothing to compare",
      hint: "Give --vary KEY=A,B (`hartlab config` lists the kernel's keys) or several numbers of harts.",
    });
  }
  if (problems.length > 0) return failure(...problems);
  const cells = cellsOf(axes, harts);
  const runs = cells.length * seeds.length;
  if (runs > RUNS_MAX) {
    return failure({ message: `that makes ${runs} runs; at most ${RUNS_MAX} are made`, hint: "Vary less, or take fewer seeds." });
  }
  return success({ axes, harts, seeds, cells });
}

function parseAxis(text: string): Result<Axis> {
  const equals = text.indexOf("=");
  const key = text.slice(0, equals).trim();
  const values = text.slice(equals + 1).split(",").map((value) => value.trim());
  const wrong = (message: string, hint = "Write for example --vary spinlock.kind=ticket,mcs."): Result<Axis> =>
    failure({ message: `--vary ${text}: ${message}`, hint });
  if (equals < 1 || key === "") return wrong("this is not KEY=VALUE,VALUE");
  if (values.includes("")) return wrong("a value is missing");
  if (new Set(values).size < values.length) return wrong("a value is there twice");
  if (key === "seed") return wrong("seeds have an option of their own", "Write --seeds 1..20.");
  if (key === "machine.harts") return wrong("harts have an option of their own", "Write --harts 1,2,4.");
  const override = parseOverride(`${key}=${values[0]}`);
  return override.ok ? success({ key, values, settings: values.map((value) => [`${key}=${value}`]) }) : override;
}

/** `NAME:KEY=VALUE,KEY=VALUE`; `NAME:` alone is the scenario as it is. */
function parseVariants(texts: readonly string[]): Result<Axis> {
  const values: string[] = [];
  const settings: string[][] = [];
  for (const text of texts) {
    const match = /^\s*([\w.+-]+)\s*:(.*)$/.exec(text);
    const wrong = (message: string): Result<Axis> =>
      failure({ message: `--variant ${text}: ${message}`, hint: "Write for example --variant V2:kmemleak.design=km19,kmemleak.index=spinlock." });
    if (match === null) return wrong("this is not NAME:KEY=VALUE,KEY=VALUE");
    if (values.includes(match[1])) return wrong(`${match[1]} is the name of another variant`);
    const own = match[2].split(",").map((one) => one.trim()).filter((one) => one !== "");
    for (const one of own) {
      const override = parseOverride(one);
      if (!override.ok) return wrong(`${one} is not KEY=VALUE`);
      if (/^(seed|machine\.harts)=/.test(one)) return wrong("seeds and harts have options of their own");
    }
    values.push(match[1]);
    settings.push(own);
  }
  return success({ key: VARIANT, values, settings });
}

/** `1..20`, `1,2,4` and both together, in the order given. */
function parseNumbers(option: string, text: string, least: number, most: number): Result<number[]> {
  const numbers: number[] = [];
  const wrong = (message: string): Result<number[]> =>
    failure({ message: `${option} ${text}: ${message}`, hint: `Write for example ${option} ${option === "--seeds" ? "1..20" : "1,2,4"}.` });
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*$/.exec(part);
    if (match === null) return wrong(`"${part.trim()}" is neither a number nor a range A..B`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first < least || last > most) return wrong(`numbers from ${least} to ${most} are possible`);
    if (last < first) return wrong(`${part.trim()} ends before it begins`);
    if (last - first >= RUNS_MAX) return wrong(`at most ${RUNS_MAX} runs are made`);
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return new Set(numbers).size < numbers.length ? wrong("a number is there twice") : success(numbers);
}

/** The first value of the last axis first; harts vary fastest. */
function cellsOf(axes: readonly Axis[], harts: readonly number[]): Cell[] {
  let combinations: Omit<Cell, "harts">[] = [{ values: [], settings: [] }];
  for (const axis of axes) {
    combinations = combinations.flatMap(({ values, settings }) =>
      axis.values.map((value, at) => ({ values: [...values, value], settings: [...settings, ...axis.settings[at]] })),
    );
  }
  const counts = harts.length === 0 ? [null] : harts;
  return combinations.flatMap((one) => counts.map((count) => ({ ...one, harts: count })));
}

/** The cell that ratios of a cell are made to: the first values with as many harts; when only harts vary, the first number of them. */
export function baselineOf(grid: Grid, cell: Cell): Cell {
  if (grid.axes.length === 0) return grid.cells[0];
  return grid.cells.find(({ harts }) => harts === cell.harts)!;
}
