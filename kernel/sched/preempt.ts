// preempt_count of the running task, laid out as in Linux: preemption depth in bits 0..7, softirq in 8..15, hardirq in
// 16..19, NMI in 20..23. Nesting counts itself: each level adds what it takes away. Serving softirqs adds one
// SOFTIRQ_OFFSET, switching them off two.
//
// The count is kept in every preemption model, so that the predicates and might_sleep mean the same everywhere. What the model
// (config key `preempt`) decides is where a task that runs in the kernel gives way to another:
//   none        schedule() and cond_resched()
//   voluntary   and might_sleep()
//   full, rt    and wherever preempt_count falls to 0 with interrupts on, or an interrupt ends there

import { CONFIG, PREEMPT } from "config";
import { MARK } from "../abi/marks.ts";
import { irqs_disabled } from "../arch/irqflags.ts";
import { cond_resched, preempt_schedule } from "./core.ts";
import { __might_sleep } from "./might_sleep.ts";
import { get_current } from "./task.ts";

/** Kernel code can be preempted: Linux's CONFIG_PREEMPTION. */
export const PREEMPTION: boolean = CONFIG.preempt === PREEMPT.full || CONFIG.preempt === PREEMPT.rt;

export const PREEMPT_OFFSET = 1;
export const SOFTIRQ_OFFSET = 1 << 8;
export const HARDIRQ_OFFSET = 1 << 16;
export const NMI_OFFSET = 1 << 20;
export const PREEMPT_MASK = 0xff;
export const SOFTIRQ_MASK = 0xff00;
export const HARDIRQ_MASK = 0xf_0000;
export const NMI_MASK = 0xf0_0000;

export function preempt_count(): u32 {
  "inline";
  return get_current().preempt_count;
}

/** For trace marks: the count, and in bits 24..31 how deep the task is in RCU read sections (rcu_preempt_depth). */
export function context_word(): u32 {
  "inline";
  const task = get_current();
  return task.preempt_count + (task.rcu_read_lock_nesting << 24);
}

/** Tells the observers when something is still switched off where nothing should be; `boundary`: BOUNDARY. */
export function mark_unbalanced(boundary: u32): void {
  "inline";
  if (CONFIG.marks && unlikely(context_word() !== 0 || irqs_disabled())) traceMark(MARK.UNBALANCED, context_word(), boundary);
}

export function preempt_count_add(n: u32): void {
  "inline";
  get_current().preempt_count += n;
  barrier();
}

export function preempt_count_sub(n: u32): void {
  "inline";
  barrier();
  get_current().preempt_count -= n;
}

export function preempt_disable(): void {
  "inline";
  get_current().preempt_count += 1;
  barrier();
}

export function preempt_enable_no_resched(): void {
  "inline";
  barrier();
  get_current().preempt_count -= 1;
}

/** A preemption point, when this was the outermost level. */
export function preempt_enable(): void {
  "inline";
  if (!PREEMPTION) {
    preempt_enable_no_resched();
    return;
  }
  barrier();
  const task = get_current();
  const count = task.preempt_count - 1;
  task.preempt_count = count;
  if (unlikely(count === 0 && READ_ONCE(task.need_resched) !== 0)) preempt_schedule();
}

export function need_resched(): boolean {
  "inline";
  return READ_ONCE(get_current().need_resched) !== 0;
}

/** The softirq part of the count. On rt it is the task's own: sections with softirqs off may be preempted (irq/softirq_rt.ts). */
export function softirq_count(): u32 {
  "inline";
  return CONFIG.preempt === PREEMPT.rt ? get_current().softirq_disable_cnt : preempt_count() & SOFTIRQ_MASK;
}

/** Serving a hardirq, an NMI or a softirq, or softirqs are off. */
export function in_interrupt(): boolean {
  "inline";
  return ((preempt_count() & (NMI_MASK | HARDIRQ_MASK)) | softirq_count()) !== 0;
}

export function in_nmi(): boolean {
  "inline";
  return (preempt_count() & NMI_MASK) !== 0;
}

export function in_hardirq(): boolean {
  "inline";
  return (preempt_count() & HARDIRQ_MASK) !== 0;
}

/** Serving a softirq, or softirqs are off. */
export function in_softirq(): boolean {
  "inline";
  return softirq_count() !== 0;
}

export function in_serving_softirq(): boolean {
  "inline";
  return (softirq_count() & SOFTIRQ_OFFSET) !== 0;
}

/** Serving nothing; softirqs may be off. */
export function in_task(): boolean {
  "inline";
  return ((preempt_count() & (NMI_MASK | HARDIRQ_MASK)) | (softirq_count() & SOFTIRQ_OFFSET)) === 0;
}

export function in_atomic(): boolean {
  "inline";
  return preempt_count() !== 0;
}

export function preemptible(): boolean {
  "inline";
  return preempt_count() === 0 && !irqs_disabled();
}

/**
 * The caller may sleep somewhere behind this line, or would in another run: complains (debug.atomic_sleep) when it must not, because
 * preemption, softirqs or interrupts are off or it is inside an RCU read section. A preemption point in the voluntary model.
 * @may_sleep
 */
export function might_sleep(): void {
  "inline";
  if (CONFIG.debug.atomic_sleep) {
    const task = get_current();
    if (unlikely((task.preempt_count | task.rcu_read_lock_nesting) !== 0 || irqs_disabled())) __might_sleep();
  }
  if (CONFIG.preempt === PREEMPT.voluntary && need_resched()) cond_resched();
}
