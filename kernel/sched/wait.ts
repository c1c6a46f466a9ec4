// Wait queues. Closures do not exist here, so a waiter writes the loop of wait_event itself:
//   const wait = new wait_queue_entry();
//   for (;;) { prepare_to_wait(queue, wait, TASK_UNINTERRUPTIBLE); if (condition) break; schedule(); }
//   finish_wait(queue, wait);
// queue.lock (interrupts off) protects the list; it is taken outside rq.lock.

import { MARK, WAIT_QUEUE } from "../abi/marks.ts";
import {
  list_add_tail,
  list_del_init,
  list_empty,
  list_for_each_entry_safe,
  list_head,
} from "../lib/list.ts";
import {
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock_irqrestore,
  spinlock_t,
} from "../locking/spinlock.ts";
import { __set_current_state, set_current_state, wake_up_process } from "./core.ts";
import { get_current, TASK_RUNNING, type task_struct } from "./task.ts";

export class wait_queue_head {
  readonly lock = new spinlock_t();
  readonly head = new list_head();
}

/** Lives on the waiter's stack. */
export class wait_queue_entry {
  readonly entry = new list_head();
  task: task_struct | null = null;
}

export function init_waitqueue_head(queue: wait_queue_head): void {
  spin_lock_init(queue.lock, "wait_queue_head.lock");
  queue.head.next = queue.head;
  queue.head.prev = queue.head;
}

export function prepare_to_wait(queue: wait_queue_head, wait: wait_queue_entry, state: u32): void {
  wait.task = get_current();
  const flags = spin_lock_irqsave(queue.lock);
  if (list_empty(wait.entry)) list_add_tail(wait.entry, queue.head);
  set_current_state(state);
  traceMark(MARK.WAIT, queue, WAIT_QUEUE.wait);
  spin_unlock_irqrestore(queue.lock, flags);
}

export function finish_wait(queue: wait_queue_head, wait: wait_queue_entry): void {
  __set_current_state(TASK_RUNNING);
  const flags = spin_lock_irqsave(queue.lock);
  if (!list_empty(wait.entry)) list_del_init(wait.entry);
  spin_unlock_irqrestore(queue.lock, flags);
}

/** Wakes up to `count` waiters, the longest waiting first; queue.lock is held. A woken one leaves the queue. */
export function __wake_up_locked(queue: wait_queue_head, count: u32): void {
  let left = count;
  for (const wait of list_for_each_entry_safe(queue.head, wait_queue_entry, "entry")) {
    if (left === 0) break;
    left -= 1;
    const task = wait.task!;
    list_del_init(wait.entry);
    wake_up_process(task);
  }
  traceMark(MARK.WAKE_UP, queue, count - left);
}

export function wake_up(queue: wait_queue_head): void {
  const flags = spin_lock_irqsave(queue.lock);
  __wake_up_locked(queue, 1);
  spin_unlock_irqrestore(queue.lock, flags);
}

export function wake_up_all(queue: wait_queue_head): void {
  const flags = spin_lock_irqsave(queue.lock);
  __wake_up_locked(queue, 0xffff_ffff);
  spin_unlock_irqrestore(queue.lock, flags);
}

export function waitqueue_active(queue: wait_queue_head): boolean {
  return !list_empty(queue.head);
}
