/**
 * `make bench-compiler`: our compiler against gcc -O0, -O1 and -O2 on the same programs, on our machine, then how long a build of
 * the kernel takes (speed.ts); appends a line to bench/compiler/history.ndjson. --json for a program, --code without the builds
 * and the line.
 *
 * Instructions and cycles of the second run of each program (warm caches), bytes of its functions; ratios are ours to gcc's.
 * They are deterministic, so one run is enough; seconds are medians.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { compareAll, GOALS, KEYS, LEVELS, ratio, summarise } from "./compare.ts";
import { appendHistory, measureSpeed, SPEED_GOALS, type Speed } from "./speed.ts";

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

function printSpeed(speed: Speed): void {
  line([`build, s`, "user CPU", "goal"]);
  for (const [name, goal] of Object.entries(SPEED_GOALS)) {
    const seconds = speed[name as keyof typeof SPEED_GOALS];
    line([name, seconds === null ? "-" : seconds.toFixed(2), `${goal}`, seconds === null || seconds <= goal ? "" : "NOT met"]);
  }
  line(["yardstick", speed.yardstick.toFixed(2)]);
  process.stdout.write(`${speed.sourceLines} lines of kernel and firmware\n`);
}

const ratios = Object.fromEntries(LEVELS.map((level, i) => [level, summary[i]]));
const isJson = process.argv.includes("--json");
if (!isJson) printText();
const speed = process.argv.includes("--code") ? null : await measureSpeed();
if (isJson) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, rows, ratios, goals: GOALS, speed, speedGoals: SPEED_GOALS }, null, 2)}\n`);
else if (speed) printSpeed(speed);
if (speed) {
  const commit = execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { encoding: "utf8" }).trim();
  appendHistory({ date: new Date().toISOString(), commit, node: process.version, cpu: cpus()[0]?.model ?? "unknown", ratios, speed });
}
