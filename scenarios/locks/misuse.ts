// Locks used wrongly, one task a case; `fixed=1` in the boot parameters makes each right.
//
//   lock_without_irqsave   L1: an interrupt handler takes the lock that the task holds with interrupts on: it waits for itself
//   read_twice             L4: a task reads again what it reads while a writer waits: a fair rwlock lets neither in
//   lock_in_stop_machine   L6: a spinlock_t where nothing may sleep: on rt that is complained about; a raw one is right

import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { stop_machine } from "kernel/cpu/stop_machine.ts";
import { smp_call_function } from "kernel/irq/smp.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock } from "kernel/locking/rwlock.ts";
import {
  raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t, spin_lock, spin_unlock, spinlock_t,
} from "kernel/locking/spinlock.ts";
import { msleep } from "kernel/sched/timer.ts";

const irq_lock = new raw_spinlock_t();
const stop_lock = new spinlock_t();
const stop_raw_lock = new raw_spinlock_t();
const rw = new rwlock_t();
let shared: u32 = 0;
let reading: u32 = 0;
let holding: u32 = 0;

function fixed(): boolean {
  return get_option_u32("fixed", 0) !== 0;
}

// ---- L1 ----

function in_interrupt_handler(_arg: u32): void {
  raw_spin_lock(irq_lock);
  shared += 1;
  raw_spin_unlock(irq_lock);
}

/** Task 0 holds the lock for long, again and again; task 1, on another CPU, interrupts it. */
export function lock_without_irqsave(index: u32): void {
  for (let round: u32 = 0; round < 20; round++) {
    if (index === 1) {
      while (READ_ONCE(holding) === round) pause();
      smp_call_function(in_interrupt_handler, 0, true);
      continue;
    }
    if (fixed()) {
      const flags = raw_spin_lock_irqsave(irq_lock);
      WRITE_ONCE(holding, round + 1);
      for (let n: u32 = 0; n < 5000; n++) pause();
      raw_spin_unlock_irqrestore(irq_lock, flags);
    } else {
      raw_spin_lock(irq_lock);
      WRITE_ONCE(holding, round + 1);
      for (let n: u32 = 0; n < 5000; n++) pause();
      raw_spin_unlock(irq_lock);
    }
    msleep(1);
  }
  pr_info("locks: task %u is through\n", index);
}

// ---- L4 ----

/** Task 0 reads, and reads again once task 1 waits to write. */
export function read_twice(index: u32): void {
  if (index === 0) {
    read_lock(rw);
    WRITE_ONCE(reading, 1);
    for (let n: u32 = 0; n < 50_000; n++) pause();
    if (!fixed()) {
      read_lock(rw);
      shared += 1;
      read_unlock(rw);
    }
    read_unlock(rw);
  } else {
    while (READ_ONCE(reading) === 0) pause();
    write_lock(rw);
    shared += 1;
    write_unlock(rw);
  }
  pr_info("locks: task %u is through\n", index);
}

// ---- L6 ----

function stopped(_arg: u32): i32 {
  if (fixed()) {
    raw_spin_lock(stop_raw_lock);
    shared += 1;
    raw_spin_unlock(stop_raw_lock);
  } else {
    spin_lock(stop_lock);
    shared += 1;
    spin_unlock(stop_lock);
  }
  return 0;
}

export function lock_in_stop_machine(_index: u32): void {
  stop_machine(stopped, 0, null);
  pr_info("locks: %u CPUs stood still\n", num_online_cpus());
}
