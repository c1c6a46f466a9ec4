/** What a comparison found: the JSON contract of `hartlab compare --json` (docs/compare.md). A function of the runs alone. */
import type { Outcome } from "../run/result.ts";
import { baselineOf, type Cell, type Grid, VARIANT } from "./grid.ts";
import { type Figures, type MeasureInfo, measureInfo, median } from "./measures.ts";

export const COMPARE_SCHEMA_VERSION = 1;

/** What is kept of one run. */
export interface RunSummary {
  readonly seed: number;
  readonly outcome: Outcome;
  /** As the run's command would end: 0, 1 or 3. */
  readonly exitCode: 0 | 1 | 3;
  readonly hash: string;
  /** Expectations that failed, with the reason. */
  readonly failed: readonly string[];
  readonly figures: Figures;
}

export interface Summary {
  /** By seed, in the order of `seeds`; null: that run has none. */
  readonly values: readonly (number | null)[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Of the median to the baseline cell's; null: that has none, or 0. */
  readonly ratio: number | null;
}

export interface ComparedCell {
  readonly values: readonly string[];
  /** What `values` stand for, as `--set`. */
  readonly settings: readonly string[];
  readonly harts: number;
  /** SHA-256 of the kernel image. */
  readonly image: string;
  readonly runs: readonly Omit<RunSummary, "figures">[];
  readonly measures: Readonly<Record<string, Summary>>;
}

export interface Comparison {
  readonly schemaVersion: typeof COMPARE_SCHEMA_VERSION;
  readonly hartlab: string;
  readonly scenario: string;
  /** The command's --set, which all cells share. */
  readonly settings: readonly string[];
  readonly timing: string;
  /** `settings` of each value where they are variants. */
  readonly axes: readonly { readonly key: string; readonly values: readonly string[]; readonly settings?: readonly (readonly string[])[] }[];
  readonly harts: readonly number[];
  readonly seeds: readonly number[];
  readonly measures: readonly MeasureInfo[];
  readonly cells: readonly ComparedCell[];
}

export interface CellRuns {
  readonly cell: Cell;
  readonly harts: number;
  readonly image: string;
  /** In the order of the grid's seeds. */
  readonly runs: readonly RunSummary[];
}

export function compare(
  about: Pick<Comparison, "hartlab" | "scenario" | "settings" | "timing">,
  grid: Grid,
  cells: readonly CellRuns[],
): Comparison {
  const ids = [...new Set(cells.flatMap(({ runs }) => runs.flatMap(({ figures }) => Object.keys(figures))))];
  const measures = inOrder(ids.map(measureInfo));
  return {
    schemaVersion: COMPARE_SCHEMA_VERSION,
    ...about,
    axes: grid.axes.map(({ key, values, settings }) => (key === VARIANT ? { key, values, settings } : { key, values })),
    harts: [...new Set(cells.map(({ harts }) => harts))],
    seeds: grid.seeds,
    measures,
    cells: cells.map((one) => {
      const base = cells.find(({ cell }) => cell === baselineOf(grid, one.cell))!;
      return {
        values: one.cell.values,
        settings: one.cell.settings,
        harts: one.harts,
        image: one.image,
        runs: one.runs.map(({ figures: _, ...run }) => run),
        measures: Object.fromEntries(measures.flatMap(({ id }) => summarise(id, one, base))),
      };
    }),
  };
}

/** Measures of a group stand together, groups in the order in which they first came up. */
function inOrder(measures: readonly MeasureInfo[]): MeasureInfo[] {
  const groups = [...new Set(measures.map(({ group }) => group))];
  return groups.flatMap((group) => measures.filter((one) => one.group === group));
}

function summarise(id: string, { runs }: CellRuns, base: CellRuns): [string, Summary][] {
  const values = runs.map(({ figures }) => figures[id] ?? null);
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return [];
  const middle = median(known);
  const others = base.runs.flatMap(({ figures }) => figures[id] ?? []);
  const other = others.length === 0 ? 0 : median(others);
  return [[id, { values, median: middle, min: Math.min(...known), max: Math.max(...known), ratio: other === 0 ? null : middle / other }]];
}

/** 1: a run failed; 3: none did, and one ended with its budget; else 0. */
export function comparisonExitCode({ cells }: Comparison): 0 | 1 | 3 {
  const codes = cells.flatMap(({ runs }) => runs.map(({ exitCode }) => exitCode));
  return codes.includes(1) ? 1 : codes.includes(3) ? 3 : 0;
}
