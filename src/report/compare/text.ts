/**
 * A comparison as text: a table a group of measures, a row a cell, and for each measure the median over the seeds, the range, and the
 * ratio to the first value. As many measures stand side by side as WIDTH characters hold.
 */
import { type ComparedCell, type Comparison, comparisonExitCode, type Summary } from "../../lab/compare/comparison.ts";
import type { MeasureInfo, Unit } from "../../lab/compare/measures.ts";
import { figureText } from "./figure.ts";
import { type Align, grouped, plural, table } from "../text.ts";

const WIDTH = 120;
const GAP = 2;
const INDENT = 2;
const FAILED_MAX = 10;

const UNIT_TEXT: Readonly<Record<Unit, string>> = {
  cycles: "us",
  instructions: "",
  bytes: "bytes",
  count: "",
  share: "",
};

export function comparisonText(comparison: Comparison, file: string): string {
  const groups = [...new Set(comparison.measures.map(({ group }) => group))];
  const sections = [
    headText(comparison),
    ...groups.flatMap((group) => groupText(comparison, group)),
    runsText(comparison, file),
  ];
  return `${sections.join("\n\n")}\n`;
}

function headText({ scenario, axes, harts, seeds, settings, timing }: Comparison): string {
  const lines = [
    `${scenario}: ${plural(seeds.length, "seed")} a cell (${ranges(seeds)}), ${timing} timing`,
    ...axes.flatMap(axisLines),
    `  harts: ${harts.join(", ")}`,
    ...(settings.length > 0 ? [`  set: ${settings.join(" ")}`] : []),
    "Each figure: the median over the seeds, the least..the most, and the ratio of the median to the first value's.",
    "Times in us of guest time: 1 us = 1000 cycles.",
  ];
  return lines.join("\n");
}

/** A line for all values, or one for each variant. */
function axisLines({ key, values, settings }: Comparison["axes"][number]): string[] {
  if (settings === undefined) return [`  ${key}: ${values.join(", ")}`];
  const width = Math.max(...values.map((value) => value.length));
  return values.map((value, at) => `  ${value.padEnd(width)}  ${settings[at].join(" ") || "the scenario as it is"}`);
}

/** `1..20`, `1, 5..7` */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}..${to}`)).join(", ");
}

/** Tables that are WIDTH characters wide at most, unless one measure alone is wider. */
function groupText(comparison: Comparison, group: string): string[] {
  const measures = comparison.measures.filter((one) => one.group === group);
  const cells = comparison.cells.filter((cell) => measures.some(({ id }) => cell.measures[id] !== undefined));
  const labels = labelColumns(comparison, cells);
  const blocks = measures.map((measure) => measureColumns(measure, cells));
  const widthOf = (columns: readonly (readonly string[])[]): number =>
    columns.reduce((sum, column) => sum + Math.max(...column.map((text) => text.length)) + GAP, 0);
  const texts: string[] = [];
  for (let at = 0; at < blocks.length; ) {
    const chosen = [...labels];
    do chosen.push(...blocks[at++]);
    while (at < blocks.length && widthOf([...chosen, ...blocks[at]]) - GAP + INDENT <= WIDTH);
    const rows = chosen[0].map((_, row) => chosen.map((column) => column[row]));
    const align = chosen.map((_, column): Align => (column < labels.length ? "left" : "right"));
    texts.push([group, ...table(rows, align).map((line) => `  ${line}`)].join("\n"));
  }
  return texts;
}

/** A column an axis, and one for harts when they vary; two lines of head. */
function labelColumns({ axes, harts }: Comparison, cells: readonly ComparedCell[]): string[][] {
  const columns = axes.map(({ key }, at) => ["", key.split(".").at(-1)!, ...cells.map(({ values }) => values[at])]);
  if (harts.length > 1 || columns.length === 0) columns.push(["", "harts", ...cells.map((cell) => String(cell.harts))]);
  return columns;
}

function measureColumns({ id, label, unit }: MeasureInfo, cells: readonly ComparedCell[]): string[][] {
  const column = (head: string, of: (summary: Summary) => string, first = ""): string[] => [
    first,
    head,
    ...cells.map(({ measures }) => (measures[id] === undefined ? "-" : of(measures[id]))),
  ];
  const name = UNIT_TEXT[unit] === "" ? label : `${label}, ${UNIT_TEXT[unit]}`;
  return [
    column("median", ({ median }) => figureText(median, unit), name),
    column("range", ({ min, max }) => `${figureText(min, unit)}..${figureText(max, unit)}`),
    column("x", ({ ratio }) => (ratio === null ? "-" : ratio.toFixed(2))),
  ];
}

/** How runs ended, and how to repeat those that did not end as expected. */
function runsText(comparison: Comparison, file: string): string {
  const { cells, settings } = comparison;
  const runs = cells.flatMap((cell) => cell.runs.map((run) => ({ cell, run })));
  const bad = runs.filter(({ run }) => run.exitCode !== 0);
  const word = { 0: "PASS", 1: "FAIL", 3: "UNDECIDED" }[comparisonExitCode(comparison)];
  const verdict = `${word} ${comparison.scenario}: ${grouped(runs.length - bad.length)} of ${plural(runs.length, "run")} as expected`;
  if (bad.length === 0) return verdict;
  const lines = bad.slice(0, FAILED_MAX).flatMap(({ cell, run }) => {
    const set = [...settings, ...cell.settings];
    const why = run.failed.length > 0 ? run.failed.join("; ") : run.outcome;
    const again = `reproduce: hartlab run ${file} --seed ${run.seed} --harts ${cell.harts}${set.map((one) => ` --set ${one}`).join("")}`;
    return [`  ${[...cell.values, `harts ${cell.harts}`].join(", ")}, seed ${run.seed}: ${why}`, `  ${again}`];
  });
  const more = bad.length > FAILED_MAX ? [`  and ${plural(bad.length - FAILED_MAX, "more run")}`] : [];
  return ["not as expected:", ...lines, ...more, "", verdict].join("\n");
}
