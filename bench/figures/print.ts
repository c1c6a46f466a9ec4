/** The bench's tables on stdout. */
import { figuresOf, speedRatio, type RowRuns } from "./figures.ts";
import { type EngineName, engineNames, type Row } from "../rows.ts";
import type { Verdict } from "./targets.ts";

const COLUMNS = ["row", "engine", "MIPS", "net MIPS", "krounds/s", "user s", "start s", "spread", "/ QEMU", "/ -icount"];

function cell(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined) return "-";
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(digits);
}

export function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const text = lines.map((line) => line.map((one, at) => (at < 2 ? one.padEnd(widths[at]!) : one.padStart(widths[at]!))));
  return `${text.map((line) => line.join("  ").trimEnd()).join("\n")}\n`;
}

function line(row: Row, all: RowRuns, engine: EngineName): string[] {
  const figures = figuresOf(row, all, engine);
  if (!figures) return [row.name, engine, ...Array<string>(COLUMNS.length - 3).fill("-"), "unfinished"];
  const ratio = (to: EngineName) => cell(to === engine ? null : speedRatio(all, engine, to, "whole"));
  return [
    row.name,
    engine,
    cell(figures.mips),
    cell(figures.netMips),
    cell(figures.netKiloRounds),
    cell(figures.userSeconds),
    cell(figures.startSeconds),
    `${(figures.spread * 100).toFixed(0)}%`,
    ratio("qemu"),
    ratio("icount"),
  ];
}

/** Ratios say how many times as fast as QEMU the engine does the same rounds. */
export function printRows(rows: readonly Row[], all: Readonly<Record<string, RowRuns>>): void {
  if (rows.length === 0) return;
  const lines = rows.flatMap((row) =>
    engineNames(row).map((engine) => line(row, all[row.name]!, engine)),
  );
  process.stdout.write(`${table([COLUMNS, ...lines])}\n`);
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  if (verdicts.length === 0) return;
  const lines = verdicts.map(({ target, figure, wanted, met }) => [target, met ? "met" : "NOT met", cell(figure, 4), wanted]);
  process.stdout.write(table([["target", "verdict", "figure", "wanted"], ...lines]));
}
