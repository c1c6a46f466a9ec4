// Sleeping where nobody may, and sections that are not closed, one task a case.
//
//   sleeps_locked, sleeps_deaf, sleeps_reading, schedules     under a spinlock, with interrupts off, in a read section, with preemption off
//   forgets_reader, forgets_irqs                              a task ends inside a read section, with interrupts off
//   leaky_work                                                a work leaves preemption off
//   target, leaky_call                                        a function called on another CPU does
//   leaky_idle                                                one called on an idle CPU leaves its idle task in a read section
//   leaky_timer                                               a timer's function, in a softirq, does

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { smp_call_function_single } from "kernel/irq/smp.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { jiffies } from "kernel/sched/clock.ts";
import { schedule } from "kernel/sched/core.ts";
import { preempt_count, preempt_disable, preempt_enable, preempt_enable_no_resched } from "kernel/sched/preempt.ts";
import { add_timer, del_timer_sync, msleep, timer_list, timer_setup } from "kernel/sched/timer.ts";
import { flush_work, INIT_WORK, schedule_work, work_struct, workqueue_init } from "kernel/sched/workqueue.ts";
import { right } from "./right.ts";

const ledger_lock = new spinlock_t();
const ledger_mutex = new mutex();

export function prepare(_arg: u32): void {
  spin_lock_init(ledger_lock, "ledger.lock");
  mutex_init(ledger_mutex, "ledger_mutex");
}

/** May sleep, though it never has to here. */
function post(): void {
  "noinline";
  mutex_lock(ledger_mutex);
  mutex_unlock(ledger_mutex);
}

export function sleeps_locked(_arg: u32): void {
  spin_lock(ledger_lock);
  if (!right()) post();
  spin_unlock(ledger_lock);
  post();
}

export function sleeps_deaf(_arg: u32): void {
  local_irq_disable();
  if (!right()) post();
  local_irq_enable();
  post();
}

export function sleeps_reading(_arg: u32): void {
  rcu_read_lock();
  if (!right()) msleep(1);
  rcu_read_unlock();
  msleep(1);
}

/** The scheduler sets the count right when it has complained, so what was switched off is on again. */
export function schedules(_arg: u32): void {
  preempt_disable();
  if (right()) preempt_enable();
  schedule();
}

// ---- sections that are not closed ----

export function forgets_reader(_arg: u32): void {
  rcu_read_lock();
  if (right()) rcu_read_unlock();
}

export function forgets_irqs(_arg: u32): void {
  local_irq_disable();
  if (right()) local_irq_enable();
}

function keeps_preemption_off(): void {
  "noinline";
  preempt_disable();
  if (right()) preempt_enable();
}

function work_function(_work: work_struct): void {
  keeps_preemption_off();
}

const work = new work_struct();

export function leaky_work(_arg: u32): void {
  workqueue_init();
  INIT_WORK(work, work_function);
  schedule_work(work);
  flush_work(work);
}

let interrupted: u32 = 0;

function called(_arg: u32): void {
  keeps_preemption_off();
  WRITE_ONCE(interrupted, 2);
}

/** On CPU 1: puts right what the call leaves. */
export function target(_arg: u32): void {
  WRITE_ONCE(interrupted, 1);
  while (READ_ONCE(interrupted) !== 2) pause();
  while (preempt_count() !== 0) preempt_enable_no_resched();
}

export function leaky_call(_arg: u32): void {
  while (READ_ONCE(interrupted) !== 1) pause();
  smp_call_function_single(1, called, 0, true);
}

function enters_section(_arg: u32): void {
  rcu_read_lock();
  if (right()) rcu_read_unlock();
}

function leaves_section(_arg: u32): void {
  rcu_read_unlock();
}

/** CPU 1 idles; what is called there runs on its idle task. */
export function leaky_idle(_arg: u32): void {
  smp_call_function_single(1, enters_section, 0, true);
  msleep(25);
  if (!right()) smp_call_function_single(1, leaves_section, 0, true);
}

let fired: u32 = 0;

function timer_function(_timer: timer_list): void {
  keeps_preemption_off();
  WRITE_ONCE(fired, 1);
}

export function leaky_timer(_arg: u32): void {
  const timer = new timer_list();
  timer_setup(timer, timer_function);
  timer.expires = jiffies() + 2;
  add_timer(timer);
  while (READ_ONCE(fired) === 0) pause();
  del_timer_sync(timer);
  while (preempt_count() !== 0) preempt_enable_no_resched();
}
