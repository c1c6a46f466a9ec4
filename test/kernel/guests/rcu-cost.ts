// What RCU costs, for test/kernel/rcu-cost.test.ts and docs/kernel/rcu.md: instructions of the primitives, length of grace periods.

import { local_irq_restore, local_irq_save } from "kernel/arch/irqflags.ts";
import { get_cycles64, timebase_hz } from "kernel/arch/time.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { call_rcu, rcu_barrier, rcu_batches_completed, rcu_head, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const CSR_INSTRET = 0xc02;
const COUNT = 100;
const ROUNDS = 20;

const heads = new StructArray(rcu_head, COUNT);
let first: u32 = 0;
let last: u32 = 0;
let stopping: boolean = false;

/** @atomic */
function note(_head: rcu_head): void {
  const now = csrRead(CSR_INSTRET);
  if (first === 0) first = now;
  last = now;
}

function empty_loop(): u32 {
  "noinline";
  const before = csrRead(CSR_INSTRET);
  for (let n: u32 = 0; n < COUNT; n++) barrier();
  return csrRead(CSR_INSTRET) - before;
}

function read_loop(): u32 {
  "noinline";
  const before = csrRead(CSR_INSTRET);
  for (let n: u32 = 0; n < COUNT; n++) {
    rcu_read_lock();
    rcu_read_unlock();
  }
  return csrRead(CSR_INSTRET) - before;
}

function call_loop(): u32 {
  "noinline";
  const before = csrRead(CSR_INSTRET);
  for (let n: u32 = 0; n < COUNT; n++) call_rcu(heads[n], note);
  return csrRead(CSR_INSTRET) - before;
}

/** Instructions of one turn, on a quiet CPU. */
export function instructions(_arg: u32): void {
  rcu_barrier();
  const flags = local_irq_save();
  const empty = empty_loop();
  const read = read_loop() - empty;
  const call = call_loop() - empty;
  local_irq_restore(flags);
  rcu_barrier();
  pr_info(`rcu-cost: read pair ${read / COUNT}, call_rcu ${call / COUNT}, callback ${(last - first) / (COUNT - 1)}\n`);
}

/** Grace periods as a caller of synchronize_rcu sees them, in us: what is printed as `name`. */
function measure(name: string): void {
  let sum: u32 = 0;
  let most: u32 = 0;
  const before = rcu_batches_completed();
  for (let n: u32 = 0; n < ROUNDS; n++) {
    const from = get_cycles64();
    synchronize_rcu();
    const took = u32(get_cycles64() - from) / (timebase_hz / 1_000_000);
    sum += took;
    if (took > most) most = took;
  }
  const periods = rcu_batches_completed() - before;
  pr_info("rcu-cost: %s: synchronize_rcu %u us on average, %u at most, %u grace periods for %u\n", name, sum / ROUNDS, most, periods, ROUNDS);
}

/** Nothing else runs. */
export function idle_system(_arg: u32): void {
  msleep(5);
  measure("idle");
}

/** Beside `load` on all CPUs. */
export function loaded_system(_arg: u32): void {
  msleep(5);
  measure("loaded");
  WRITE_ONCE(stopping, true);
}

/** Computes, reads for half a tick at a time, and gives way where the model wants that. */
export function load(_arg: u32): void {
  while (!READ_ONCE(stopping)) {
    rcu_read_lock();
    const until = get_cycles64() + u64(timebase_hz / 2000);
    while (get_cycles64() < until) pause();
    rcu_read_unlock();
    for (let n: u32 = 0; n < 2000; n++) barrier();
    cond_resched();
  }
}
