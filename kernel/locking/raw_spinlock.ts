// Spinlocks that spin in every preemption model, for what runs where nothing may sleep: interrupt entry, the scheduler, timers, RCU, page
// and slab allocator, and what these call. Served in the order of arrival; preemption is off while held. One word, spin_word.ts.

import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { LOCK_KIND, MARK } from "../abi/marks.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import { preempt_disable, preempt_enable, preempt_enable_no_resched } from "../sched/preempt.ts";
import { word_is_locked, word_lock, word_trylock, word_unlock } from "./spin_word.ts";

export class raw_spinlock_t {
  slock: u32 = 0;
}

export function raw_spin_is_locked(lock: raw_spinlock_t): boolean {
  return word_is_locked(addressOf(lock.slock));
}

export function raw_spin_lock_init(lock: raw_spinlock_t, name: string): void {
  "inline";
  lock.slock = 0;
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.raw);
}

export function raw_spin_lock(lock: raw_spinlock_t): void {
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, 0);
}

export function raw_spin_lock_nested(lock: raw_spinlock_t, subclass: u32): void {
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, subclass);
}

export function raw_spin_unlock(lock: raw_spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.raw);
  preempt_enable();
}

/** @must_use */
export function raw_spin_trylock(lock: raw_spinlock_t): boolean {
  preempt_disable();
  if (word_trylock(addressOf(lock.slock), LOCK_KIND.raw)) return true;
  preempt_enable();
  return false;
}

export function raw_spin_lock_irq(lock: raw_spinlock_t): void {
  local_irq_disable();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, 0);
}

export function raw_spin_unlock_irq(lock: raw_spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.raw);
  local_irq_enable();
  preempt_enable();
}

export function raw_spin_lock_irqsave(lock: raw_spinlock_t): u32 {
  const flags = local_irq_save();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, 0);
  return flags;
}

export function raw_spin_lock_irqsave_nested(lock: raw_spinlock_t, subclass: u32): u32 {
  const flags = local_irq_save();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, subclass);
  return flags;
}

/** @restores flags */
export function raw_spin_unlock_irqrestore(lock: raw_spinlock_t, flags: u32): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.raw);
  local_irq_restore(flags);
  preempt_enable();
}

/** Softirqs of this CPU stay off while it is held: for a lock that a softirq takes too. */
export function raw_spin_lock_bh(lock: raw_spinlock_t): void {
  local_bh_disable();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.raw, 0);
}

/** Interrupts are on. Serves the softirqs raised meanwhile. */
export function raw_spin_unlock_bh(lock: raw_spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.raw);
  preempt_enable_no_resched();
  local_bh_enable();
}

/** @must_use */
export function raw_spin_trylock_bh(lock: raw_spinlock_t): boolean {
  local_bh_disable();
  preempt_disable();
  if (word_trylock(addressOf(lock.slock), LOCK_KIND.raw)) return true;
  preempt_enable_no_resched();
  local_bh_enable();
  return false;
}
