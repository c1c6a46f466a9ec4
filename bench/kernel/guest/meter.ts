// Measures operations of the kernel: instructions and cycles of one, alone on its CPU and by all CPUs together.
//
//   bench NAME alone INSTRUCTIONS CYCLES          the least of ROUNDS; hundredths
//   bench NAME together INSTRUCTIONS CYCLES       mean of all CPUs; a CPU's own cycles, waiting included
//
// An operation is a loop f(n). What the loop itself costs is measured with an empty one and taken off; so is what stands between
// leave_out and count_again (alone only).

import { CSR_CYCLE, CSR_INSTRET } from "kernel/arch/csr.ts";
import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { NR_CPUS } from "kernel/arch/percpu.ts";
import { atomic_inc, atomic_read, atomic_set, atomic_t } from "kernel/lib/atomic.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { run_threads } from "kernel/test/threads.ts";

export type operation = (n: u32) => void;

const ROUNDS = 5;

class reading {
  instructions: u32;
  cycles: u32;
}
const left_out = new reading();
const empty_cost = new reading();
/** Of each thread of a common run. */
const results = new StructArray(reading, NR_CPUS);
let common: operation;
let common_n: u32 = 0;
const arrived = new atomic_t();

function read(to: reading): void {
  "inline";
  to.cycles = csrRead(CSR_CYCLE);
  to.instructions = csrRead(CSR_INSTRET);
}

/** From here on nothing counts. */
export function leave_out(): void {
  left_out.cycles -= csrRead(CSR_CYCLE);
  left_out.instructions -= csrRead(CSR_INSTRET);
}

export function count_again(): void {
  left_out.instructions += csrRead(CSR_INSTRET);
  left_out.cycles += csrRead(CSR_CYCLE);
}

/** The cost of fn(n). */
function run(fn: operation, n: u32, to: reading): void {
  const before = new reading();
  left_out.instructions = 0;
  left_out.cycles = 0;
  read(before);
  fn(n);
  read(to);
  to.instructions -= before.instructions + left_out.instructions;
  to.cycles -= before.cycles + left_out.cycles;
}

function least(fn: operation, n: u32, to: reading): void {
  const now = new reading();
  to.instructions = ~0;
  to.cycles = ~0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    run(fn, n, now);
    if (now.instructions < to.instructions) to.instructions = now.instructions;
    if (now.cycles < to.cycles) to.cycles = now.cycles;
  }
}

function say(name: string, how: string, instructions: u64, cycles: u64, n: u32): void {
  pr_info("bench %s %s %llu %llu\n", name, how, (instructions * 100n) / u64(n), (cycles * 100n) / u64(n));
}

function empty(n: u32): void {
  "noinline";
  for (let i: u32 = 0; i < n; i++) barrier();
}

/** The loop's cost for n operations. */
function loop_cost(n: u32): void {
  least(empty, n, empty_cost);
}

export function alone(name: string, fn: operation, n: u32): void {
  const cost = new reading();
  loop_cost(n);
  least(fn, n, cost);
  say(name, "alone", u64(cost.instructions - empty_cost.instructions), u64(cost.cycles - empty_cost.cycles), n);
}

function take_part(index: u32): void {
  const fn = common;
  const before = new reading();
  const after = results[index];
  // All begin at once: whoever came first polls until the last is there.
  atomic_inc(arrived);
  while (u32(atomic_read(arrived)) < num_online_cpus()) pause();
  read(before);
  fn(common_n);
  read(after);
  after.instructions -= before.instructions;
  after.cycles -= before.cycles;
}

/** Alone, and by a thread of each CPU at once on the same data. */
export function both(name: string, fn: operation, n: u32): void {
  alone(name, fn, n);
  if (num_online_cpus() === 1) return;
  common = fn;
  common_n = n;
  atomic_set(arrived, 0);
  const count = run_threads(take_part, 1);
  let instructions: u64 = 0n;
  let cycles: u64 = 0n;
  for (let i: u32 = 0; i < count; i++) {
    instructions += u64(results[i].instructions - empty_cost.instructions);
    cycles += u64(results[i].cycles - empty_cost.cycles);
  }
  say(name, "together", instructions, cycles, n * count);
}
