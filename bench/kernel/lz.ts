/**
 * `npx tsx bench/kernel/lz.ts [--json]`: what the compressor of zswap makes of pages of each kind, and what a page costs on one hart, in
 * instructions and in cycles of the cost model. Ratio: bytes out of bytes in.
 */
import { join, resolve } from "node:path";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface LzRow {
  readonly kind: string;
  readonly ratio: number;
  /** A page: instructions and cycles. */
  readonly compress: readonly [number, number];
  readonly decompress: readonly [number, number];
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

export function lzRows(): LzRow[] {
  const workload = join(ROOT, "bench/kernel/guest/lz.ts");
  const elf = value(elfOf({ root: ROOT, workload, tasks: ["lz_costs"], config: { marks: false, "kmemleak.enabled": false } }));
  const options = { harts: 1, memoryBytes: 32 << 20, timing: "cycle", interleave: "ahead", lab: false, recordMarks: false } as const;
  const machine = value(createMachine({ ...options, bootargs: "seed=1 task=lz_costs@0" }));
  value(machine.loadElf(elf));
  const stop = machine.run({ maxInstructions: 500_000_000 });
  const text = Buffer.from(machine.drainConsole()).toString();
  if (stop.kind !== "poweroff") throw new Error(`the guest ended with ${stop.kind}:\n${text}`);
  return [...text.matchAll(/lz (\w+) (\d+) (\d+) (\d+) (\d+)\/(\d+) (\d+)\/(\d+)\r?$/gm)].map(([, kind, ...figures]) => {
    const [pages = 0, bytesIn = 0, bytesOut = 0, ...costs] = figures.map(Number);
    const [a = 0, b = 0, c = 0, d = 0] = costs.map((cost) => Math.round(cost / pages));
    return { kind: kind ?? "", ratio: bytesOut / bytesIn, compress: [a, b], decompress: [c, d] };
  });
}

if (process.argv[1] === import.meta.filename) {
  const rows = lzRows();
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ schemaVersion: 1, rows }, null, 2)}\n`);
  else {
    process.stdout.write("page         ratio   compress: instructions    cycles   decompress: instructions    cycles\n");
    const n = (figure: number, width: number): string => figure.toLocaleString("en-US").padStart(width);
    for (const { kind, ratio, compress, decompress } of rows)
      process.stdout.write(`${kind.padEnd(10)}${ratio.toFixed(3).padStart(8)}${n(compress[0], 25)}${n(compress[1], 10)}${n(decompress[0], 27)}${n(decompress[1], 10)}\n`);
  }
}
