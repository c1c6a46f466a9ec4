/**
 * A comparison as one page: for each measure a table with median, range and ratio, and a chart over the numbers of harts or over an
 * axis whose values are numbers, with a bar from the least to the most. Over `boot.objects` Linux's scans stand beside ours.
 */
import { type ComparedCell, type Comparison, comparisonExitCode, type Summary } from "../../lab/compare/comparison.ts";
import type { MeasureInfo } from "../../lab/compare/measures.ts";
import { chart, type Series } from "../html/chart.ts";
import { page, type Section } from "../html/frame.ts";
import { type Html, html } from "../html/markup.ts";
import { guestTime, short } from "../html/numbers.ts";
import { dataTable, factTable } from "../html/table.ts";
import { figureText } from "./figure.ts";
import { LINUX_NAME, linuxScans } from "./linux-figures.ts";

/** The axis of scenarios/kmemleak/scan-cost.yaml. */
const OBJECTS = "boot.objects";
const BYTES = "boot.bytes";
const CONTENTS = "boot.contents";
const BYTES_DEFAULT = 64;

const NOTE_NET = "What the objects add to the scan of the roots alone, ours and Linux's.";
const NOTE_WHOLE =
  "Linux's figures are what the objects add to the scan of its roots; ours include our roots, which are smaller: with 0 among the numbers of objects they are left out.";

type Point = Series["points"][number];

/** What is varied and drawn along: the number of harts, or an axis of numbers. */
interface Along {
  readonly name: string;
  readonly of: (cell: ComparedCell) => number;
  /** What tells one line from another. */
  readonly line: (cell: ComparedCell) => string;
}

export function comparisonPage(comparison: Comparison, command: string): string {
  const { cells, scenario, axes, harts, seeds, hartlab } = comparison;
  const runs = cells.flatMap((cell) => cell.runs);
  const good = runs.filter(({ exitCode }) => exitCode === 0).length;
  const code = comparisonExitCode(comparison);
  const groups = [...new Set(comparison.measures.map(({ group }) => group))];
  const facts: [string, string][] = [
    ...axes.map(({ key, values }): [string, string] => [key, values.join(", ")]),
    ["harts", harts.join(", ")],
    ["seeds", `${seeds.length}: ${seeds.join(", ")}`],
    ["made by", command],
  ];
  return page({
    title: `comparison of ${scenario}`,
    verdict: code === 0 ? "pass" : code === 1 ? "fail" : "undecided",
    headline: `${scenario}: ${good} of ${runs.length} runs as expected`,
    lead: html`${factTable(facts)}<p>Each figure is the median over the seeds, with the least and the most, and its ratio to the first value's. Guest time; 1 cycle = 1 ns.</p>`,
    sections: groups.map((group, at): Section => ({ id: `group-${at}`, title: group, body: groupBody(comparison, group) })),
    foot: `hartlab ${hartlab}`,
  });
}

function groupBody(comparison: Comparison, group: string): Html {
  const along = alongOf(comparison);
  const measures = comparison.measures.filter((one) => one.group === group);
  return html`${measures.map((measure) => html`${along !== null && drawn(comparison, measure, along)}${tableOf(comparison, measure)}`)}`;
}

function alongOf({ axes, harts }: Comparison): Along | null {
  const numeric = axes.findIndex(({ values }) => values.length > 1 && values.every((value) => /^\d+$/.test(value)));
  const others = (cell: ComparedCell): string[] => cell.values.filter((_, at) => at !== numeric);
  if (numeric >= 0) {
    const line = (cell: ComparedCell): string => [...others(cell), ...(harts.length > 1 ? [`${cell.harts} harts`] : [])].join(", ") || "ours";
    return { name: axes[numeric]!.key, of: (cell) => Number(cell.values[numeric]), line };
  }
  return harts.length > 1 ? { name: "harts", of: (cell) => cell.harts, line: (cell) => cell.values.join(", ") || "ours" } : null;
}

function drawn(comparison: Comparison, measure: MeasureInfo, along: Along): Html {
  const lines = new Map<string, ComparedCell[]>();
  for (const cell of comparison.cells) {
    if (cell.measures[measure.id] !== undefined) lines.set(along.line(cell), [...(lines.get(along.line(cell)) ?? []), cell]);
  }
  const series = [...lines].map(([name, cells]): Series => ({
    name,
    points: cells
      .map((cell) => ({ x: along.of(cell), one: cell.measures[measure.id]! }))
      .sort((a, b) => a.x - b.x)
      .map(({ x, one }) => ({ x, y: one.median, low: one.min, high: one.max })),
  }));
  const beside = measure.id === "scan.instructions" && along.name === OBJECTS ? besideLinux(comparison) : [];
  // With a scan of nothing among them, ours are what the objects add, too.
  const net = beside.length > 0 && series.every(({ points }) => points[0]?.x === 0);
  const shown = net ? series.map(({ name, points }) => ({ name, points: points.slice(1).map((point) => less(point, points[0].y)) })) : series;
  const values = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  return html`${chart([...shown, ...beside], {
    title: `${measure.group}: ${measure.label}`,
    kind: "line",
    x: { label: along.name, ...(beside.length === 0 ? { values } : {}) },
    y: { label: measure.label, format: measure.unit === "cycles" ? guestTime : short },
    ...(beside.length === 0 ? {} : { note: net ? NOTE_NET : NOTE_WHOLE }),
  })}`;
}

const less = ({ x, y, low = y, high = y }: Point, by: number): Point => ({ x, y: y - by, low: low - by, high: high - by });

function besideLinux({ settings, axes }: Comparison): Series[] {
  // Linux's figures are of blocks of zeroes.
  if (axes.some(({ key }) => key === BYTES || key === CONTENTS) || settings.some((one) => one.startsWith(`${CONTENTS}=`))) return [];
  const set = settings.map((one) => one.split("=")).find(([key]) => key === BYTES);
  const scans = linuxScans(set === undefined ? BYTES_DEFAULT : Number(set[1]));
  return scans.length === 0 ? [] : [{ name: LINUX_NAME, points: scans.map(({ objects, instructions }) => ({ x: objects, y: instructions })) }];
}

function tableOf({ axes, cells }: Comparison, { id, label, unit }: MeasureInfo): Html {
  const number = (name: string) => ({ name, align: "right" as const });
  const columns = [...axes.map(({ key }) => ({ name: key })), number("harts"), number("median"), number("least"), number("most"), number("x")];
  const figure = (value: number) => ({ show: unit === "cycles" ? guestTime(value) : figureText(value, unit), sort: value });
  const row = (cell: ComparedCell, one: Summary) => [
    ...cell.values,
    { show: String(cell.harts), sort: cell.harts },
    figure(one.median),
    figure(one.min),
    figure(one.max),
    one.ratio === null ? "-" : { show: one.ratio.toFixed(2), sort: one.ratio },
  ];
  const known = cells.flatMap((cell) => (cell.measures[id] === undefined ? [] : [row(cell, cell.measures[id])]));
  return dataTable(columns, known, { caption: label });
}
