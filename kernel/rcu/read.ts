// Readers. Which of two flavours the kernel has follows from the preemption model (config key `preempt`):
//
//   preemptible       full, rt          a reader counts its nesting in its task and may be preempted
//   non-preemptible   none, voluntary   a reader switches preemption off; it must not sleep
//
// Readers may be in any context: tasks, softirqs, hardirqs, with interrupts on or off. Whatever the flavour, sections nest, and only
// rcu_read_lock makes a reader: that interrupts or preemption are off does not (it holds up the grace period of the
// non-preemptible flavour, but code that is to run on both must not count on it).

import { CONFIG, PREEMPT, RCU_QUIESCENT } from "config";
import { irqs_disabled } from "../arch/irqflags.ts";
import { preempt_count, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { get_current } from "../sched/task.ts";
import { rcu_read_unlock_special } from "./grace_period.ts";

export const PREEMPT_RCU: boolean = CONFIG.preempt === PREEMPT.full || CONFIG.preempt === PREEMPT.rt;

export function rcu_read_lock(): void {
  "inline";
  if (!PREEMPT_RCU) {
    preempt_disable();
    return;
  }
  get_current().rcu_read_lock_nesting += 1;
  // Whoever looks from outside must see the section before it has read anything.
  if (CONFIG.rcu.quiescent === RCU_QUIESCENT.remote) fence("rw", "rw");
  barrier();
}

export function rcu_read_unlock(): void {
  "inline";
  if (!PREEMPT_RCU) {
    preempt_enable();
    return;
  }
  if (CONFIG.rcu.quiescent === RCU_QUIESCENT.remote) fence("rw", "rw");
  barrier();
  const task = get_current();
  const nesting = task.rcu_read_lock_nesting - 1;
  task.rcu_read_lock_nesting = nesting;
  barrier();
  if (unlikely(nesting === 0 && READ_ONCE(task.rcu_read_unlock_special) !== 0)) rcu_read_unlock_special();
}

/** The running task ends: the read sections that it has left open end with it. */
export function exit_rcu(): void {
  const task = get_current();
  if (likely(rcu_preempt_depth() === 0)) return;
  task.rcu_read_lock_nesting = 1;
  rcu_read_unlock();
}

/** How deep the caller is nested in read sections; 0 in the non-preemptible flavour, which does not count them. */
export function rcu_preempt_depth(): u32 {
  "inline";
  return PREEMPT_RCU ? get_current().rcu_read_lock_nesting : 0;
}

/**
 * The caller may be inside a read section. Exact in the preemptible flavour; in the other one true wherever the caller cannot be
 * preempted, since nothing tells a reader from other code of that kind.
 */
export function rcu_read_lock_held(): boolean {
  if (PREEMPT_RCU) return get_current().rcu_read_lock_nesting !== 0;
  return preempt_count() !== 0 || irqs_disabled();
}

/** As rcu_read_lock_held, or the caller cannot be preempted. */
export function rcu_read_lock_any_held(): boolean {
  return rcu_preempt_depth() !== 0 || preempt_count() !== 0 || irqs_disabled();
}
