// Works that are queued when a time is over. The rules of workqueue.ts hold; PENDING covers the delay too.
//
// The timer is that of the CPU that asked, or its heir's when that goes offline. A work without a CPU is queued where its timer
// fires. Two callers may not queue or cancel one delayed work in an interrupt handler and elsewhere at once: cancelling spins while
// the timer's function runs.

import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { jiffies } from "./clock.ts";
import { __init_timer, add_timer, del_timer, TIMER_IRQSAFE, timer_list } from "./timer.ts";
import {
  __cancel_work,
  __cancel_work_sync,
  flush_work,
  INIT_WORK,
  queue_pending_work,
  set_work_pending,
  system_wq,
  WORK_CPU_UNBOUND,
  type work_func,
  work_struct,
  type workqueue_struct,
} from "./workqueue.ts";

export class delayed_work {
  readonly work = new work_struct();
  readonly timer = new timer_list();
  /** Where it goes when its time has come. */
  wq: workqueue_struct;
  cpu: u32;
}

/** @atomic */
function delayed_work_timer_fn(timer: timer_list): void {
  const dwork = containerOf(delayed_work, "timer", timer);
  queue_pending_work(dwork.cpu, dwork.wq, dwork.work);
}

export function INIT_DELAYED_WORK(dwork: delayed_work, fn: work_func): void {
  INIT_WORK(dwork.work, fn);
  // Whoever cancels spins until the function has queued the work.
  __init_timer(dwork.timer, delayed_work_timer_fn, TIMER_IRQSAFE);
}

/** Queues the work after `delay` ticks; false: it is pending already, and its delay stays. */
export function queue_delayed_work_on(
  cpu: u32,
  wq: workqueue_struct,
  dwork: delayed_work,
  delay: u32,
): boolean {
  const flags = local_irq_save();
  const mine = set_work_pending(dwork.work);
  if (mine) {
    dwork.wq = wq;
    dwork.cpu = cpu;
    if (delay === 0) {
      queue_pending_work(cpu, wq, dwork.work);
    } else {
      dwork.timer.expires = jiffies() + delay;
      add_timer(dwork.timer);
    }
  }
  local_irq_restore(flags);
  return mine;
}

export function queue_delayed_work(
  wq: workqueue_struct,
  dwork: delayed_work,
  delay: u32,
): boolean {
  return queue_delayed_work_on(WORK_CPU_UNBOUND, wq, dwork, delay);
}

export function schedule_delayed_work(dwork: delayed_work, delay: u32): boolean {
  return queue_delayed_work_on(WORK_CPU_UNBOUND, system_wq, dwork, delay);
}

/** The work is queued after `delay` ticks from now, pending or not before; true when it was. */
export function mod_delayed_work(wq: workqueue_struct, dwork: delayed_work, delay: u32): boolean {
  const was = cancel_delayed_work(dwork);
  queue_delayed_work(wq, dwork, delay);
  return was;
}

/** The work is not pending afterwards; true when it was. Its function may still run. */
export function cancel_delayed_work(dwork: delayed_work): boolean {
  return __cancel_work(dwork.work, dwork.timer);
}

/** As cancel_delayed_work, and the function does not run any more. @may_sleep */
export function cancel_delayed_work_sync(dwork: delayed_work): boolean {
  return __cancel_work_sync(dwork.work, dwork.timer);
}

/** Queues a work that waits for its time at once, and returns when its function has ended. @may_sleep */
export function flush_delayed_work(dwork: delayed_work): boolean {
  const flags = local_irq_save();
  if (del_timer(dwork.timer)) queue_pending_work(dwork.cpu, dwork.wq, dwork.work);
  local_irq_restore(flags);
  return flush_work(dwork.work);
}
