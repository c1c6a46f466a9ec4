// Completions: "it has happened", once for each complete(), or for ever after complete_all().
// Callable in any context: the waiters stand in a simple wait queue, whose lock is raw.
// A completion may live on the waiter's stack: complete() does not touch it after the waiter can run.

import { MARK, WAIT_QUEUE } from "../abi/marks.ts";
import { list_add_tail, list_del_init, list_empty } from "../lib/list.ts";
import { raw_spin_lock_irq, raw_spin_lock_irqsave, raw_spin_unlock_irq, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { __set_current_state } from "./core.ts";
import { might_sleep } from "./preempt.ts";
import { get_current, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "./task.ts";
import { MAX_SCHEDULE_TIMEOUT, schedule_timeout } from "./timer.ts";
import { init_swait_queue_head, swait_queue, swait_queue_head, swake_up_locked } from "./swait.ts";

const DONE_FOR_EVER = 0xffff_ffff;

export class completion {
  /** Completions that nobody has waited for yet; under wait.lock. */
  done: u32 = 0;
  readonly wait = new swait_queue_head();
}

export function init_completion(x: completion): void {
  x.done = 0;
  init_swait_queue_head(x.wait);
}

export function reinit_completion(x: completion): void {
  x.done = 0;
}

export function complete(x: completion): void {
  const flags = raw_spin_lock_irqsave(x.wait.lock);
  if (x.done !== DONE_FOR_EVER) x.done += 1;
  swake_up_locked(x.wait, 1);
  raw_spin_unlock_irqrestore(x.wait.lock, flags);
}

export function complete_all(x: completion): void {
  const flags = raw_spin_lock_irqsave(x.wait.lock);
  x.done = DONE_FOR_EVER;
  swake_up_locked(x.wait, 0xffff_ffff);
  raw_spin_unlock_irqrestore(x.wait.lock, flags);
}

/** Sleeps in `state`. The ticks that were left, at least 1; 0 when the time was over first. @may_sleep */
function wait_for_common(x: completion, timeout: u32, state: u32): u32 {
  might_sleep();
  const wait = new swait_queue();
  let left = timeout;
  wait.task = get_current();
  raw_spin_lock_irq(x.wait.lock);
  while (x.done === 0 && left !== 0) {
    if (list_empty(wait.entry)) list_add_tail(wait.entry, x.wait.head);
    __set_current_state(state);
    traceMark(MARK.WAIT, x.wait, WAIT_QUEUE.swait);
    raw_spin_unlock_irq(x.wait.lock);
    left = schedule_timeout(left);
    raw_spin_lock_irq(x.wait.lock);
  }
  __set_current_state(TASK_RUNNING);
  if (!list_empty(wait.entry)) list_del_init(wait.entry);
  const happened = x.done !== 0;
  if (happened && x.done !== DONE_FOR_EVER) x.done -= 1;
  raw_spin_unlock_irq(x.wait.lock);
  if (!happened) return 0;
  return left === 0 ? 1 : left;
}

/** The ticks that were left, at least 1; 0 when the time was over first. @may_sleep */
export function wait_for_completion_timeout(x: completion, timeout: u32): u32 {
  return wait_for_common(x, timeout, TASK_UNINTERRUPTIBLE);
}

/** As wait_for_completion, sleeping in `state`; 0, since nothing interrupts. @may_sleep */
export function wait_for_completion_state(x: completion, state: u32): i32 {
  wait_for_common(x, MAX_SCHEDULE_TIMEOUT, state);
  return 0;
}

/** @may_sleep */
export function wait_for_completion(x: completion): void {
  wait_for_completion_timeout(x, MAX_SCHEDULE_TIMEOUT);
}

export function try_wait_for_completion(x: completion): boolean {
  const flags = raw_spin_lock_irqsave(x.wait.lock);
  const happened = x.done !== 0;
  if (happened && x.done !== DONE_FOR_EVER) x.done -= 1;
  raw_spin_unlock_irqrestore(x.wait.lock, flags);
  return happened;
}

export function completion_done(x: completion): boolean {
  return READ_ONCE(x.done) !== 0;
}
