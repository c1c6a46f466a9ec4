// Sleeping mutual exclusion: one owner, waiters served in the order of arrival.
//
// Task context only; the owner unlocks; no recursion. While anybody waits, unlock hands the mutex to the first waiter and
// nobody can barge in: strictly first come, first served, at the price of a context switch for each hand-over.
// State: `owner` is the address of the owning task, 0 when free; HAS_WAITERS in it keeps the fast paths (one CMPXCHG
// each) out. Lock: wait_word, a spinlock word without marks (it is part of the mutex), protects wait_list and HAS_WAITERS;
// inside it only the run queue locks that wake_up_process takes. A waiter lives on the stack of the sleeping task; the
// unlocker takes it off the list before it names the task as owner.
// mutex.spin_on_owner: while nobody has queued and the owner runs on another CPU, whoever comes polls for it instead of sleeping, until
// this CPU is wanted. It looks at the owner's on_cpu although that task may end meanwhile: what it reads there may be anything,
// and decides only whether to poll once more.
// debug.mutexes: counts the mutexes held (mutexes_held), and reports a task that locks what it holds.

import { CONFIG } from "config";
import { LOCK_FLAG, LOCK_KIND, MARK } from "../abi/marks.ts";
import { BUG } from "../lib/bug.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { might_sleep, need_resched, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import {
  get_current, TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_UNINTERRUPTIBLE, type task_struct,
} from "../sched/task.ts";
import { quiet_lock, quiet_unlock } from "./spin_word.ts";

const HAS_WAITERS = 1;

export class mutex {
  /** Address of the owning task, with HAS_WAITERS. */
  owner: usize = 0;
  wait_word: u32 = 0;
  /** mutex_waiter.list, first come first. */
  readonly wait_list = new list_head();
}

class mutex_waiter {
  readonly list = new list_head();
  task: task_struct;
}

export function mutex_init(lock: mutex, name: string): void {
  lock.owner = 0;
  lock.wait_word = 0;
  INIT_LIST_HEAD(lock.wait_list);
  traceMark(MARK.LOCK_INIT, lock, name, LOCK_KIND.mutex);
}

export function mutex_is_locked(lock: mutex): boolean {
  return READ_ONCE(lock.owner) !== 0;
}

/** Who holds it, or null. A hint unless the caller is the owner. */
export function mutex_owner(lock: mutex): task_struct | null {
  return castOrNull<task_struct>(READ_ONCE(lock.owner) & ~HAS_WAITERS);
}

let held: u32 = 0;

/** Mutexes that anybody holds; 0 without debug.mutexes. */
export function mutexes_held(): u32 {
  return READ_ONCE(held);
}

function note_acquired(): void {
  "inline";
  if (CONFIG.debug.mutexes) amoAddRelaxed(addressOf(held), 1);
}

/** Polls while the owner runs. True: the mutex is held. */
function spin_on_owner(lock: mutex): boolean {
  const me = addr(get_current());
  preempt_disable();
  let taken = false;
  while (!need_resched()) {
    const owner = READ_ONCE(lock.owner);
    if (owner === 0) {
      taken = CMPXCHG(lock.owner, 0, me) === 0;
      if (taken) break;
      continue;
    }
    if ((owner & HAS_WAITERS) !== 0 || READ_ONCE(cast<task_struct>(owner).on_cpu) === 0) break;
    pause();
  }
  preempt_enable();
  return taken;
}

/** Queue up and sleep until an unlock hands the mutex over; `state` is what the task sleeps in. */
function mutex_lock_slow(lock: mutex, state: u32): void {
  const me = get_current();
  if (CONFIG.debug.mutexes && mutex_owner(lock) === me) BUG("mutex_lock: mutex %p is held by the caller, task %p", lock, me);
  if (CONFIG.mutex.spin_on_owner && spin_on_owner(lock)) return;
  const waiter = new mutex_waiter();
  waiter.task = me;
  preempt_disable();
  quiet_lock(addressOf(lock.wait_word));
  for (;;) {
    const owner = READ_ONCE(lock.owner);
    if (owner === 0) {
      // Freed meanwhile, and nobody waits: HAS_WAITERS would be set otherwise.
      if (CMPXCHG(lock.owner, 0, addr(me)) !== 0) continue;
      quiet_unlock(addressOf(lock.wait_word));
      preempt_enable();
      return;
    }
    if (CMPXCHG(lock.owner, owner, owner | HAS_WAITERS) === owner) break;
  }
  list_add_tail(waiter.list, lock.wait_list);
  while ((READ_ONCE(lock.owner) & ~HAS_WAITERS) !== addr(me)) {
    set_current_state(state);
    quiet_unlock(addressOf(lock.wait_word));
    preempt_enable();
    schedule();
    preempt_disable();
    quiet_lock(addressOf(lock.wait_word));
  }
  quiet_unlock(addressOf(lock.wait_word));
  preempt_enable();
}

/** The one way in; the marks are the caller's. */
function lock_common(lock: mutex, state: u32, subclass: u32): void {
  "inline";
  might_sleep();
  if (unlikely(CMPXCHG(lock.owner, 0, addr(get_current())) !== 0)) {
    traceMark(MARK.LOCK_CONTENDED, lock, LOCK_KIND.mutex, subclass);
    mutex_lock_slow(lock, state);
  }
  note_acquired();
  traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.mutex, subclass);
}

/** @may_sleep */
export function mutex_lock(lock: mutex): void {
  lock_common(lock, TASK_UNINTERRUPTIBLE, 0);
}

/** For a second mutex of one class. @may_sleep */
export function mutex_lock_nested(lock: mutex, subclass: u32): void {
  lock_common(lock, TASK_UNINTERRUPTIBLE, subclass);
}

/**
 * As mutex_lock, sleeping interruptibly; 0 when it is held. Nothing interrupts yet: there are no signals, and a wake-up
 * alone does not end the wait.
 * @may_sleep
 * @must_use
 */
export function mutex_lock_interruptible(lock: mutex): i32 {
  lock_common(lock, TASK_INTERRUPTIBLE, 0);
  return 0;
}

/**
 * As mutex_lock_interruptible, for the signal that ends a task alone.
 * @may_sleep
 * @must_use
 */
export function mutex_lock_killable(lock: mutex): i32 {
  lock_common(lock, TASK_KILLABLE, 0);
  return 0;
}

/** @must_use */
export function mutex_trylock(lock: mutex): boolean {
  if (CMPXCHG(lock.owner, 0, addr(get_current())) === 0) {
    note_acquired();
    traceMark(MARK.LOCK_ACQUIRED, lock, LOCK_KIND.mutex, LOCK_FLAG.try);
    return true;
  }
  traceMark(MARK.LOCK_TRYFAIL, lock, LOCK_KIND.mutex, 0);
  return false;
}

function mutex_unlock_slow(lock: mutex): void {
  if ((READ_ONCE(lock.owner) & ~HAS_WAITERS) !== addr(get_current())) {
    BUG("mutex_unlock: mutex %p belongs to task %p, not to the caller", lock, lock.owner & ~HAS_WAITERS);
  }
  preempt_disable();
  quiet_lock(addressOf(lock.wait_word));
  const waiter = containerOf(mutex_waiter, "list", lock.wait_list.next);
  const next = waiter.task;
  list_del_init(waiter.list);
  const flag: u32 = list_empty(lock.wait_list) ? 0 : HAS_WAITERS;
  WRITE_ONCE(lock.owner, addr(next) | flag);
  // Inside wait_word: the new owner leaves mutex_lock_slow, and may exit, only after taking it.
  wake_up_process(next);
  quiet_unlock(addressOf(lock.wait_word));
  preempt_enable();
}

export function mutex_unlock(lock: mutex): void {
  traceMark(MARK.LOCK_RELEASE, lock, LOCK_KIND.mutex, 0);
  if (CONFIG.debug.mutexes) amoAddRelaxed(addressOf(held), ~0);
  const me = addr(get_current());
  if (likely(CMPXCHG(lock.owner, me, 0) === me)) return;
  mutex_unlock_slow(lock);
}
