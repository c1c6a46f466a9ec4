/** Our compiler beside gcc: the figures of each program, and the ratios of ours to gcc's. */
import { buildC, buildDialect, measureProgram, PROGRAMS, type Figures, type ProgramName } from "./programs.ts";

export const LEVELS = ["-O0", "-O1", "-O2"] as const;
export const KEYS = ["instructions", "cycles", "codeBytes"] as const;

/** Goals: geometric mean and worst of instructions against -O1, code size against -O1. */
export const GOALS = { geomean: 1.12, worst: 1.35, codeBytes: 1.25 };

const geomean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

export interface Row {
  readonly name: ProgramName;
  readonly ours: Figures;
  /** By level. */
  readonly gcc: Readonly<Record<string, Figures>>;
}
export type Ratios = Readonly<Record<(typeof KEYS)[number], { readonly geomean: number; readonly worst: number }>>;

/** Builds and runs everything; throws where a checksum differs. */
export function compareAll(): Row[] {
  return PROGRAMS.map((name) => {
    const ours = measureProgram(buildDialect(name));
    const gcc = Object.fromEntries(LEVELS.map((level) => [level, measureProgram(buildC(name, level))]));
    for (const [level, { checksum }] of Object.entries(gcc))
      if (checksum !== ours.checksum) throw new Error(`${name}: ${ours.checksum}, gcc ${level} computes ${checksum}`);
    return { name, ours, gcc };
  });
}

export const ratio = (row: Row, level: string, key: (typeof KEYS)[number]): number => row.ours[key] / row.gcc[level]![key];

export function summarise(rows: readonly Row[], level: string): Ratios {
  const entries = KEYS.map((key) => {
    const all = rows.map((row) => ratio(row, level, key));
    return [key, { geomean: geomean(all), worst: Math.max(...all) }];
  });
  return Object.fromEntries(entries) as Ratios;
}
