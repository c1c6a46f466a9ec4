// Reader-writer spinlocks. Preemption is off while held, for readers too. A static lock needs no init. On rt they sleep: rwlock_rt.ts.
//
// The word: WRITER when a writer holds it, WAITING when one waits for the readers (queued only), else the number of readers
// (a reader that came too early is counted for a moment beside them). rwlock.fairness says who goes first:
//   reader   as in 2008: a reader enters whenever no writer holds the lock. Readers may take it recursively; a stream of
//            readers starves a writer.
//   queued   first come, first served: whoever finds the lock taken draws a ticket of `queue`, and whoever is first there
//            enters as soon as it can; a waiting writer keeps new readers out. A reader in interrupt context (in_interrupt:
//            softirqs off counts) draws none and waits only for a writer that holds the lock: it may have interrupted a
//            reader, for which the waiting writer waits. In task context recursive reading deadlocks with a writer between.

import { local_irq_disable, local_irq_enable } from "../arch/irqflags.ts";
import { LOCK_FLAG, LOCK_KIND, MARK } from "../abi/marks.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import { CONFIG, FAIRNESS } from "config";
import { in_interrupt, preempt_enable_no_resched } from "../sched/preempt.ts";
import { rt_read_lock, rt_read_trylock, rt_read_unlock, rt_write_lock, rt_write_trylock, rt_write_unlock } from "./rwlock_rt.ts";
import { quiet_lock, quiet_unlock } from "./spin_word.ts";
import { RT, spin_irq_restore, spin_irq_save, spin_preempt_disable, spin_preempt_enable } from "./spinlock.ts";

export const WRITER = 0x8000_0000;
export const WAITING = 0x4000_0000;
const QUEUED = CONFIG.rwlock.fairness === FAIRNESS.queued;
/** With one of these in the word a reader does not enter. */
const NO_ENTRY: u32 = QUEUED ? WRITER | WAITING : WRITER;

export class rwlock_t {
  word: u32 = 0;
  /** Spinlock word of those that wait, queued only; on rt the lock that a writer holds from when it waits for the readers. */
  queue: u32 = 0;
}

export function rwlock_init(lock: rwlock_t, name: string): void {
  "inline";
  lock.word = 0;
  lock.queue = 0;
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.write);
}

/** The caller is counted in the word, and not alone. */
function wait_to_read(lock: rwlock_t): void {
  "noinline";
  if (QUEUED) {
    if (!in_interrupt()) {
      amoAddRelaxed(addressOf(lock.word), -1);
      quiet_lock(addressOf(lock.queue));
      // First in the queue: no other writer can be WAITING, and none comes in before this count goes.
      amoAddRelaxed(addressOf(lock.word), 1);
      while ((READ_ONCE(lock.word) & WRITER) !== 0) pause();
      fence("r", "rw");
      quiet_unlock(addressOf(lock.queue));
      return;
    }
    while ((READ_ONCE(lock.word) & WRITER) !== 0) pause();
    fence("r", "rw");
    return;
  }
  do {
    amoAddRelaxed(addressOf(lock.word), -1);
    while ((READ_ONCE(lock.word) & WRITER) !== 0) pause();
  } while ((amoAddAcquire(addressOf(lock.word), 1) & WRITER) !== 0);
}

function enter_read(lock: rwlock_t): void {
  "inline";
  if (RT) {
    rt_read_lock(lock);
    return;
  }
  if (unlikely((amoAddAcquire(addressOf(lock.word), 1) & NO_ENTRY) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.read, 0);
    wait_to_read(lock);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.read, 0);
}

function leave_read(lock: rwlock_t): void {
  "inline";
  if (RT) {
    rt_read_unlock(lock);
    return;
  }
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.read, 0);
  amoAddRelease(addressOf(lock.word), -1);
}

function wait_to_write(lock: rwlock_t): void {
  "noinline";
  if (QUEUED) {
    quiet_lock(addressOf(lock.queue));
    amoOr(addressOf(lock.word), WAITING);
    while (CMPXCHG(lock.word, WAITING, WRITER) !== WAITING) while (READ_ONCE(lock.word) !== WAITING) pause();
    quiet_unlock(addressOf(lock.queue));
    return;
  }
  do {
    while (READ_ONCE(lock.word) !== 0) pause();
  } while (CMPXCHG(lock.word, 0, WRITER) !== 0);
}

function enter_write(lock: rwlock_t): void {
  "inline";
  if (RT) {
    rt_write_lock(lock);
    return;
  }
  if (unlikely(CMPXCHG(lock.word, 0, WRITER) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.write, 0);
    wait_to_write(lock);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.write, 0);
}

function leave_write(lock: rwlock_t): void {
  "inline";
  if (RT) {
    rt_write_unlock(lock);
    return;
  }
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.write, 0);
  amoAddRelease(addressOf(lock.word), WRITER);
}

export function read_lock(lock: rwlock_t): void {
  spin_preempt_disable();
  enter_read(lock);
}

export function read_unlock(lock: rwlock_t): void {
  leave_read(lock);
  spin_preempt_enable();
}

export function write_lock(lock: rwlock_t): void {
  spin_preempt_disable();
  enter_write(lock);
}

export function write_unlock(lock: rwlock_t): void {
  leave_write(lock);
  spin_preempt_enable();
}

/** True when no reader and no writer held the lock and it is now held for writing. @must_use */
export function write_trylock(lock: rwlock_t): boolean {
  spin_preempt_disable();
  if (RT ? rt_write_trylock(lock) : CMPXCHG(lock.word, 0, WRITER) === 0) {
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.write, LOCK_FLAG.try);
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.write, 0);
  spin_preempt_enable();
  return false;
}

function try_enter_read(lock: rwlock_t): boolean {
  "inline";
  if (RT) return rt_read_trylock(lock);
  if ((amoAddAcquire(addressOf(lock.word), 1) & NO_ENTRY) === 0) return true;
  amoAddRelaxed(addressOf(lock.word), -1);
  return false;
}

/** True when no writer held the lock and it is now held for reading. @must_use */
export function read_trylock(lock: rwlock_t): boolean {
  spin_preempt_disable();
  if (try_enter_read(lock)) {
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.read, LOCK_FLAG.try);
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.read, 0);
  spin_preempt_enable();
  return false;
}

export function read_lock_irq(lock: rwlock_t): void {
  if (!RT) local_irq_disable();
  spin_preempt_disable();
  enter_read(lock);
}

export function read_unlock_irq(lock: rwlock_t): void {
  leave_read(lock);
  if (!RT) local_irq_enable();
  spin_preempt_enable();
}

export function write_lock_irq(lock: rwlock_t): void {
  if (!RT) local_irq_disable();
  spin_preempt_disable();
  enter_write(lock);
}

export function write_unlock_irq(lock: rwlock_t): void {
  leave_write(lock);
  if (!RT) local_irq_enable();
  spin_preempt_enable();
}

export function read_lock_irqsave(lock: rwlock_t): u32 {
  const flags = spin_irq_save();
  spin_preempt_disable();
  enter_read(lock);
  return flags;
}

/** @restores flags */
export function read_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  leave_read(lock);
  spin_irq_restore(flags);
  spin_preempt_enable();
}

export function write_lock_irqsave(lock: rwlock_t): u32 {
  const flags = spin_irq_save();
  spin_preempt_disable();
  enter_write(lock);
  return flags;
}

/** @restores flags */
export function write_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  leave_write(lock);
  spin_irq_restore(flags);
  spin_preempt_enable();
}

/** Softirqs of this CPU stay off while it is held. */
export function read_lock_bh(lock: rwlock_t): void {
  local_bh_disable();
  spin_preempt_disable();
  enter_read(lock);
}

/** Interrupts are on. */
export function read_unlock_bh(lock: rwlock_t): void {
  leave_read(lock);
  if (!RT) preempt_enable_no_resched();
  local_bh_enable();
}

/** Softirqs of this CPU stay off while it is held. */
export function write_lock_bh(lock: rwlock_t): void {
  local_bh_disable();
  spin_preempt_disable();
  enter_write(lock);
}

/** Interrupts are on. */
export function write_unlock_bh(lock: rwlock_t): void {
  leave_write(lock);
  if (!RT) preempt_enable_no_resched();
  local_bh_enable();
}
