// Run queues, one a CPU: by priority, then first come first served with a time slice (SCHED_FIFO: without).
//
// rq.lock (raw, interrupts off) protects the queue and the [rq] fields of the tasks whose `cpu` is this one. Only one run
// queue is locked at a time. It is held across a context switch: the next task releases it.
// The running task is not in the queue.

import {
  INIT_LIST_HEAD,
  list_add,
  list_add_tail,
  list_del_init,
  list_empty,
  list_head,
} from "../lib/list.ts";
import {
  raw_spin_lock,
  raw_spin_lock_init,
  raw_spin_unlock,
  raw_spinlock_t,
} from "../locking/spinlock.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { MAX_RT_PRIO, task_struct } from "./task.ts";

/** Length of a turn, in ticks. */
export const RR_TIMESLICE = 3;

export class rq {
  readonly lock = new raw_spinlock_t();
  cpu: u32;
  /** Takes new tasks. */
  online: u32;
  /** Runnable tasks, the running one included, the idle one not. */
  nr_running: u32;
  /** Of those in the queue, the ones that may run elsewhere. */
  nr_movable: u32;
  /** Tasks that keep this CPU from going offline: see migrate_disable. */
  nr_pinned: u32;
  curr: task_struct;
  /** curr.prio: for others, who must not touch a task that may be gone. */
  curr_prio: u32;
  idle: task_struct;
  /** During a switch: the task that stops. */
  prev: task_struct;
  /** During a switch: an address space that nobody here is in any more (mm.ts). */
  prev_mm: mm_struct | null;
  readonly prev_mm_ref = new mm_ref();
  /** By priority; equals in the order in which they run. */
  readonly queue = new list_head();
  nr_switches: u32;
}
const runqueues = new PerCpu(rq);

export function cpu_rq(cpu: u32): rq {
  "inline";
  return runqueues.of(cpu);
}

export function this_rq(): rq {
  "inline";
  return runqueues.current();
}

export function rq_init(cpu: u32): void {
  const queue = cpu_rq(cpu);
  raw_spin_lock_init(queue.lock, "rq.lock");
  queue.cpu = cpu;
  INIT_LIST_HEAD(queue.queue);
}

/** A queued task that another CPU may take. */
function movable(task: task_struct): boolean {
  "inline";
  return task.nr_cpus_allowed > 1 && task.migration_disabled === 0;
}

/** Where the search for the place of `task` stops: at the first that runs after it (or before it, seen from the end). */
function goes_before(at: list_head, task: task_struct, first: boolean): boolean {
  "inline";
  const prio = containerOf(task_struct, "run_list", at).prio;
  return prio < task.prio || (prio === task.prio && !first);
}

/** The task waits for its turn, after all others of its priority (or before them). */
export function enqueue_task(queue: rq, task: task_struct, first: boolean): void {
  const head = queue.queue;
  if (movable(task)) WRITE_ONCE(queue.nr_movable, queue.nr_movable + 1);
  // The few that go before ordinary ones stand at the front: their place is near it, that of others near the end.
  if (first || task.prio < MAX_RT_PRIO) {
    let at = head.next;
    while (at !== head && goes_before(at, task, first)) at = at.next;
    list_add_tail(task.run_list, at);
  } else {
    let at = head.prev;
    while (at !== head && !goes_before(at, task, first)) at = at.prev;
    list_add(task.run_list, at);
  }
}

export function dequeue_task(queue: rq, task: task_struct): void {
  if (movable(task)) WRITE_ONCE(queue.nr_movable, queue.nr_movable - 1);
  list_del_init(task.run_list);
}

/** Takes the task that runs next out of the queue; the idle task when there is none. */
export function pick_next_task(queue: rq): task_struct {
  if (list_empty(queue.queue)) return queue.idle;
  const task = containerOf(task_struct, "run_list", queue.queue.next);
  dequeue_task(queue, task);
  return task;
}

/** Locks the run queue of a task, with interrupts off. */
export function task_rq_lock(task: task_struct): rq {
  for (;;) {
    const queue = cpu_rq(READ_ONCE(task.cpu));
    raw_spin_lock(queue.lock);
    if (task.cpu === queue.cpu) return queue;
    raw_spin_unlock(queue.lock);
  }
}
