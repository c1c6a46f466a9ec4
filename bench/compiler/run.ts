/**
 * `make bench-compiler`: our compiler against gcc -O0, -O1 and -O2 on the same programs, on our machine; --json for a program.
 *
 * Instructions and cycles of the second run of each program (warm caches), bytes of its functions; ratios are ours to gcc's.
 * Everything is deterministic, so one run is enough.
 */
import { compareAll, GOALS, KEYS, LEVELS, ratio, summarise } from "./compare.ts";

const rows = compareAll();
const summary = LEVELS.map((level) => summarise(rows, level));

function line(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(9))).join("")}\n`);
}

function printText(): void {
  for (const key of KEYS) {
    line([key, "ours", ...LEVELS.map((level) => `gcc ${level}`), ...LEVELS.map((level) => `/ ${level}`)]);
    for (const row of rows) {
      const counts = [row.ours[key], ...LEVELS.map((level) => row.gcc[level]![key])];
      line([row.name, ...counts.map(String), ...LEVELS.map((level) => ratio(row, level, key).toFixed(2))]);
    }
    line(["geomean", "", "", "", "", ...summary.map((ratios) => ratios[key].geomean.toFixed(2))]);
    process.stdout.write("\n");
  }
  const met = (value: number, goal: number): string => `${value.toFixed(2)} (goal ${goal}: ${value <= goal ? "met" : "NOT met"})`;
  const { instructions, codeBytes } = summarise(rows, "-O1");
  const parts = [
    `instructions ${met(instructions.geomean, GOALS.geomean)}`,
    `worst ${met(instructions.worst, GOALS.worst)}`,
    `code size ${met(codeBytes.geomean, GOALS.codeBytes)}`,
  ];
  process.stdout.write(`against -O1: ${parts.join(", ")}\n`);
}

if (process.argv.includes("--json")) {
  const ratios = Object.fromEntries(LEVELS.map((level, i) => [level, summary[i]]));
  process.stdout.write(`${JSON.stringify({ schemaVersion: 1, rows, ratios, goals: GOALS }, null, 2)}\n`);
} else printText();
