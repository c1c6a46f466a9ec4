// Simple wait queues: as wait.ts, with a raw lock, so that waking works in any context and on any preemption model.
//
//   const wait = new swait_queue();
//   for (;;) { prepare_to_swait(queue, wait, TASK_UNINTERRUPTIBLE); if (condition) break; schedule(); }
//   finish_swait(queue, wait);
// queue.lock (raw, interrupts off) protects the list; it is taken outside rq.lock. Waking many holds it for as long.

import { MARK, WAIT_QUEUE } from "../abi/marks.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry_safe, list_head } from "../lib/list.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { __set_current_state, set_current_state, wake_up_process } from "./core.ts";
import { get_current, TASK_RUNNING, type task_struct } from "./task.ts";

export class swait_queue_head {
  readonly lock = new raw_spinlock_t();
  readonly head = new list_head();
}

/** Lives on the waiter's stack. */
export class swait_queue {
  readonly entry = new list_head();
  task: task_struct | null = null;
}

export function init_swait_queue_head(queue: swait_queue_head): void {
  raw_spin_lock_init(queue.lock, "swait_queue_head.lock");
  queue.head.next = queue.head;
  queue.head.prev = queue.head;
}

export function prepare_to_swait(queue: swait_queue_head, wait: swait_queue, state: u32): void {
  wait.task = get_current();
  const flags = raw_spin_lock_irqsave(queue.lock);
  if (list_empty(wait.entry)) list_add_tail(wait.entry, queue.head);
  set_current_state(state);
  traceMark(MARK.WAIT, queue, WAIT_QUEUE.swait);
  raw_spin_unlock_irqrestore(queue.lock, flags);
}

export function finish_swait(queue: swait_queue_head, wait: swait_queue): void {
  __set_current_state(TASK_RUNNING);
  const flags = raw_spin_lock_irqsave(queue.lock);
  if (!list_empty(wait.entry)) list_del_init(wait.entry);
  raw_spin_unlock_irqrestore(queue.lock, flags);
}

/** Wakes up to `count` waiters, the longest waiting first; queue.lock is held. A woken one leaves the queue. */
export function swake_up_locked(queue: swait_queue_head, count: u32): void {
  let left = count;
  for (const wait of list_for_each_entry_safe(queue.head, swait_queue, "entry")) {
    if (left === 0) break;
    left -= 1;
    const task = wait.task!;
    list_del_init(wait.entry);
    wake_up_process(task);
  }
  traceMark(MARK.WAKE_UP, queue, count - left);
}

export function swake_up_one(queue: swait_queue_head): void {
  const flags = raw_spin_lock_irqsave(queue.lock);
  swake_up_locked(queue, 1);
  raw_spin_unlock_irqrestore(queue.lock, flags);
}
