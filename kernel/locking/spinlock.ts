// Spinlocks, for whatever does not have to work where nothing may sleep. One word; a static lock needs no init.
//
//   none, voluntary, full   waiters spin, first come first served; preemption is off while held: as raw_spinlock_t (raw_spinlock.ts)
//   rt                      waiters sleep and lend the owner their priority (rtlock.ts). Held, the owner may be preempted and its interrupts
//                           are as they were, whatever the form; it stays on its CPU and is an RCU reader. Not in hardirq context
//                           nor with preemption or interrupts off: that is complained about
//
// Interrupts: a lock that an interrupt handler takes must be taken with _irq or _irqsave everywhere else, one that a softirq takes with
// _bh at least. The `_nested` forms carry a subclass for the lock-order checker. The marks stand in the function that the user calls, so
// that the recorded return address is the user's.
// busted = lock: a spinlock_t keeps nobody out.

import { BUSTED, CONFIG, PREEMPT } from "config";
import { irqs_disabled, local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { LOCK_FLAG, LOCK_KIND, MARK } from "../abi/marks.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import { rcu_read_lock, rcu_read_unlock } from "../rcu/read.ts";
import { migrate_disable, migrate_enable } from "../sched/affinity.ts";
import { __might_sleep } from "../sched/might_sleep.ts";
import { preempt_disable, preempt_enable, preempt_enable_no_resched } from "../sched/preempt.ts";
import { get_current } from "../sched/task.ts";
import { rtlock_slow, rtlock_unlock_slow } from "./rtlock.ts";
import { word_is_locked, word_lock, word_trylock, word_unlock } from "./spin_word.ts";

export {
  raw_spin_is_locked, raw_spin_lock, raw_spin_lock_bh, raw_spin_lock_init, raw_spin_lock_irq, raw_spin_lock_irqsave,
  raw_spin_lock_irqsave_nested, raw_spin_lock_nested, raw_spin_trylock, raw_spin_trylock_bh, raw_spin_unlock, raw_spin_unlock_bh, raw_spin_unlock_irq, raw_spin_unlock_irqrestore,
  raw_spinlock_t,
} from "./raw_spinlock.ts";

/** Subclass of the second lock of a class, where one of its other locks is held rightly. */
export const SINGLE_DEPTH_NESTING = 1;

/** spinlock_t and rwlock_t sleep. */
export const RT: boolean = CONFIG.preempt === PREEMPT.rt;
const BROKEN: boolean = CONFIG.busted === BUSTED.lock;

export class spinlock_t {
  slock: u32 = 0;
}

// ---- what the forms are made of ----

/** Complains about a caller that must not sleep; an RCU read section is no reason. */
export function rtlock_might_sleep(): void {
  "inline";
  if (CONFIG.debug.atomic_sleep && unlikely(get_current().preempt_count !== 0 || irqs_disabled())) __might_sleep();
}

/** What holding a sleeping lock implies. */
export function rtlock_enter(): void {
  "inline";
  rcu_read_lock();
  migrate_disable();
}

export function rtlock_leave(): void {
  "inline";
  migrate_enable();
  rcu_read_unlock();
}

function rt_lock(word: Ptr<u32>, subclass: u32): void {
  "inline";
  rtlock_might_sleep();
  if (!BROKEN && unlikely(CMPXCHG(word[0], 0, addr(get_current())) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, word, LOCK_KIND.spin, subclass);
    rtlock_slow(word);
  }
  traceMark(MARK.LOCK_ACQUIRED, word, LOCK_KIND.spin, subclass);
  rtlock_enter();
}

/** Inside: preemption is off already unless rt. */
function enter(lock: spinlock_t, subclass: u32): void {
  "inline";
  if (RT) rt_lock(addressOf(lock.slock), subclass);
  else if (!BROKEN) word_lock(addressOf(lock.slock), LOCK_KIND.spin, subclass);
}

function try_enter(lock: spinlock_t): boolean {
  "inline";
  if (BROKEN) {
    if (RT) rtlock_enter();
    return true;
  }
  if (!RT) return word_trylock(addressOf(lock.slock), LOCK_KIND.spin);
  if (READ_ONCE(lock.slock) === 0 && CMPXCHG(lock.slock, 0, addr(get_current())) === 0) {
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.spin, LOCK_FLAG.try);
    rtlock_enter();
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.spin, 0);
  return false;
}

function leave(lock: spinlock_t): void {
  "inline";
  if (!RT) {
    if (!BROKEN) word_unlock(addressOf(lock.slock), LOCK_KIND.spin);
    return;
  }
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.spin, 0);
  rtlock_leave();
  if (BROKEN) return;
  const me = addr(get_current());
  if (unlikely(CMPXCHG(lock.slock, me, 0) !== me)) rtlock_unlock_slow(addressOf(lock.slock));
}

/** Preemption off, but for rt. */
export function spin_preempt_disable(): void {
  "inline";
  if (!RT) preempt_disable();
}

export function spin_preempt_enable(): void {
  "inline";
  if (!RT) preempt_enable();
}

/** Interrupts off, but for rt; the former state, 0 on rt. */
export function spin_irq_save(): u32 {
  "inline";
  return RT ? 0 : local_irq_save();
}

/** @restores flags */
export function spin_irq_restore(flags: u32): void {
  "inline";
  if (!RT) local_irq_restore(flags);
}

// ---- the forms ----

/** `name` is the lock's class: the same string, the same class. */
export function spin_lock_init(lock: spinlock_t, name: string): void {
  "inline";
  lock.slock = 0;
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.spin);
}

export function spin_is_locked(lock: spinlock_t): boolean {
  return RT ? READ_ONCE(lock.slock) !== 0 : word_is_locked(addressOf(lock.slock));
}

export function spin_lock(lock: spinlock_t): void {
  spin_preempt_disable();
  enter(lock, 0);
}

export function spin_lock_nested(lock: spinlock_t, subclass: u32): void {
  spin_preempt_disable();
  enter(lock, subclass);
}

export function spin_unlock(lock: spinlock_t): void {
  leave(lock);
  spin_preempt_enable();
}

/** True when the lock was free and is now held. @must_use */
export function spin_trylock(lock: spinlock_t): boolean {
  spin_preempt_disable();
  if (try_enter(lock)) return true;
  spin_preempt_enable();
  return false;
}

export function spin_lock_irq(lock: spinlock_t): void {
  if (!RT) local_irq_disable();
  spin_preempt_disable();
  enter(lock, 0);
}

export function spin_unlock_irq(lock: spinlock_t): void {
  leave(lock);
  if (!RT) local_irq_enable();
  spin_preempt_enable();
}

export function spin_lock_irqsave(lock: spinlock_t): u32 {
  const flags = spin_irq_save();
  spin_preempt_disable();
  enter(lock, 0);
  return flags;
}

export function spin_lock_irqsave_nested(lock: spinlock_t, subclass: u32): u32 {
  const flags = spin_irq_save();
  spin_preempt_disable();
  enter(lock, subclass);
  return flags;
}

/** @restores flags */
export function spin_unlock_irqrestore(lock: spinlock_t, flags: u32): void {
  leave(lock);
  spin_irq_restore(flags);
  spin_preempt_enable();
}

/** Where the state of the interrupts goes: `flags[0]`, untouched when the lock was not free. @must_use */
export function spin_trylock_irqsave(lock: spinlock_t, flags: Ptr<u32>): boolean {
  const old = spin_irq_save();
  spin_preempt_disable();
  if (try_enter(lock)) {
    flags[0] = old;
    return true;
  }
  spin_irq_restore(old);
  spin_preempt_enable();
  return false;
}

/** @must_use */
export function spin_trylock_irq(lock: spinlock_t): boolean {
  if (!RT) local_irq_disable();
  spin_preempt_disable();
  if (try_enter(lock)) return true;
  if (!RT) local_irq_enable();
  spin_preempt_enable();
  return false;
}

/** Softirqs of this CPU stay off while it is held: for a lock that a softirq takes too. */
export function spin_lock_bh(lock: spinlock_t): void {
  local_bh_disable();
  spin_preempt_disable();
  enter(lock, 0);
}

/** Interrupts are on. Serves the softirqs raised meanwhile. */
export function spin_unlock_bh(lock: spinlock_t): void {
  leave(lock);
  if (!RT) preempt_enable_no_resched();
  local_bh_enable();
}

/** @must_use */
export function spin_trylock_bh(lock: spinlock_t): boolean {
  local_bh_disable();
  spin_preempt_disable();
  if (try_enter(lock)) return true;
  if (!RT) preempt_enable_no_resched();
  local_bh_enable();
  return false;
}
