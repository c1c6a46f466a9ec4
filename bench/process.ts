/**
 * The measured process of a guest on our machine: `node build/bench.js FILE.elf '{"timing":"cycle",...}'`.
 *
 * It runs the ELF to its end and prints one JSON line. CPU times are of the whole process, so the compiling threads of V8
 * count: `startUserSeconds` up to the first guest instruction, `userSeconds` to the end.
 */
import { readFileSync } from "node:fs";
import type { MachineConfig } from "../src/machine/types.ts";
import { boot, runToEnd } from "./images/machine.ts";

/** What one run of a guest tells; counts and clocks are deterministic, seconds are not. */
export interface ProcessReport {
  readonly stop: string;
  readonly console: string;
  readonly instructions: number;
  readonly perHart: readonly number[];
  readonly clocks: readonly number[];
  readonly startUserSeconds: number;
  readonly userSeconds: number;
  readonly maxRssMiB: number;
}

const userSeconds = (): number => process.cpuUsage().user / 1e6;

function main(file: string, config: Partial<MachineConfig>, maxInstructions: number): ProcessReport {
  const machine = boot(readFileSync(file), config);
  const startUserSeconds = userSeconds();
  const end = runToEnd(machine, maxInstructions);
  const harts = Array.from({ length: machine.config.harts }, (_, hart) => machine.hart(hart));
  return {
    ...end,
    instructions: harts.reduce((sum, hart) => sum + hart.instructions, 0),
    perHart: harts.map((hart) => hart.instructions),
    clocks: harts.map((hart) => hart.clock),
    startUserSeconds,
    userSeconds: userSeconds(),
    maxRssMiB: process.resourceUsage().maxRSS / 1024,
  };
}

const [file, config = "{}", limit = "1e12"] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(main(file!, JSON.parse(config), Number(limit)))}\n`);
