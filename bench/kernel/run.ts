/** `make bench-kernel`: what every primitive of the kernel costs, by number of harts; --json for a program, HARTS=1,2 for some counts. */
import { linuxFigures, measure, PRIMITIVES, type Row, type Variant, VARIANTS } from "./measure.ts";
import { verdicts } from "./targets.ts";

const harts = (process.env.HARTS ?? "1,2,4,8,16").split(",").map(Number);
const variants = Object.keys(VARIANTS) as Variant[];
const rows = variants.flatMap((variant) => harts.flatMap((count) => measure(variant, count)));
const linux = linuxFigures();

const cell = (figure: number | undefined): string =>
  (figure === undefined ? "" : figure >= 1000 ? Math.round(figure).toLocaleString("en-US") : figure.toFixed(figure < 100 ? 1 : 0)).padStart(10);

function printTable(key: "instructions" | "cycles", contended: boolean): void {
  const counts = harts.filter((count) => !contended || count > 1);
  if (counts.length === 0) return;
  process.stdout.write(`${key}, ${contended ? "all harts at once" : "one hart, the others idle"}\n`);
  const heads = counts.map((count) => `${count} hart${count > 1 ? "s" : ""}`.padStart(10)).join("");
  process.stdout.write(`${"".padEnd(52)}${key === "instructions" && !contended ? "Linux".padStart(10) : ""}${heads}\n`);
  for (const [primitive, what] of Object.entries(PRIMITIVES)) for (const variant of variants) {
    const of = (count: number): Row | undefined =>
      rows.find((row) => row.primitive === primitive && row.variant === variant && row.harts === count && row.contended === contended);
    if (!counts.some(of)) continue;
    const name = variant === "default" ? what : `${what} (${variant})`;
    const theirs = key === "instructions" && !contended ? cell(linux.instructions[primitive]) : "";
    process.stdout.write(`${name.padEnd(52)}${theirs}${counts.map((count) => cell(of(count)?.[key])).join("")}\n`);
  }
  process.stdout.write("\n");
}

const judged = verdicts(rows);
if (process.argv.includes("--json")) {
  process.stdout.write(`${JSON.stringify({ schemaVersion: 1, rows, linux, verdicts: judged }, null, 2)}\n`);
} else {
  for (const contended of [false, true]) for (const key of ["instructions", "cycles"] as const) printTable(key, contended);
  process.stdout.write(`Linux: ${linux.provenance}.\n`);
  for (const { target, instructions, met } of judged)
    process.stdout.write(`${target.primitive}: ${instructions} instructions, at most ${target.atMost} (${target.why}): ${met ? "met" : "NOT met"}\n`);
}
