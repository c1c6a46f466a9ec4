/**
 * `npx tsx bench/kernel/kmemleak.ts [KEY=VALUE…]`: what kmemleak costs in instructions on one hart without marks, and Linux's figures beside
 * it. The pair is above the pair of a kernel without kmemleak; a word, a miss and a hit are differences of scans of 20,000 blocks of 512 bytes.
 */
import { join, resolve } from "node:path";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = resolve(import.meta.dirname, "../..");

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function consoleOf(config: Record<string, string | boolean>): string {
  const request = { root: ROOT, workload: join(ROOT, "bench/kernel/guest/kmemleak.ts"), tasks: ["kmemleak_costs"] };
  const elf = value(elfOf({ ...request, config: { marks: false, "debug.atomic_sleep": false, ...config } }));
  const bootargs = "seed=1 kmemleak.min_age=1s task=kmemleak_costs@0";
  const options = { harts: 1, memoryBytes: 128 << 20, timing: "functional", interleave: "ahead", bootargs, lab: false, recordMarks: false } as const;
  const machine = value(createMachine(options));
  value(machine.loadElf(elf));
  const sent: number[] = [];
  for (;;) {
    const stop = machine.run({ maxInstructions: 20_000_000_000 });
    for (const byte of machine.drainConsole()) sent.push(byte);
    if (stop.kind === "drain") continue;
    const text = Buffer.from(sent).toString();
    if (stop.kind !== "poweroff") throw new Error(`the guest ended with ${stop.kind}:\n${text}`);
    return text;
  }
}

const figures = (text: string): Map<string, number> =>
  new Map([...text.matchAll(/kmemleak (pair|scan) ([\d ]+) (\d+)\r?$/gm)].map((match) => [`${match[1]} ${match[2]}`, Number(match[3])]));

const given = Object.fromEntries(process.argv.slice(2).map((one) => one.split("=") as [string, string]));
const on = figures(consoleOf(given));
const off = figures(consoleOf({ "kmemleak.enabled": false }));
const at = (key: string): number => on.get(key) ?? Number.NaN;
const WORDS = 20000 * 128;
const perObject = (at("scan 20000 64 0") - at("scan 5000 64 0")) / 15000;
const zeroWord = (at("scan 20000 512 0") - at("scan 20000 64 0")) / (20000 * 112);
const rows: readonly (readonly [string, number, string, number])[] = [
  ["kmalloc(64), kfree above untracked", at("pair 64") - off.get("pair 64")!, "2,612", 1300],
  ["an object of 64 zero bytes", perObject, "1,270", 642],
  ["a zero word", zeroWord, "25", 12],
  ["an object, without its words", perObject - 16 * zeroWord, "870", 450],
  ["a word in range, no block, above a zero word", (at("scan 20000 512 1") - at("scan 20000 512 0")) / WORDS, "68", 68],
  ["a hit, above a zero word", (at("scan 20000 512 2") - at("scan 20000 512 0")) / WORDS, "163", 140],
  ["empty scan", at("scan 1 64 0"), "56 M", Number.NaN],
  ["50k x 512 zero, above the empty scan", at("scan 50000 512 0") - at("scan 1 64 0"), "206 M", 105e6],
];
for (const [what, ours, linux, goal] of rows) {
  const figure = ours >= 1000 ? Math.round(ours).toLocaleString("en-US") : ours.toFixed(1);
  const judged = Number.isNaN(goal) ? "" : `  at most ${goal}: ${ours <= goal ? "met" : "NOT met"}`;
  process.stdout.write(`${what.padEnd(48)}${figure.padStart(12)}  Linux ${linux.padStart(6)}${judged}\n`);
}
