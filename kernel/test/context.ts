// What the context predicates say in every context, as Linux's documentation has it. Each row: where it was read, and what it says.
//
// On rt a softirq is served by a task with softirqs off, a spinlock_t leaves preemption and interrupts on, and so do its forms.

import { num_online_cpus } from "../arch/cpumask.ts";
import { irqs_disabled, local_irq_disable, local_irq_enable } from "../arch/irqflags.ts";
import { stop_machine } from "../cpu/stop_machine.ts";
import { smp_call_function_single } from "../irq/smp.ts";
import { local_bh_disable, local_bh_enable } from "../irq/softirq.ts";
import {
  raw_spin_lock, raw_spin_unlock, raw_spinlock_t, RT, spin_lock, spin_lock_bh, spin_lock_irqsave, spin_unlock, spin_unlock_bh,
  spin_unlock_irqrestore, spinlock_t,
} from "../locking/spinlock.ts";
import { read_lock, read_unlock, rwlock_t } from "../locking/rwlock.ts";
import { PREEMPT_RCU, rcu_preempt_depth, rcu_read_lock, rcu_read_lock_held, rcu_read_unlock } from "../rcu/rcu.ts";
import { jiffies } from "../sched/clock.ts";
import { yield_cpu } from "../sched/core.ts";
import {
  in_atomic, in_hardirq, in_interrupt, in_nmi, in_serving_softirq, in_softirq, in_task, NMI_OFFSET, preempt_count, preempt_count_add,
  preempt_count_sub, preempt_disable, preempt_enable, preemptible, SOFTIRQ_OFFSET, HARDIRQ_OFFSET,
} from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { add_timer, del_timer_sync, msleep, timer_list, timer_setup } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const NOWHERE: u32 = 0xffff_ffff;
const TASK = 1 << 0;
const SOFTIRQ = 1 << 1;
const SERVING = 1 << 2;
const HARDIRQ = 1 << 3;
const NMI = 1 << 4;
const INTERRUPT = 1 << 5;
const ATOMIC = 1 << 6;
const IRQS_OFF = 1 << 7;
const PREEMPTIBLE = 1 << 8;
const READER = 1 << 9;

/** All that the predicates say here and now, read with interrupts as they are. */
function context(): u32 {
  "noinline";
  let says: u32 = 0;
  if (in_task()) says |= TASK;
  if (in_softirq()) says |= SOFTIRQ;
  if (in_serving_softirq()) says |= SERVING;
  if (in_hardirq()) says |= HARDIRQ;
  if (in_nmi()) says |= NMI;
  if (in_interrupt()) says |= INTERRUPT;
  if (in_atomic()) says |= ATOMIC;
  if (irqs_disabled()) says |= IRQS_OFF;
  if (preemptible()) says |= PREEMPTIBLE;
  if (PREEMPT_RCU && rcu_read_lock_held()) says |= READER;
  return says;
}

/** In task context with softirqs off. */
const BH_OFF: u32 = TASK | SOFTIRQ | INTERRUPT | (RT ? PREEMPTIBLE | READER : ATOMIC);
/** A task that holds a spinlock_t. */
const LOCKED: u32 = TASK | (RT ? PREEMPTIBLE | READER : ATOMIC);
const IN_TIMER: u32 = SOFTIRQ | SERVING | INTERRUPT | (RT ? PREEMPTIBLE | READER : ATOMIC);
const IN_HARDIRQ: u32 = HARDIRQ | INTERRUPT | ATOMIC | IRQS_OFF;

const spin = new spinlock_t();
const raw = new raw_spinlock_t();
const rw = new rwlock_t();
let seen: u32 = 0;
let seen_count: u32 = 0;

function in_ipi(_arg: u32): void {
  seen = context();
  seen_count = preempt_count();
}

function task_rows(): void {
  expect_equal(context(), TASK | PREEMPTIBLE, "a task");
  preempt_disable();
  expect_equal(context(), TASK | ATOMIC, "preemption off");
  expect_equal(preempt_count() & 0xff, 1, "its count");
  preempt_enable();
  local_irq_disable();
  expect_equal(context(), TASK | IRQS_OFF, "interrupts off");
  local_irq_enable();
  local_bh_disable();
  expect_equal(context(), BH_OFF, "softirqs off");
  expect_equal(preempt_count(), RT ? 0 : 2 * SOFTIRQ_OFFSET, "its count");
  local_bh_disable();
  expect_equal(context(), BH_OFF, "softirqs off twice");
  local_bh_enable();
  local_bh_enable();
  rcu_read_lock();
  expect_equal(context(), TASK | (PREEMPT_RCU ? PREEMPTIBLE | READER : ATOMIC), "an RCU reader");
  expect_equal(rcu_preempt_depth(), PREEMPT_RCU ? 1 : 0, "its depth");
  rcu_read_unlock();
  expect_equal(context(), TASK | PREEMPTIBLE, "a task again");
}

function lock_rows(): void {
  spin_lock(spin);
  expect_equal(context(), LOCKED, "a spinlock_t held");
  spin_unlock(spin);
  const flags = spin_lock_irqsave(spin);
  expect_equal(context(), RT ? LOCKED : LOCKED | IRQS_OFF, "a spinlock_t held, _irqsave");
  spin_unlock_irqrestore(spin, flags);
  spin_lock_bh(spin);
  expect_equal(context(), BH_OFF, "a spinlock_t held, _bh");
  spin_unlock_bh(spin);
  read_lock(rw);
  expect_equal(context(), LOCKED, "a rwlock_t held");
  read_unlock(rw);
  raw_spin_lock(raw);
  expect_equal(context(), TASK | ATOMIC, "a raw_spinlock_t held");
  raw_spin_unlock(raw);
  expect_equal(context(), TASK | PREEMPTIBLE, "a task again");
}

const timer = new timer_list();
let timer_seen: u32 = 0;
let timer_count: u32 = 0;

function in_timer(_timer: timer_list): void {
  timer_count = preempt_count();
  WRITE_ONCE(timer_seen, context());
}

function interrupt_rows(): void {
  timer_setup(timer, in_timer);
  timer.expires = jiffies() + 1;
  add_timer(timer);
  while (READ_ONCE(timer_seen) === 0) msleep(1);
  del_timer_sync(timer);
  expect_equal(timer_seen, IN_TIMER, "a softirq");
  expect_equal(timer_count & 0xff00, RT ? 0 : SOFTIRQ_OFFSET, "its count");
  // On this CPU the function is called, not interrupted for: the other CPUs have the interrupt.
  seen = 0;
  for (let cpu: u32 = 0; cpu < 2; cpu++) {
    if (cpu === smp_processor_id() || smp_call_function_single(cpu, in_ipi, 0, true) !== 0) continue;
    // What it interrupted may be ksoftirqd on rt.
    expect_equal(seen & ~(RT ? SERVING | SOFTIRQ | READER : 0), IN_HARDIRQ, "a hardirq");
    expect_equal(seen_count & 0xf_0000, HARDIRQ_OFFSET, "its count");
  }
  preempt_count_add(NMI_OFFSET);
  expect_equal(context(), NMI | INTERRUPT | ATOMIC, "an NMI");
  preempt_count_sub(NMI_OFFSET);
}

let spinning_on: u32 = NOWHERE;

/** In a softirq until the interrupt has come. */
function spin_in_timer(_timer: timer_list): void {
  WRITE_ONCE(spinning_on, smp_processor_id());
  while (READ_ONCE(seen) === 0) pause();
}

function nested_thread(index: u32): void {
  if (index === 0) {
    timer_setup(timer, spin_in_timer);
    timer.expires = jiffies() + 1;
    add_timer(timer);
    while (READ_ONCE(seen) === 0) msleep(1);
    del_timer_sync(timer);
  } else if (index === 1) {
    while (READ_ONCE(spinning_on) === NOWHERE) yield_cpu();
    smp_call_function_single(spinning_on, in_ipi, 0, true);
  }
}

/** The softirq is served on the CPU of thread 0, and thread 1 interrupts it from another. */
function nested_row(): void {
  seen = 0;
  spinning_on = NOWHERE;
  run_threads(nested_thread, 1);
  expect_equal(seen, IN_HARDIRQ | SOFTIRQ | SERVING | (RT ? READER : 0), "a hardirq in a softirq");
  expect_equal(seen_count & 0xf_ff00, HARDIRQ_OFFSET | (RT ? 0 : SOFTIRQ_OFFSET), "its count");
}

let stopped: u32 = 0;

function in_stop(_arg: u32): i32 {
  stopped = context();
  return 0;
}

function context_cases(): void {
  task_rows();
  lock_rows();
  timer_seen = 0;
  interrupt_rows();
  if (num_online_cpus() > 1) nested_row();
  stopped = 0;
  expect_true(stop_machine(in_stop, 0, null) === 0, "stop_machine");
  expect_equal(stopped, TASK | ATOMIC | IRQS_OFF, "the function of stop_machine");
}

export function test_context(_arg: u32): void {
  test_run("context", context_cases);
}
