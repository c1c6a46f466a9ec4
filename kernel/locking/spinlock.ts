// Spinlocks: served in the order of arrival, preemption off while held. One word, spin_word.ts.
//
// raw_spinlock_t has the same code and its own kind in the trace; the two differ once spinlock_t may sleep (rt).
// A static lock needs no init. The marks stand in the function that the user calls, so that the recorded return address
// is the user's; waiting is a short loop without calls. Interrupts: a lock that an interrupt handler takes must be taken
// with _irq or _irqsave everywhere else, one that a softirq takes with _bh at least. The `_nested` forms carry a subclass for the lock-order checker.

import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { LOCK_KIND, MARK } from "../abi/marks.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import { preempt_disable, preempt_enable, preempt_enable_no_resched } from "../sched/preempt.ts";
import { word_is_locked, word_lock, word_trylock, word_unlock } from "./spin_word.ts";

/** Subclass of the second lock of a class, where one of its other locks is held rightly. */
export const SINGLE_DEPTH_NESTING = 1;

export class spinlock_t {
  slock: u32 = 0;
}

export class raw_spinlock_t {
  slock: u32 = 0;
}

/** `name` is the lock's class: the same string, the same class. */
export function spin_lock_init(lock: spinlock_t, name: string): void {
  "inline";
  lock.slock = 0;
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.spin);
}

export function spin_is_locked(lock: spinlock_t): boolean {
  return word_is_locked(addressOf(lock.slock));
}

export function spin_lock(lock: spinlock_t): void {
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, 0);
}

export function spin_lock_nested(lock: spinlock_t, subclass: u32): void {
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, subclass);
}

export function spin_unlock(lock: spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.spin);
  preempt_enable();
}

/** True when the lock was free and is now held. @must_use */
export function spin_trylock(lock: spinlock_t): boolean {
  preempt_disable();
  if (word_trylock(addressOf(lock.slock), LOCK_KIND.spin)) return true;
  preempt_enable();
  return false;
}

export function spin_lock_irq(lock: spinlock_t): void {
  local_irq_disable();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, 0);
}

export function spin_unlock_irq(lock: spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.spin);
  local_irq_enable();
  preempt_enable();
}

export function spin_lock_irqsave(lock: spinlock_t): u32 {
  const flags = local_irq_save();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, 0);
  return flags;
}

export function spin_lock_irqsave_nested(lock: spinlock_t, subclass: u32): u32 {
  const flags = local_irq_save();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, subclass);
  return flags;
}

/** @restores flags */
export function spin_unlock_irqrestore(lock: spinlock_t, flags: u32): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.spin);
  local_irq_restore(flags);
  preempt_enable();
}

/** Softirqs of this CPU stay off while it is held: for a lock that a softirq takes too. */
export function spin_lock_bh(lock: spinlock_t): void {
  local_bh_disable();
  preempt_disable();
  word_lock(addressOf(lock.slock), LOCK_KIND.spin, 0);
}

/** Interrupts are on. Serves the softirqs raised meanwhile. */
export function spin_unlock_bh(lock: spinlock_t): void {
  word_unlock(addressOf(lock.slock), LOCK_KIND.spin);
  preempt_enable_no_resched();
  local_bh_enable();
}

/** @must_use */
export function spin_trylock_bh(lock: spinlock_t): boolean {
  local_bh_disable();
  preempt_disable();
  if (word_trylock(addressOf(lock.slock), LOCK_KIND.spin)) return true;
  preempt_enable_no_resched();
  local_bh_enable();
  return false;
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
