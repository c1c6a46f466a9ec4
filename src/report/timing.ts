/** The timing report of `hartlab doctor --timing`: measured figures beside the constants, laws, curves, and where constants come from. */
import type { TimingCheck, TimingLaw } from "../lab/timing/expect.ts";
import type { Figure } from "../lab/timing/figures.ts";
import { COST_NAMES, PRESETS } from "../machine/timing/constants.ts";
import { describeModel, type TimingModel } from "../machine/timing/model.ts";
import { section, table } from "./text.ts";

const cycles = (value: number): string => (Number.isNaN(value) ? "none" : value.toFixed(2));

function checkLines(checks: readonly TimingCheck[]): string[] {
  const rows = checks.map((one) => [
    one.pass ? "ok" : "DIFFERS", one.name, cycles(one.measured), cycles(one.expected), one.shows.join(", "),
  ]);
  return table([["", "figure", "measured", "expected", "shows"], ...rows], ["left", "left", "right", "right", "left"]);
}

/** Figures that belong together: by parameter (bytes, strides, pages) or by harts. */
export function curveLines(figures: readonly Figure[]): string[] {
  const curves = new Map<string, string[]>();
  for (const { name, harts, parameter, each } of figures) {
    if (parameter === 0) continue;
    const key = parameter === harts && harts > 1 ? name : harts === 1 ? name : null;
    if (key === null) continue;
    curves.set(key, [...(curves.get(key) ?? []), `${parameter}: ${cycles(each)}`]);
  }
  return table([...curves].map(([name, points]) => [name, points.join("  ")]), ["left", "left"]);
}

function constantLines(model: TimingModel): string[] {
  const preset = PRESETS[model.preset];
  const rows = COST_NAMES.map((name) => [name, String(model.costs[name]), preset[name].meaning, preset[name].source]);
  return table(rows, ["left", "right", "left", "left"]);
}

export function timingReport(model: TimingModel, figures: readonly Figure[], checks: readonly TimingCheck[], laws: readonly TimingLaw[]): string {
  const lawRows = laws.map((one) => [one.pass ? "ok" : "FAILS", one.name, one.detail]);
  const off = checks.filter(({ pass }) => !pass).length + laws.filter(({ pass }) => !pass).length;
  return [
    `cost model ${describeModel(model)}, cycles of guest time (docs/timing.md)`,
    section("measured from inside a guest, beside what the constants say (cycles an operation)", checkLines(checks)),
    section("laws", table(lawRows, ["left", "left", "left"])),
    section("curves (parameter: cycles an operation; by bytes, stride or pages on one hart, by harts for shared things)", curveLines(figures)),
    section("constants", constantLines(model)),
    off === 0 ? "timing: all figures are as the constants say" : `timing: ${off} of ${checks.length + laws.length} figures and laws are NOT as the constants say`,
  ].join("\n\n");
}
