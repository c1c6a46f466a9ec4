// Reader-writer spinlocks, reader-preferring as in 2008: a reader enters whenever no writer holds the lock, so readers
// may take it recursively and from interrupts, and a stream of readers can starve a writer.
//
// The word: WRITER when a writer holds it, else the number of readers (a reader that came too early is counted for a
// moment beside WRITER). Preemption is off while held, for readers too. A static lock needs no init.

import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { LOCK_KIND, MARK } from "../abi/marks.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";

const WRITER = 0x8000_0000;

export class rwlock_t {
  word: u32 = 0;
}

export function rwlock_init(lock: rwlock_t, name: string): void {
  "inline";
  lock.word = 0;
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.write);
}

function enter_read(lock: rwlock_t): void {
  "inline";
  if (unlikely((amoAddAcquire(addressOf(lock.word), 1) & WRITER) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.read, 0);
    do {
      amoAddRelaxed(addressOf(lock.word), -1);
      while ((READ_ONCE(lock.word) & WRITER) !== 0) pause();
    } while ((amoAddAcquire(addressOf(lock.word), 1) & WRITER) !== 0);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.read, 0);
}

function leave_read(lock: rwlock_t): void {
  "inline";
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.read, 0);
  amoAddRelease(addressOf(lock.word), -1);
}

function enter_write(lock: rwlock_t): void {
  "inline";
  if (unlikely(CMPXCHG(lock.word, 0, WRITER) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.write, 0);
    do {
      while (READ_ONCE(lock.word) !== 0) pause();
    } while (CMPXCHG(lock.word, 0, WRITER) !== 0);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.write, 0);
}

function leave_write(lock: rwlock_t): void {
  "inline";
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.write, 0);
  amoAddRelease(addressOf(lock.word), WRITER);
}

export function read_lock(lock: rwlock_t): void {
  preempt_disable();
  enter_read(lock);
}

export function read_unlock(lock: rwlock_t): void {
  leave_read(lock);
  preempt_enable();
}

export function write_lock(lock: rwlock_t): void {
  preempt_disable();
  enter_write(lock);
}

export function write_unlock(lock: rwlock_t): void {
  leave_write(lock);
  preempt_enable();
}

/** True when no reader and no writer held the lock and it is now held for writing. */
export function write_trylock(lock: rwlock_t): boolean {
  preempt_disable();
  if (CMPXCHG(lock.word, 0, WRITER) === 0) {
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.write, 0);
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.write, 0);
  preempt_enable();
  return false;
}

/** True when no writer held the lock and it is now held for reading. */
export function read_trylock(lock: rwlock_t): boolean {
  preempt_disable();
  if ((amoAddAcquire(addressOf(lock.word), 1) & WRITER) === 0) {
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.read, 0);
    return true;
  }
  amoAddRelaxed(addressOf(lock.word), -1);
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.read, 0);
  preempt_enable();
  return false;
}

export function read_lock_irq(lock: rwlock_t): void {
  local_irq_disable();
  preempt_disable();
  enter_read(lock);
}

export function read_unlock_irq(lock: rwlock_t): void {
  leave_read(lock);
  local_irq_enable();
  preempt_enable();
}

export function write_lock_irq(lock: rwlock_t): void {
  local_irq_disable();
  preempt_disable();
  enter_write(lock);
}

export function write_unlock_irq(lock: rwlock_t): void {
  leave_write(lock);
  local_irq_enable();
  preempt_enable();
}

export function read_lock_irqsave(lock: rwlock_t): u32 {
  const flags = local_irq_save();
  preempt_disable();
  enter_read(lock);
  return flags;
}

/** @restores flags */
export function read_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  leave_read(lock);
  local_irq_restore(flags);
  preempt_enable();
}

export function write_lock_irqsave(lock: rwlock_t): u32 {
  const flags = local_irq_save();
  preempt_disable();
  enter_write(lock);
  return flags;
}

/** @restores flags */
export function write_unlock_irqrestore(lock: rwlock_t, flags: u32): void {
  leave_write(lock);
  local_irq_restore(flags);
  preempt_enable();
}
