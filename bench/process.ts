/**
 * The measured process of a guest on our machine: `node dist/bench.js FILE.elf '{"timing":"cycle",...}'`.
 *
 * It runs the ELF to its end and prints one JSON line. CPU times are of the whole process, so the compiling threads of V8
 * count: `startCpu` up to the first guest instruction, `userSeconds` to the end.
 */
import { readFileSync } from "node:fs";
import { createMachine } from "../src/machine/machine.ts";
import type { Machine, MachineConfig } from "../src/machine/types.ts";

const DEFAULTS: MachineConfig = {
  harts: 1,
  memoryBytes: 64 << 20,
  timing: "functional",
  interleave: "ahead",
  bootargs: "",
  lab: false,
  recordMarks: false,
};

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

/** Runs until the guest ends or the limit is reached; the kind of stop. */
export function runToEnd(machine: Machine, maxInstructions: number, console: (bytes: Uint8Array) => void): string {
  for (;;) {
    const { kind } = machine.run({ maxInstructions });
    console(machine.drainConsole());
    if (kind !== "drain") return kind;
  }
}

function main(file: string, config: Partial<MachineConfig>, maxInstructions: number): ProcessReport {
  const made = createMachine({ ...DEFAULTS, ...config });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const machine = made.value;
  const loaded = machine.loadElf(readFileSync(file));
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  const startUserSeconds = userSeconds();
  let text = "";
  const stop = runToEnd(machine, maxInstructions, (bytes) => {
    text += Buffer.from(bytes).toString("latin1");
  });
  const harts = Array.from({ length: machine.config.harts }, (_, hart) => machine.hart(hart));
  return {
    stop,
    console: text,
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
