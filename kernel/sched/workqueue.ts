// Work queues: functions that a thread calls later, in the order in which they were queued on a CPU.
//
// A workqueue has one worker a CPU (as Linux had it before 2.6.36): works of one queue and CPU run one after the other, so one
// that sleeps holds up those behind it, and one that flushes a work of its own queue and CPU waits for ever (WARN).
// A work is queued once however often it is asked for, until its function begins; a function that runs is never called a
// second time beside itself: queued for another CPU meanwhile, the work waits where it runs.
// The worker of a CPU that goes offline takes what waits there along to another CPU; it comes back before the first work
// that it takes after the CPU has come back. So a work runs on the CPU asked for only while cpus_read_lock is held.
//
// Lock: worker_pool.lock (raw, interrupts off), one at a time; the run queue's lock nests inside it.
// PENDING belongs to whoever set it: a queuer keeps interrupts off from there until the work is in the list; a canceller keeps
// it until the function has ended, so that a work that queues itself again comes to an end. A function may free its work.
// Lifetime: a workqueue is destroyed when nobody queues to it any more. system_wq has workers once workqueue_init was called.

import { BOUNDARY } from "../abi/marks.ts";
import { cpu_active, nr_cpu_ids } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { WARN_ON, WARN_ON_ONCE } from "../lib/bug.ts";
import { ENOMEM } from "../lib/errno.ts";
import { INIT_LIST_HEAD, list_add, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import {
  raw_spin_lock, raw_spin_lock_init, raw_spin_lock_irq, raw_spin_unlock, raw_spin_unlock_irq, raw_spin_unlock_irqrestore,
  raw_spinlock_t,
} from "../locking/spinlock.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kfree, kzalloc } from "../mm/slab.ts";
import { bind_current_to } from "./affinity.ts";
import { complete, completion, init_completion, wait_for_completion } from "./completion.ts";
import { __set_current_state, cond_resched, schedule, set_current_state, wake_up_process } from "./core.ts";
import { kthread_create_near, kthread_should_stop, kthread_stop } from "./kthread.ts";
import { mark_unbalanced } from "./preempt.ts";
import { del_timer, schedule_timeout_uninterruptible, type timer_list } from "./timer.ts";
import { CPU_ANY, get_current, smp_processor_id, TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from "./task.ts";

export type work_func = (work: work_struct) => void;

const PENDING = 1 << 0;
/** With PENDING: its owner waits until the function has ended. */
const CANCELING = 1 << 1;
/** In place of a CPU: the one that the caller runs on. */
export const WORK_CPU_UNBOUND = CPU_ANY;

export class work_struct {
  /** Link in its pool's list, alone otherwise. */
  readonly entry = new list_head();
  /** PENDING, CANCELING or 0. */
  pending: u32 = 0;
  /** Where it was queued last; changes under that pool's lock. */
  pool: worker_pool | null = null;
  fn: work_func;
}

/** One CPU's part of a workqueue. */
class worker_pool {
  readonly lock = new raw_spinlock_t();
  readonly worklist = new list_head();
  cpu: u32;
  task: task_struct | null;
  /** The worker sleeps for want of works: nothing else may wake it, for it may sleep inside a function as well. */
  idle: boolean;
  /** The work whose function runs, and the function: the work itself may be gone by then and its memory another work. */
  current_work: work_struct | null;
  current_fn: work_func | null;
}

export class workqueue_struct {
  /** One for each possible CPU; null before the workers exist. */
  pools: StructArray<worker_pool> | null = null;
}

/** What schedule_work uses. */
export const system_wq = new workqueue_struct();
const init_mutex = new mutex();

export function INIT_WORK(work: work_struct, fn: work_func): void {
  INIT_LIST_HEAD(work.entry);
  work.pending = 0;
  work.pool = null;
  work.fn = fn;
}

/** Queued, or waiting for its delay, or being cancelled. */
export function work_pending(work: work_struct): boolean {
  return READ_ONCE(work.pending) !== 0;
}

// ---- the worker ----

/** Calls the function of the first work. The pool is locked before and after. */
function process_one_work(pool: worker_pool): void {
  const work = containerOf(work_struct, "entry", pool.worklist.next);
  const fn = work.fn;
  list_del_init(work.entry);
  pool.current_work = work;
  pool.current_fn = fn;
  // Ordered: whoever finds the work pending has its stores seen by the function.
  amoAnd(addressOf(work.pending), ~PENDING);
  fence("rw", "rw");
  raw_spin_unlock_irq(pool.lock);
  fn(work);
  mark_unbalanced(BOUNDARY.work);
  WARN_ON_ONCE(get_current().preempt_count !== 0);
  raw_spin_lock_irq(pool.lock);
  pool.current_work = null;
  pool.current_fn = null;
}

function worker_thread(arg: u32): void {
  const pool = cast<worker_pool>(arg);
  for (;;) {
    raw_spin_lock_irq(pool.lock);
    pool.idle = false;
    if (list_empty(pool.worklist)) {
      set_current_state(TASK_INTERRUPTIBLE);
      if (kthread_should_stop()) break;
      pool.idle = true;
      raw_spin_unlock_irq(pool.lock);
      schedule();
    } else if (READ_ONCE(get_current().cpu) !== pool.cpu && cpu_active(pool.cpu)) {
      raw_spin_unlock_irq(pool.lock);
      bind_current_to(pool.cpu);
    } else {
      process_one_work(pool);
      raw_spin_unlock_irq(pool.lock);
      cond_resched();
    }
  }
  __set_current_state(TASK_RUNNING);
  raw_spin_unlock_irq(pool.lock);
}

// ---- queueing ----

/** The pool is locked. */
function insert_work(pool: worker_pool, work: work_struct, after: list_head): void {
  WRITE_ONCE(work.pool, pool);
  list_add(work.entry, after);
  if (!pool.idle) return;
  pool.idle = false;
  wake_up_process(pool.task!);
}

function runs_in(pool: worker_pool, work: work_struct): boolean {
  return pool.current_work === work && pool.current_fn === work.fn;
}

/** The caller owns PENDING; interrupts are off. */
function __queue_work(cpu: u32, wq: workqueue_struct, work: work_struct): void {
  const pools = wq.pools;
  if (WARN_ON_ONCE(pools === null)) {
    amoAnd(addressOf(work.pending), ~PENDING);
    return;
  }
  let pool = pools![cpu === WORK_CPU_UNBOUND ? smp_processor_id() : cpu];
  const last = READ_ONCE(work.pool);
  if (last !== null && last !== pool) {
    raw_spin_lock(last.lock);
    if (runs_in(last, work)) {
      insert_work(last, work, last.worklist.prev);
      raw_spin_unlock(last.lock);
      return;
    }
    raw_spin_unlock(last.lock);
  }
  raw_spin_lock(pool.lock);
  insert_work(pool, work, pool.worklist.prev);
  raw_spin_unlock(pool.lock);
}

/** The end of a delay: its work is pending already. */
export function queue_pending_work(cpu: u32, wq: workqueue_struct, work: work_struct): void {
  const flags = local_irq_save();
  __queue_work(cpu, wq, work);
  local_irq_restore(flags);
}

/** Takes PENDING for the caller; false: it is pending already. Interrupts are off. */
export function set_work_pending(work: work_struct): boolean {
  return (amoOr(addressOf(work.pending), PENDING) & PENDING) === 0;
}

/** False: it is pending already. Any context. */
export function queue_work_on(cpu: u32, wq: workqueue_struct, work: work_struct): boolean {
  const flags = local_irq_save();
  const mine = set_work_pending(work);
  if (mine) __queue_work(cpu, wq, work);
  local_irq_restore(flags);
  return mine;
}

export function queue_work(wq: workqueue_struct, work: work_struct): boolean {
  return queue_work_on(WORK_CPU_UNBOUND, wq, work);
}

export function schedule_work_on(cpu: u32, work: work_struct): boolean {
  return queue_work_on(cpu, system_wq, work);
}

export function schedule_work(work: work_struct): boolean {
  return queue_work_on(WORK_CPU_UNBOUND, system_wq, work);
}

// ---- waiting and cancelling ----

/** A work of its own, behind the one that is waited for. */
class wq_barrier {
  readonly work = new work_struct();
  readonly done = new completion();
}

function barrier_work(work: work_struct): void {
  complete(containerOf(wq_barrier, "work", work).done);
}

function init_barrier(barrier: wq_barrier): void {
  INIT_WORK(barrier.work, barrier_work);
  barrier.work.pending = PENDING;
  init_completion(barrier.done);
}

/** Locks the pool that the work was queued on last, with interrupts off; null: none. */
function lock_work_pool(work: work_struct): worker_pool | null {
  for (;;) {
    const pool = READ_ONCE(work.pool);
    if (pool === null) return null;
    raw_spin_lock(pool.lock);
    if (work.pool === pool) return pool;
    raw_spin_unlock(pool.lock);
  }
}

/** Returns when the function has ended for the last time it was queued for. False: there was nothing to wait for. @may_sleep */
export function flush_work(work: work_struct): boolean {
  const barrier = new wq_barrier();
  const flags = local_irq_save();
  const pool = lock_work_pool(work);
  if (pool === null) {
    local_irq_restore(flags);
    return false;
  }
  const queued = !list_empty(work.entry);
  const busy = queued || runs_in(pool, work);
  if (busy) {
    init_barrier(barrier);
    insert_work(pool, barrier.work, queued ? work.entry : pool.worklist);
  }
  raw_spin_unlock_irqrestore(pool.lock, flags);
  if (!busy) return false;
  WARN_ON(pool.task === get_current());
  wait_for_completion(barrier.done);
  return true;
}

const enum GRAB { idle, queued, busy, canceling }

/**
 * Takes PENDING, and the work off its list or its timer. `busy`: it is on its way from one place to the next, try again;
 * `canceling`: cancel_work_sync has it. Interrupts are off.
 */
function try_to_grab(work: work_struct, timer: timer_list | null): u32 {
  if (timer !== null && del_timer(timer)) return GRAB.queued;
  const old = amoOr(addressOf(work.pending), PENDING);
  if ((old & PENDING) === 0) return GRAB.idle;
  if ((old & CANCELING) !== 0) return GRAB.canceling;
  const pool = lock_work_pool(work);
  if (pool === null) return GRAB.busy;
  const queued = !list_empty(work.entry);
  if (queued) list_del_init(work.entry);
  raw_spin_unlock(pool.lock);
  return queued ? GRAB.queued : GRAB.busy;
}

/** Grabs, and says so with `mark`; interrupts are off. */
function grab(work: work_struct, timer: timer_list | null, mark: u32): u32 {
  let grabbed = try_to_grab(work, timer);
  while (grabbed === GRAB.busy) {
    pause();
    grabbed = try_to_grab(work, timer);
  }
  if (grabbed !== GRAB.canceling) WRITE_ONCE(work.pending, mark);
  return grabbed;
}

/** As cancel_work; `timer` is a delayed work's. */
export function __cancel_work(work: work_struct, timer: timer_list | null): boolean {
  const flags = local_irq_save();
  const grabbed = grab(work, timer, 0);
  local_irq_restore(flags);
  return grabbed === GRAB.queued;
}

/** The work is not pending afterwards; true when it was. Its function may still run. Not from an interrupt handler. */
export function cancel_work(work: work_struct): boolean {
  return __cancel_work(work, null);
}

/** As cancel_work_sync; `timer` is a delayed work's. @may_sleep */
export function __cancel_work_sync(work: work_struct, timer: timer_list | null): boolean {
  for (;;) {
    const flags = local_irq_save();
    const grabbed = grab(work, timer, PENDING | CANCELING);
    local_irq_restore(flags);
    if (grabbed === GRAB.canceling) {
      schedule_timeout_uninterruptible(1);
      continue;
    }
    flush_work(work);
    fence("rw", "rw");
    WRITE_ONCE(work.pending, 0);
    return grabbed === GRAB.queued;
  }
}

/** As cancel_work, and the function does not run any more, even if it queues its own work again. @may_sleep */
export function cancel_work_sync(work: work_struct): boolean {
  return __cancel_work_sync(work, null);
}

/** Returns when all works that are queued now have run. @may_sleep */
export function flush_workqueue(wq: workqueue_struct): void {
  const barrier = new wq_barrier();
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    const pool = wq.pools![cpu];
    WARN_ON(pool.task === get_current());
    init_barrier(barrier);
    raw_spin_lock_irq(pool.lock);
    insert_work(pool, barrier.work, pool.worklist.prev);
    raw_spin_unlock_irq(pool.lock);
    wait_for_completion(barrier.done);
  }
}

// ---- workqueues ----

/** Ends the workers and gives back the pools; nothing is queued any more. */
function free_pools(pools: StructArray<worker_pool>): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    const task = pools[cpu].task;
    if (task !== null) kthread_stop(task);
  }
  kfree(addr(pools));
}

/** A worker for each possible CPU; 0 or -ENOMEM. */
function make_pools(wq: workqueue_struct): i32 {
  const memory = kzalloc(nr_cpu_ids * sizeof<worker_pool>(), GFP_KERNEL);
  if (memory === 0) return -ENOMEM;
  const pools = cast<StructArray<worker_pool>>(memory);
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    const pool = pools[cpu];
    raw_spin_lock_init(pool.lock, "worker_pool.lock");
    INIT_LIST_HEAD(pool.worklist);
    pool.cpu = cpu;
    pool.task = kthread_create_near(worker_thread, addr(pool), cpu, "kworker/%u");
    if (pool.task === null) {
      free_pools(pools);
      return -ENOMEM;
    }
    wake_up_process(pool.task!);
  }
  wq.pools = pools;
  return 0;
}

/** Null when memory is short. @may_sleep */
export function create_workqueue(): workqueue_struct | null {
  const memory = kzalloc(sizeof<workqueue_struct>(), GFP_KERNEL);
  if (memory === 0) return null;
  const wq = cast<workqueue_struct>(memory);
  if (make_pools(wq) === 0) return wq;
  kfree(memory);
  return null;
}

/** What is queued runs first. @may_sleep */
export function destroy_workqueue(wq: workqueue_struct): void {
  flush_workqueue(wq);
  free_pools(wq.pools!);
  kfree(addr(wq));
}

/** Gives system_wq its workers; the first user calls it, others find them there. 0 or -ENOMEM. @may_sleep */
export function workqueue_init(): i32 {
  mutex_lock(init_mutex);
  const error = system_wq.pools === null ? make_pools(system_wq) : 0;
  mutex_unlock(init_mutex);
  return error;
}
