// Priorities of tasks: what they ask for (policy, normal_prio), and what counts now (prio).
//
// All of it belongs to the lock of the task's run queue. prio is normal_prio unless somebody of a higher priority waits for
// the task: then whoever knows of the waiters lends theirs with set_effective_prio and takes it back.
// Limits: no nice levels, no deadlines, no throttling: a real-time task that does not sleep keeps all others off its CPU.

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { EINVAL } from "../lib/errno.ts";
import { list_empty } from "../lib/list.ts";
import { raw_spin_unlock } from "../locking/spinlock.ts";
import { resched_curr } from "./core.ts";
import { dequeue_task, enqueue_task, type rq, task_rq_lock } from "./rq.ts";
import { DEFAULT_PRIO, MAX_RT_PRIO, SCHED_FIFO, SCHED_NORMAL, SCHED_RR, task_struct } from "./task.ts";

export class sched_param {
  /** 1 (least important) to 99 for SCHED_FIFO and SCHED_RR, 0 for SCHED_NORMAL. */
  sched_priority: u32;
}

export function rt_prio(prio: u32): boolean {
  "inline";
  return prio < MAX_RT_PRIO;
}

/** The task runs by `prio` from now on. Its run queue is locked, with interrupts off. */
function change_prio(queue: rq, task: task_struct, prio: u32): void {
  const old: u32 = task.prio;
  if (prio === old) return;
  if (!list_empty(task.run_list)) {
    dequeue_task(queue, task);
    task.prio = u8(prio);
    // One that loses a loan goes on before its equals.
    enqueue_task(queue, task, prio > old);
    if (prio < queue.curr_prio) resched_curr(queue);
    return;
  }
  task.prio = u8(prio);
  if (queue.curr !== task) return;
  queue.curr_prio = prio;
  if (!list_empty(queue.queue) && containerOf(task_struct, "run_list", queue.queue.next).prio < prio) resched_curr(queue);
}

/** Lends the task a priority, or takes it back: `prio` counts, normal_prio stays. Any context. */
export function set_effective_prio(task: task_struct, prio: u32): void {
  const flags = local_irq_save();
  const queue = task_rq_lock(task);
  change_prio(queue, task, prio);
  raw_spin_unlock(queue.lock);
  local_irq_restore(flags);
}

/** 0, or -EINVAL for a policy or a priority that does not exist. A loan that is worth more stays in force. */
export function sched_setscheduler_nocheck(task: task_struct, policy: u32, param: sched_param): i32 {
  const wanted = param.sched_priority;
  if (policy > SCHED_RR || wanted >= MAX_RT_PRIO || (policy === SCHED_NORMAL) !== (wanted === 0)) return -EINVAL;
  const prio: u32 = policy === SCHED_NORMAL ? DEFAULT_PRIO : MAX_RT_PRIO - 1 - wanted;
  const flags = local_irq_save();
  const queue = task_rq_lock(task);
  const lent = task.prio < task.normal_prio;
  task.policy = u8(policy);
  task.normal_prio = u8(prio);
  if (!lent || prio < task.prio) change_prio(queue, task, prio);
  raw_spin_unlock(queue.lock);
  local_irq_restore(flags);
  return 0;
}

function set_fifo(task: task_struct, priority: u32): void {
  const param = new sched_param();
  param.sched_priority = priority;
  sched_setscheduler_nocheck(task, SCHED_FIFO, param);
}

/** Before all ordinary tasks, in the middle of the real-time ones. */
export function sched_set_fifo(task: task_struct): void {
  set_fifo(task, MAX_RT_PRIO / 2);
}

/** Before all ordinary tasks, after the other real-time ones. */
export function sched_set_fifo_low(task: task_struct): void {
  set_fifo(task, 1);
}

/** Before everybody: for threads that stop CPUs. */
export function sched_set_fifo_high(task: task_struct): void {
  set_fifo(task, MAX_RT_PRIO - 1);
}
