// Tasks that get stuck in each way that a watchdog knows, and one that does not.

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { timebase_hz } from "kernel/arch/time.ts";
import { CSR_TIME } from "kernel/arch/csr.ts";
import { wake_up_process, schedule, set_current_state, cond_resched } from "kernel/sched/core.ts";
import { preempt_disable, preempt_enable } from "kernel/sched/preempt.ts";
import { get_current, TASK_UNINTERRUPTIBLE, type task_struct } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";

let sleeper: task_struct | null = null;

function relax(): void {
  "noinline";
  pause();
}

/** Without sleeping and without the tick's help. */
function spin_ms(ms: u32): void {
  "noinline";
  const begin = csrRead(CSR_TIME);
  while (csrRead(CSR_TIME) - begin < ms * (timebase_hz / 1000)) relax();
}

export function soft(_arg: u32): void {
  preempt_disable();
  spin_ms(30);
  preempt_enable();
}

export function hard(_arg: u32): void {
  local_irq_disable();
  spin_ms(30);
  local_irq_enable();
}

/** Woken by `rescuer` much later. */
export function hung(_arg: u32): void {
  sleeper = get_current();
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule();
}

export function rescuer(_arg: u32): void {
  for (let round: u32 = 0; round < 6; round++) msleep(10);
  const task = sleeper;
  if (task !== null) wake_up_process(task);
}

/** Nearly as long, but not quite. */
export function healthy(_arg: u32): void {
  for (let round: u32 = 0; round < 3; round++) {
    preempt_disable();
    spin_ms(6);
    preempt_enable();
    cond_resched();
    local_irq_disable();
    spin_ms(2);
    local_irq_enable();
    msleep(8);
  }
}
