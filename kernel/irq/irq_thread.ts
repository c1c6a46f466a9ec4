// Handlers of devices on preempt = rt: the interrupt only masks its source and wakes a thread, irq/N, which calls the handler with
// softirqs off, as a handler may count on elsewhere, and lets the source speak again. So a handler may take locks that sleep.

import { plic_unmask } from "../arch/plic.ts";
import { __set_current_state, schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { kthread_create, kthread_should_stop, kthread_stop } from "../sched/kthread.ts";
import { sched_set_fifo } from "../sched/prio.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from "../sched/task.ts";
import { local_bh_disable, local_bh_enable } from "./softirq.ts";

export class irq_thread {
  task: task_struct | null;
  /** An interrupt that the thread has not looked at: its source is masked, so there is one at most. */
  woken: u32;
  /** disable_irq: the thread does not unmask. */
  disabled: u32;
  irq: u32;
  handler: (irq: u32) => void;
}

function irq_thread_main(arg: u32): void {
  const self = cast<irq_thread>(arg);
  while (!kthread_should_stop()) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (READ_ONCE(self.woken) === 0) {
      if (!kthread_should_stop()) schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    WRITE_ONCE(self.woken, 0);
    const handler = self.handler;
    local_bh_disable();
    handler(self.irq);
    local_bh_enable();
    if (READ_ONCE(self.disabled) === 0) plic_unmask(self.irq);
  }
  __set_current_state(TASK_RUNNING);
}

/** False when memory is short. @may_sleep */
export function irq_thread_start(self: irq_thread, irq: u32, handler: (irq: u32) => void): boolean {
  self.irq = irq;
  self.handler = handler;
  self.woken = 0;
  self.disabled = 0;
  self.task = kthread_create(irq_thread_main, addr(self), "irq");
  if (self.task === null) return false;
  sched_set_fifo(self.task!);
  wake_up_process(self.task!);
  return true;
}

/** In the interrupt; the source is masked. */
export function irq_thread_wake(self: irq_thread): void {
  WRITE_ONCE(self.woken, 1);
  wake_up_process(self.task!);
}

/** @may_sleep */
export function irq_thread_stop(self: irq_thread): void {
  if (self.task !== null) kthread_stop(self.task);
  self.task = null;
}
