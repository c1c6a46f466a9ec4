/**
 * What `make bench` measures: rows (a guest at a number of harts) and the engines that run each row.
 *
 * The length of a run is given in rounds of the guest's main loop, for each engine its own: where one engine is much
 * slower, a shorter run tells as much. Every run is long enough that start and tier-up do not count.
 */
import type { MachineConfig } from "../src/machine/types.ts";

export type Engine =
  | { readonly kind: "qemu"; readonly icount: boolean }
  | { readonly kind: "ours"; readonly config: Partial<MachineConfig> };

const QEMU: Engine = { kind: "qemu", icount: false };
const QEMU_ICOUNT: Engine = { kind: "qemu", icount: true };

function ours(config: Partial<MachineConfig>): Engine {
  return { kind: "ours", config };
}

/** By the names that tables, targets and the history use. */
export const ENGINES = {
  qemu: QEMU,
  icount: QEMU_ICOUNT,
  functional: ours({ timing: "functional", jit: false }),
  functionalJit: ours({ timing: "functional", jit: true }),
  cycle: ours({ timing: "cycle", jit: false }),
  cycleJit: ours({ timing: "cycle", jit: true }),
  functionalExact: ours({ timing: "functional", interleave: "exact", jit: false }),
  cycleExact: ours({ timing: "cycle", interleave: "exact", jit: false }),
} as const satisfies Record<string, Engine>;

export type EngineName = keyof typeof ENGINES;

export interface Row {
  readonly name: string;
  /** Module of bench/guests, or how else the ELF comes about. */
  readonly guest: string;
  readonly harts: number;
  /** Rounds of the main loop; for the kernel milliseconds of guest time until the last scan. */
  readonly rounds: Readonly<Partial<Record<EngineName, number>>>;
  /** Rounds at which interleaving ahead and exactly must end with the same clocks in cycle mode. */
  readonly equalAt?: number;
}

/** Every mode of ours but `exact`. */
function modes(rounds: number): Row["rounds"] {
  return { functional: rounds, functionalJit: rounds, cycle: rounds, cycleJit: rounds };
}

function oneHart(name: string, guest: string, rounds: number): Row {
  return { name, guest, harts: 1, rounds: { qemu: rounds, icount: rounds, ...modes(rounds) } };
}

/** What takes one instruction at a time, and QEMU -icount, whose harts poll for whole time slices, get shorter runs. */
function fourHarts(name: string, rounds: number, short: number): Row {
  const quick = { qemu: rounds, ...modes(rounds) };
  const slow = { icount: short, functionalExact: short, cycleExact: short };
  return { name, guest: name, harts: 4, rounds: { ...quick, ...slow }, equalAt: short };
}

export const ROWS: readonly Row[] = [
  oneHart("mix", "mix", 1000),
  oneHart("tree", "tree", 30),
  oneHart("flat", "flat", 900_000),
  oneHart("kernel1", "kernel", 900),
  // With 4 harts QEMU -icount needs minutes: a hart that waits for a lock polls until its time slice ends.
  { name: "kernel", guest: "kernel", harts: 4, rounds: { qemu: 300, ...modes(300) } },
  fourHarts("lock", 80_000, 10_000),
  fourHarts("ticket", 400_000, 60_000),
  fourHarts("ttas", 400_000, 60_000),
  fourHarts("sharing", 200_000, 30_000),
  fourHarts("ring", 5000, 500),
];

export function engineNames(row: Row): EngineName[] {
  return Object.keys(row.rounds) as EngineName[];
}
