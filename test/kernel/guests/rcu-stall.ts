// Tasks that hold up grace periods for longer than rcu.stall_timeout=20ms, for test/kernel/rcu-stall.test.ts. Each ends by itself.

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { get_cycles64, timebase_hz } from "kernel/arch/time.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { preempt_schedule } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const STALL_MS = 40;

function passed(since: u64): boolean {
  return get_cycles64() - since > u64((timebase_hz / 1000) * STALL_MS);
}

function spin_in_section(): void {
  "noinline";
  const since = get_cycles64();
  while (!passed(since)) pause();
}

/** A reader that spins. */
export function spinning_reader(_arg: u32): void {
  "noinline";
  msleep(3);
  rcu_read_lock();
  spin_in_section();
  rcu_read_unlock();
}

function spin_without_interrupts(): void {
  "noinline";
  const since = get_cycles64();
  while (!passed(since)) pause();
}

/** A CPU with its interrupts off. */
export function interrupts_off(_arg: u32): void {
  "noinline";
  msleep(3);
  local_irq_disable();
  spin_without_interrupts();
  local_irq_enable();
}

/** A reader that is pushed aside all the time: another task of its CPU spins. */
export function preempted_reader(_arg: u32): void {
  "noinline";
  msleep(3);
  rcu_read_lock();
  const since = get_cycles64();
  while (!passed(since)) preempt_schedule();
  rcu_read_unlock();
}

/** Work for the preempted reader's CPU, in which no section stalls. */
export function busy(_arg: u32): void {
  const since = get_cycles64();
  while (!passed(since)) preempt_schedule();
}

/** Wants grace periods. */
export function wait_for_readers(_arg: u32): void {
  msleep(5);
  for (let n: u32 = 0; n < 8; n++) synchronize_rcu();
  pr_info("rcu-stall: grace periods have ended\n");
}

/** Short sections, many grace periods: nothing to complain about. */
export function clean_reader(_arg: u32): void {
  const since = get_cycles64();
  while (!passed(since)) {
    rcu_read_lock();
    for (let n: u32 = 0; n < 100; n++) pause();
    rcu_read_unlock();
    msleep(1);
  }
}
