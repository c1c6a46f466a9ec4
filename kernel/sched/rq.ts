// Run queues, one a CPU: round robin with a time slice, in two priorities.
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
import { PRIO_HIGH, task_struct } from "./task.ts";

/** Length of a turn, in ticks. */
export const RR_TIMESLICE = 3;

export class rq {
  readonly lock = new raw_spinlock_t();
  cpu: u32;
  /** Takes new tasks. */
  online: u32;
  /** Runnable tasks, the running one included, the idle one not. */
  nr_running: u32;
  curr: task_struct;
  idle: task_struct;
  /** During a switch: the task that stops. */
  prev: task_struct;
  readonly queue = new list_head();
  readonly queue_high = new list_head();
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
  INIT_LIST_HEAD(queue.queue_high);
}

/** The task becomes runnable, after all others of its priority (or before them). */
export function enqueue_task(queue: rq, task: task_struct, first: boolean): void {
  const list = task.prio === PRIO_HIGH ? queue.queue_high : queue.queue;
  if (first) list_add(task.run_list, list);
  else list_add_tail(task.run_list, list);
}

/** Takes the task that runs next out of the queue; the idle task when there is none. */
export function pick_next_task(queue: rq): task_struct {
  let list = queue.queue_high;
  if (list_empty(list)) list = queue.queue;
  if (list_empty(list)) return queue.idle;
  const task = containerOf(task_struct, "run_list", list.next);
  list_del_init(task.run_list);
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
