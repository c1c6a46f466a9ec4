// rwlock_t on preempt = rt, after Linux's rwbase_rt: everybody sleeps, readers may be preempted inside.
//
// A writer takes the lock `queue` (rtlock.ts), marks the word WAITING, which turns new readers away, and sleeps until those inside have
// left. A reader that is turned away waits for `queue` too, so that it comes in turn and lends the writer its priority; then it
// counts itself in and passes `queue` on. Nobody lends anything to readers inside: there may be many, and nothing says who they are.
// First come first served among equals; reading again in task context deadlocks with a writer between, as with rwlock.fairness = queued.
// The last reader wakes the writer under pi_word, where WAITING becomes WRITER as well: so the writer is still there.

import { LOCK_KIND, MARK } from "../abi/marks.ts";
import { restore_rtlock_state, save_rtlock_state, schedule_rtlock, set_current_state, try_to_wake_up } from "../sched/core.ts";
import { get_current, TASK_RTLOCK_WAIT } from "../sched/task.ts";
import { pi_lock, pi_unlock, rtlock_owner, rtlock_slow, rtlock_unlock_slow } from "./rtlock.ts";
import { type rwlock_t, WAITING, WRITER } from "./rwlock.ts";
import { rtlock_enter, rtlock_leave, rtlock_might_sleep } from "./spinlock.ts";

function queue_unlock(lock: rwlock_t): void {
  const me = addr(get_current());
  if (unlikely(CMPXCHG(lock.queue, me, 0) !== me)) rtlock_unlock_slow(addressOf(lock.queue));
}

/** Counts the caller in unless a writer is inside or waits. */
function count_in(lock: rwlock_t): boolean {
  "inline";
  for (;;) {
    const word = READ_ONCE(lock.word);
    if ((word & (WRITER | WAITING)) !== 0) return false;
    if (CMPXCHG(lock.word, word, word + 1) === word) return true;
  }
}

function wait_to_read(lock: rwlock_t): void {
  "noinline";
  if (CMPXCHG(lock.queue, 0, addr(get_current())) !== 0) rtlock_slow(addressOf(lock.queue));
  amoAddAcquire(addressOf(lock.word), 1);
  queue_unlock(lock);
}

export function rt_read_lock(lock: rwlock_t): void {
  "inline";
  rtlock_might_sleep();
  if (unlikely(!count_in(lock))) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.read, 0);
    wait_to_read(lock);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.read, 0);
  rtlock_enter();
}

export function rt_read_trylock(lock: rwlock_t): boolean {
  "inline";
  if (!count_in(lock)) return false;
  rtlock_enter();
  return true;
}

function wake_writer(lock: rwlock_t): void {
  "noinline";
  const flags = pi_lock();
  if (READ_ONCE(lock.word) === WAITING) {
    const writer = rtlock_owner(addressOf(lock.queue));
    if (writer !== null) try_to_wake_up(writer, TASK_RTLOCK_WAIT);
  }
  pi_unlock(flags);
}

export function rt_read_unlock(lock: rwlock_t): void {
  "inline";
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.read, 0);
  rtlock_leave();
  if (unlikely(amoAdd(addressOf(lock.word), -1) === (WAITING | 1))) wake_writer(lock);
}

/** The caller has `queue`. True when no reader was inside. */
function write_at_once(lock: rwlock_t): boolean {
  "inline";
  return CMPXCHG(lock.word, 0, WRITER) === 0;
}

function wait_for_readers(lock: rwlock_t): void {
  "noinline";
  amoOr(addressOf(lock.word), WAITING);
  save_rtlock_state();
  for (;;) {
    const flags = pi_lock();
    const inside = READ_ONCE(lock.word) !== WAITING;
    if (!inside) WRITE_ONCE(lock.word, WRITER);
    pi_unlock(flags);
    if (!inside) break;
    schedule_rtlock();
    set_current_state(TASK_RTLOCK_WAIT);
  }
  restore_rtlock_state();
}

export function rt_write_lock(lock: rwlock_t): void {
  "inline";
  rtlock_might_sleep();
  const waits = CMPXCHG(lock.queue, 0, addr(get_current())) !== 0;
  if (unlikely(waits)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.write, 0);
    rtlock_slow(addressOf(lock.queue));
  }
  if (unlikely(!write_at_once(lock))) {
    if (!waits) traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.write, 0);
    wait_for_readers(lock);
  }
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.write, 0);
  rtlock_enter();
}

export function rt_write_trylock(lock: rwlock_t): boolean {
  "inline";
  if (CMPXCHG(lock.queue, 0, addr(get_current())) !== 0) return false;
  if (!write_at_once(lock)) {
    queue_unlock(lock);
    return false;
  }
  rtlock_enter();
  return true;
}

export function rt_write_unlock(lock: rwlock_t): void {
  "inline";
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.write, 0);
  rtlock_leave();
  amoAddRelease(addressOf(lock.word), WRITER);
  queue_unlock(lock);
}
