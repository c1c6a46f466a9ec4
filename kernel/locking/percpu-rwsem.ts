// A sleeping reader-writer lock whose readers touch only a counter of their own CPU, at the price of writers that wait for
// a grace period.
//
// Readers count themselves in and out, perhaps on two CPUs: only the sum means something. While no writer is about (mode
// FAST) that is all. A writer makes readers careful (SLOW), waits until all have noticed (synchronize_rcu: readers look at
// the mode inside an RCU read section), closes the gate, and sleeps until the sum is 0. A careful reader counts itself in,
// then looks at the gate; the writer closes it, then sums: with a full barrier between, one of them sees the other. A reader
// before a closed gate counts itself out again and queues; up_write counts the queue in before it lets the next writer go,
// so neither side starves. Readers stay careful until a grace period after the last writer, so that those who
// look at nothing but the mode see what it wrote; a writer that comes earlier waits for no grace period.
//
// Task context; readers may sleep, and may not be recursive (a writer between the two deadlocks). Order: writer (a mutex,
// FIFO among writers), then waiters.lock. percpu_init_rwsem allocates; percpu_free_rwsem sleeps until the callback is through.

import { LOCK_FLAG, LOCK_KIND, MARK } from "../abi/marks.ts";
import { for_each_possible_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { smp_mb } from "../lib/atomic.ts";
import { ENOMEM } from "../lib/errno.ts";
import { list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kfree, kzalloc } from "../mm/slab.ts";
import { call_rcu, rcu_barrier, rcu_head, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "../rcu/rcu.ts";
import { schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { might_sleep, preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { get_current, smp_processor_id, TASK_UNINTERRUPTIBLE, type task_struct } from "../sched/task.ts";
import { finish_swait, init_swait_queue_head, prepare_to_swait, swait_queue, swait_queue_head, swake_up_one } from "../sched/swait.ts";
import { mutex, mutex_init, mutex_lock, mutex_trylock, mutex_unlock } from "./mutex.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "./spinlock.ts";

/** Bytes from one CPU's counter to the next: a cache line. */
const STRIDE = 64;

const enum MODE {
  FAST,
  /** A writer is about; no callback is on its way. */
  SLOW,
  /** No writer; the callback makes it FAST. */
  LEAVING,
  /** A writer came before the callback. */
  BACK,
  /** It has gone again: the callback must go round once more. */
  AGAIN,
}

export class percpu_rw_semaphore {
  /** Address of CPU 0's counter. */
  counts: usize = 0;
  /** MODE; the writer and the callback change it, with CMPXCHG. */
  mode: u32 = 0;
  /** The gate: 1 from when a writer waits for the readers until it has gone. */
  closed: u32 = 0;
  readonly writer = new mutex();
  /** Where the one writer sleeps. */
  readonly drained = new swait_queue_head();
  readonly lock = new spinlock_t();
  /** reader_waiter.list, under lock. */
  readonly waiters = new list_head();
  readonly head = new rcu_head();
}

/** On the stack of a reader that sleeps. */
class reader_waiter {
  readonly list = new list_head();
  task: task_struct;
  granted: u32;
}

/** 0 or -ENOMEM. @may_sleep @must_use */
export function percpu_init_rwsem(sem: percpu_rw_semaphore, name: string): i32 {
  sem.counts = kzalloc(nr_cpu_ids * STRIDE, GFP_KERNEL);
  if (sem.counts === 0) return -ENOMEM;
  sem.mode = MODE.FAST;
  sem.closed = 0;
  mutex_init(sem.writer, "percpu_rw_semaphore.writer");
  init_swait_queue_head(sem.drained);
  spin_lock_init(sem.lock, "percpu_rw_semaphore.lock");
  sem.waiters.next = sem.waiters;
  sem.waiters.prev = sem.waiters;
  traceMark(MARK.LOCK_INIT, sem, name, LOCK_KIND.sem_write);
  return 0;
}

/** Nobody uses it any more. @may_sleep */
export function percpu_free_rwsem(sem: percpu_rw_semaphore): void {
  while (READ_ONCE(sem.mode) !== MODE.FAST) rcu_barrier();
  kfree(sem.counts);
  sem.counts = 0;
}

/** Preemption is off. */
function count(sem: percpu_rw_semaphore, by: i32): void {
  "inline";
  const mine = cast<Ptr<i32>>(sem.counts + smp_processor_id() * STRIDE);
  WRITE_ONCE(mine[0], mine[0] + by);
}

/** Readers inside; exact, and 0 for good, once the gate is closed and it was 0. */
function readers(sem: percpu_rw_semaphore): i32 {
  let sum: i32 = 0;
  for (const cpu of for_each_possible_cpu()) sum += READ_ONCE(cast<Ptr<i32>>(sem.counts + cpu * STRIDE)[0]);
  return sum;
}

/** Counts the caller in unless the gate is closed. Preemption is off. */
function enter_carefully(sem: percpu_rw_semaphore): boolean {
  count(sem, 1);
  smp_mb();
  if (READ_ONCE(sem.closed) === 0) return true;
  count(sem, -1);
  smp_mb();
  return false;
}

function try_read(sem: percpu_rw_semaphore): boolean {
  "inline";
  preempt_disable();
  rcu_read_lock();
  let inside = true;
  if (likely(READ_ONCE(sem.mode) === MODE.FAST)) count(sem, 1);
  else inside = enter_carefully(sem);
  rcu_read_unlock();
  preempt_enable();
  return inside;
}

function wait_for_gate(sem: percpu_rw_semaphore): void {
  "noinline";
  const waiter = new reader_waiter();
  waiter.task = get_current();
  waiter.granted = 0;
  // The writer may have summed while this reader was counted.
  swake_up_one(sem.drained);
  spin_lock(sem.lock);
  if (READ_ONCE(sem.closed) === 0) {
    // Inside the lock no gate closes.
    count(sem, 1);
    spin_unlock(sem.lock);
    return;
  }
  list_add_tail(waiter.list, sem.waiters);
  while (READ_ONCE(waiter.granted) === 0) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    spin_unlock(sem.lock);
    schedule();
    spin_lock(sem.lock);
  }
  spin_unlock(sem.lock);
}

/** @may_sleep */
export function percpu_down_read(sem: percpu_rw_semaphore): void {
  might_sleep();
  if (unlikely(!try_read(sem))) {
    traceMark(MARK.LOCK_CONTENDED, sem, LOCK_KIND.sem_read, 0);
    wait_for_gate(sem);
  }
  traceMark(MARK.LOCK_ACQUIRED, sem, LOCK_KIND.sem_read, 0);
}

/** True when no writer was there and the lock is held for reading. @must_use */
export function percpu_down_read_trylock(sem: percpu_rw_semaphore): boolean {
  if (try_read(sem)) {
    traceMark(MARK.LOCK_ACQUIRED, sem, LOCK_KIND.sem_read, LOCK_FLAG.try);
    return true;
  }
  swake_up_one(sem.drained);
  traceMark(MARK.LOCK_TRYFAIL, sem, LOCK_KIND.sem_read, 0);
  return false;
}

export function percpu_up_read(sem: percpu_rw_semaphore): void {
  traceMark(MARK.LOCK_RELEASE, sem, LOCK_KIND.sem_read, 0);
  preempt_disable();
  rcu_read_lock();
  if (likely(READ_ONCE(sem.mode) === MODE.FAST)) {
    count(sem, -1);
  } else {
    smp_mb();
    count(sem, -1);
    smp_mb();
    if (READ_ONCE(sem.closed) !== 0) swake_up_one(sem.drained);
  }
  rcu_read_unlock();
  preempt_enable();
}

/** A grace period after a writer has gone. @atomic */
function leave_slow_mode(head: rcu_head): void {
  const sem = containerOf(percpu_rw_semaphore, "head", head);
  for (;;) {
    const mode = READ_ONCE(sem.mode);
    let next: u32 = MODE.FAST;
    if (mode === MODE.BACK) next = MODE.SLOW;
    if (mode === MODE.AGAIN) next = MODE.LEAVING;
    if (CMPXCHG(sem.mode, mode, next) !== mode) continue;
    if (mode === MODE.AGAIN) call_rcu(head, leave_slow_mode);
    return;
  }
}

/** All readers are careful from here on; sem.writer is held. */
function make_readers_careful(sem: percpu_rw_semaphore): void {
  for (;;) {
    const mode = READ_ONCE(sem.mode);
    if (CMPXCHG(sem.mode, mode, mode === MODE.FAST ? MODE.SLOW : MODE.BACK) !== mode) continue;
    if (mode === MODE.FAST) synchronize_rcu();
    return;
  }
}

/** @may_sleep */
export function percpu_down_write(sem: percpu_rw_semaphore): void {
  might_sleep();
  let contended = false;
  if (!mutex_trylock(sem.writer)) {
    contended = true;
    traceMark(MARK.LOCK_CONTENDED, sem, LOCK_KIND.sem_write, 0);
    mutex_lock(sem.writer);
  }
  make_readers_careful(sem);
  spin_lock(sem.lock);
  WRITE_ONCE(sem.closed, 1);
  spin_unlock(sem.lock);
  smp_mb();
  const wait = new swait_queue();
  for (;;) {
    prepare_to_swait(sem.drained, wait, TASK_UNINTERRUPTIBLE);
    smp_mb();
    if (readers(sem) === 0) break;
    if (!contended) traceMark(MARK.LOCK_CONTENDED, sem, LOCK_KIND.sem_write, 0);
    contended = true;
    schedule();
  }
  finish_swait(sem.drained, wait);
  smp_mb();
  traceMark(MARK.LOCK_ACQUIRED, sem, LOCK_KIND.sem_write, 0);
}

export function percpu_up_write(sem: percpu_rw_semaphore): void {
  traceMark(MARK.LOCK_RELEASE, sem, LOCK_KIND.sem_write, 0);
  spin_lock(sem.lock);
  smp_mb();
  WRITE_ONCE(sem.closed, 0);
  while (!list_empty(sem.waiters)) {
    const waiter = containerOf(reader_waiter, "list", sem.waiters.next);
    const task = waiter.task;
    list_del_init(waiter.list);
    count(sem, 1);
    WRITE_ONCE(waiter.granted, 1);
    wake_up_process(task);
  }
  spin_unlock(sem.lock);
  for (;;) {
    const mode = READ_ONCE(sem.mode);
    if (CMPXCHG(sem.mode, mode, mode === MODE.SLOW ? MODE.LEAVING : MODE.AGAIN) !== mode) continue;
    if (mode === MODE.SLOW) call_rcu(sem.head, leave_slow_mode);
    break;
  }
  mutex_unlock(sem.writer);
}

/** Whether a writer holds it or waits for the readers. */
export function percpu_is_write_locked(sem: percpu_rw_semaphore): boolean {
  return READ_ONCE(sem.closed) !== 0;
}
