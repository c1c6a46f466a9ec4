/**
 * What kmemleak costs in instructions on one hart without marks, and what it may cost at most. The pair is above the pair of a kernel without
 * kmemleak; a word, a miss and a hit are differences of scans of 20,000 blocks of 512 bytes. Everything is deterministic.
 */
import { join, resolve } from "node:path";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { createMachine } from "../../src/machine/machine.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export type Config = Readonly<Record<string, string | boolean>>;

export interface KmemleakCosts {
  readonly pair: number;
  readonly smallObject: number;
  readonly zeroWord: number;
  readonly object: number;
  readonly miss: number;
  readonly hit: number;
  readonly emptyScan: number;
  readonly large: number;
}
export type Cost = keyof KmemleakCosts;

/** What each is, Linux 6.1's figure on the same instruction set, the goals of the default and of kmemleak.filter=page. */
export const COSTS: Readonly<Record<Cost, { readonly what: string; readonly linux: string; readonly goal?: number; readonly filterGoal?: number }>> = {
  pair: { what: "kmalloc(64), kfree above untracked", linux: "2,612", goal: 1300, filterGoal: 1300 },
  smallObject: { what: "an object of 64 zero bytes", linux: "1,270", goal: 642, filterGoal: 642 },
  zeroWord: { what: "a zero word", linux: "25", goal: 12, filterGoal: 12 },
  object: { what: "an object, without its words", linux: "870", goal: 450, filterGoal: 450 },
  miss: { what: "a word in range, no block, above a zero word", linux: "68", goal: 68, filterGoal: 40 },
  hit: { what: "a hit, above a zero word", linux: "163", goal: 140, filterGoal: 100 },
  emptyScan: { what: "empty scan", linux: "56 M" },
  large: { what: "50k x 512 zero, above the empty scan", linux: "206 M", goal: 105e6, filterGoal: 105e6 },
};
export const COST_NAMES = Object.keys(COSTS) as Cost[];

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function consoleOf(config: Config): string {
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

const figures = (config: Config): ReadonlyMap<string, number> =>
  new Map([...consoleOf(config).matchAll(/kmemleak (pair|scan) ([\d ]+) (\d+)\r?$/gm)].map((match) => [`${match[1]} ${match[2]}`, Number(match[3])]));

let untracked: number | undefined;

export function measureKmemleak(config: Config = {}): KmemleakCosts {
  const on = figures(config);
  untracked ??= figures({ "kmemleak.enabled": false }).get("pair 64") ?? Number.NaN;
  const at = (key: string): number => on.get(key) ?? Number.NaN;
  const words = 20000 * 128;
  const smallObject = (at("scan 20000 64 0") - at("scan 5000 64 0")) / 15000;
  const zeroWord = (at("scan 20000 512 0") - at("scan 20000 64 0")) / (20000 * 112);
  const emptyScan = at("scan 1 64 0");
  return {
    pair: at("pair 64") - untracked,
    smallObject,
    zeroWord,
    object: smallObject - 16 * zeroWord,
    miss: (at("scan 20000 512 1") - at("scan 20000 512 0")) / words,
    hit: (at("scan 20000 512 2") - at("scan 20000 512 0")) / words,
    emptyScan,
    large: at("scan 50000 512 0") - emptyScan,
  };
}

/** The goal of a cost in a build, if there is one. */
export function goalOf(cost: Cost, config: Config): number | undefined {
  return config["kmemleak.filter"] === "page" ? COSTS[cost].filterGoal : COSTS[cost].goal;
}
