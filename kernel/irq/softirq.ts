// Softirqs: work that an interrupt leaves for the moment it returns, with interrupts on and preemption off.
//
// Pending bits belong to a CPU and change with interrupts off. What keeps coming for MAX_RESTART rounds, or is raised by a
// task, is left to ksoftirqd/N.
// On rt only tasks serve softirqs: ksoftirqd/N, or one that ends a section with softirqs off. They may be preempted, and take
// locks that sleep (softirq_rt.ts). The marks for the lock-order checker are left out there, as in Linux: nothing is interrupted.

import { CONFIG, PREEMPT } from "config";
import { MARK } from "../abi/marks.ts";
import { cpu_online } from "../arch/cpumask.ts";
import {
  local_irq_disable,
  local_irq_enable,
  local_irq_restore,
  local_irq_save,
} from "../arch/irqflags.ts";
import { ENOMEM } from "../lib/errno.ts";
import {
  __set_current_state,
  cond_resched,
  schedule,
  set_current_state,
  wake_up_process,
} from "../sched/core.ts";
import {
  kthread_create_percpu,
  kthread_park,
  kthread_parkme,
  kthread_should_park,
  kthread_unpark,
} from "../sched/kthread.ts";
import {
  context_word,
  in_interrupt,
  preemptible,
  preempt_count_add,
  preempt_count_sub,
  preempt_disable,
  preempt_enable,
  preempt_enable_no_resched,
  softirq_count,
  SOFTIRQ_OFFSET,
} from "../sched/preempt.ts";
import { sched_set_fifo_low } from "../sched/prio.ts";
import { bh_disable_rt, bh_enable_rt, should_wake_ksoftirqd } from "./softirq_rt.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from "../sched/task.ts";

const RT: boolean = CONFIG.preempt === PREEMPT.rt;

export const TIMER_SOFTIRQ = 0;
export const RCU_SOFTIRQ = 1;
const NR_SOFTIRQS = 2;
/** Rounds before ksoftirqd takes over. */
const MAX_RESTART = 10;

export type softirq_action = () => void;

class softirq_entry {
  action: softirq_action | null;
}
const softirq_vec = new StructArray(softirq_entry, NR_SOFTIRQS);

class softirq_cpu {
  /** One bit a softirq. */
  pending: u32;
  ksoftirqd: task_struct | null;
}
const softirq_state = new PerCpu(softirq_cpu);

/** @calls_atomic action */
export function open_softirq(nr: u32, action: softirq_action): void {
  softirq_vec[nr].action = action;
}

/** Interrupts are off. */
function wakeup_softirqd(): void {
  const task = softirq_state.current().ksoftirqd;
  if (task !== null) wake_up_process(task);
}

/** Interrupts are off before and after. On rt the caller has counted itself as serving. */
function do_softirq(): void {
  const state = softirq_state.current();
  if (!RT) preempt_count_add(SOFTIRQ_OFFSET);
  if (!RT) traceMark(MARK.SOFTIRQ_ENTER, context_word());
  let restarts: u32 = 0;
  while (state.pending !== 0 && restarts < MAX_RESTART) {
    const pending = state.pending;
    state.pending = 0;
    local_irq_enable();
    for (let nr: u32 = 0; nr < NR_SOFTIRQS; nr++) {
      if (((pending >> nr) & 1) === 0) continue;
      const action = softirq_vec[nr].action;
      if (action !== null) action();
    }
    local_irq_disable();
    restarts += 1;
  }
  if (!RT) traceMark(MARK.SOFTIRQ_EXIT, context_word());
  if (!RT) preempt_count_sub(SOFTIRQ_OFFSET);
  if (state.pending !== 0) wakeup_softirqd();
}

/** The end of an interrupt, interrupts off. */
export function irq_exit_softirq(): void {
  "inline";
  if (RT) {
    if (softirq_state.current().pending !== 0 && !in_interrupt() && should_wake_ksoftirqd()) wakeup_softirqd();
  } else if (softirq_state.current().pending !== 0 && !in_interrupt()) {
    do_softirq();
  }
}

/** Interrupts are off. */
export function raise_softirq_irqoff(nr: u32): void {
  softirq_state.current().pending |= 1 << nr;
  if (!in_interrupt() && (!RT || should_wake_ksoftirqd())) wakeup_softirqd();
}

export function raise_softirq(nr: u32): void {
  const flags = local_irq_save();
  raise_softirq_irqoff(nr);
  local_irq_restore(flags);
}

export function local_softirq_pending(): u32 {
  return softirq_state.current().pending;
}

export function local_bh_disable(): void {
  if (RT) {
    bh_disable_rt(2 * SOFTIRQ_OFFSET);
    return;
  }
  preempt_count_add(2 * SOFTIRQ_OFFSET);
  traceMark(MARK.BH_DISABLE);
}

/** As local_bh_enable on rt: what was raised is served by the caller, if it may be preempted, as the last part of the section. */
function local_bh_enable_rt(): void {
  const may_serve = preemptible();
  let level: u32 = 2 * SOFTIRQ_OFFSET;
  const flags = local_irq_save();
  if (softirq_state.current().pending !== 0 && softirq_count() === level) {
    if (may_serve) {
      level = SOFTIRQ_OFFSET;
      bh_enable_rt(level, false);
      do_softirq();
    } else {
      wakeup_softirqd();
    }
  }
  local_irq_restore(flags);
  bh_enable_rt(level, may_serve);
}

/** Serves what was raised meanwhile. */
export function local_bh_enable(): void {
  if (RT) {
    local_bh_enable_rt();
    return;
  }
  // Preemption stays off until the softirqs have been served.
  preempt_disable();
  traceMark(MARK.BH_ENABLE);
  preempt_count_sub(2 * SOFTIRQ_OFFSET);
  if (softirq_state.current().pending !== 0 && !in_interrupt()) {
    const flags = local_irq_save();
    if (flags !== 0) do_softirq();
    local_irq_restore(flags);
  }
  preempt_enable();
}

/** ksoftirqd's turn on rt. */
function serve_rt(): void {
  bh_disable_rt(SOFTIRQ_OFFSET);
  local_irq_disable();
  if (softirq_state.current().pending !== 0) do_softirq();
  local_irq_enable();
  bh_enable_rt(SOFTIRQ_OFFSET, true);
}

function ksoftirqd(_cpu: u32): void {
  for (;;) {
    if (kthread_should_park()) kthread_parkme();
    set_current_state(TASK_INTERRUPTIBLE);
    preempt_disable();
    if (softirq_state.current().pending === 0 && !kthread_should_park()) {
      preempt_enable_no_resched();
      schedule();
      preempt_disable();
    }
    __set_current_state(TASK_RUNNING);
    if (RT) {
      preempt_enable();
      serve_rt();
      cond_resched();
      continue;
    }
    local_irq_disable();
    if (softirq_state.current().pending !== 0) do_softirq();
    local_irq_enable();
    preempt_enable();
    cond_resched();
  }
}

/** The thread of a CPU, not started; 0 or -ENOMEM. @may_sleep */
export function ksoftirqd_prepare(cpu: u32): i32 {
  const state = softirq_state.of(cpu);
  if (state.ksoftirqd !== null) return 0;
  const task = kthread_create_percpu(ksoftirqd, cpu, cpu, "ksoftirqd/%u");
  if (task === null) return -ENOMEM;
  sched_set_fifo_low(task);
  state.ksoftirqd = task;
  return 0;
}

/** Starts the thread, or lets it go on; from the control CPU once `cpu` is online. */
export function ksoftirqd_online(cpu: u32): void {
  const task = softirq_state.of(cpu).ksoftirqd!;
  kthread_unpark(task);
  wake_up_process(task);
}

/** From the control CPU, before `cpu` goes down. */
export function ksoftirqd_offline(cpu: u32): void {
  const task = softirq_state.of(cpu).ksoftirqd;
  if (task !== null && cpu_online(cpu)) kthread_park(task);
}

/** What the dead CPU had left to do, raised here; interrupts are off. */
export function softirq_dead_cpu(cpu: u32): void {
  const dead = softirq_state.of(cpu);
  const pending = dead.pending;
  dead.pending = 0;
  for (let nr: u32 = 0; nr < NR_SOFTIRQS; nr++)
    if (((pending >> nr) & 1) !== 0) raise_softirq_irqoff(nr);
}
