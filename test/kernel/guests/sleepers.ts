// Functions that may sleep, called where nothing may sleep. Complaints come once a second at most.

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { mutex, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { spin_lock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { preempt_disable, preempt_enable } from "kernel/sched/preempt.ts";
import { schedule } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const lock = new spinlock_t();
const sleeping = new mutex();

export function lock_under_spinlock(_arg: u32): void {
  msleep(1100);
  spin_lock(lock);
  mutex_lock(sleeping);
  mutex_unlock(sleeping);
  kfree(kmalloc(64, GFP_ATOMIC));
  spin_unlock(lock);
}

export function allocate_with_irqs_off(_arg: u32): void {
  msleep(3300);
  local_irq_disable();
  const block = kmalloc(64, GFP_KERNEL);
  local_irq_enable();
  kfree(block);
}

export function sleep_as_reader(_arg: u32): void {
  msleep(5500);
  rcu_read_lock();
  mutex_lock(sleeping);
  mutex_unlock(sleeping);
  rcu_read_unlock();
}

/** The count is set right by the complaint, so it is not given back. */
export function schedule_without_preemption(_arg: u32): void {
  msleep(7700);
  preempt_disable();
  schedule();
}

export function innocent(_arg: u32): void {
  preempt_disable();
  kfree(kmalloc(64, GFP_ATOMIC));
  preempt_enable();
  mutex_lock(sleeping);
  kfree(kmalloc(64, GFP_KERNEL));
  msleep(1);
  mutex_unlock(sleeping);
}
