// spinlock_t and rwlock_t of preempt = rt: priority inheritance along a chain, the task's own state, interrupts, migration. On the other
// models a spinlock_t only keeps preemption off, which is checked instead.
//
// Priorities are set with sched_setscheduler_nocheck; all threads of a scene run on one CPU, so that who runs is who is urgent.

import { irqs_disabled } from "../arch/irqflags.ts";
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock } from "../locking/rwlock.ts";
import { RT, spin_is_locked, spin_lock, spin_lock_irqsave, spin_trylock, spin_unlock, spin_unlock_irqrestore, spinlock_t } from "../locking/spinlock.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { __set_current_state, set_current_state, wake_up_process } from "../sched/core.ts";
import { kthread_create_on_cpu, type kthread_function } from "../sched/kthread.ts";
import { in_atomic, preemptible } from "../sched/preempt.ts";
import { sched_param, sched_setscheduler_nocheck } from "../sched/prio.ts";
import {
  DEFAULT_PRIO, get_current, MAX_RT_PRIO, SCHED_FIFO, smp_processor_id, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_RTLOCK_WAIT, type task_struct,
} from "../sched/task.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const first = new spinlock_t();
const second = new spinlock_t();
const rw = new rwlock_t();
const ended = new completion();

/** FIFO priority 1 to 99 as the kernel counts it. */
function fifo(priority: u32): u32 {
  return MAX_RT_PRIO - 1 - priority;
}

/** A thread that does not run yet: who holds a spinlock_t cannot make one. */
function make(fn: kthread_function, priority: u32, name: string): task_struct {
  const task = kthread_create_on_cpu(fn, 0, smp_processor_id(), name)!;
  const param = new sched_param();
  param.sched_priority = priority;
  sched_setscheduler_nocheck(task, SCHED_FIFO, param);
  return task;
}

/** Lets the thread run until it sleeps for the lock: it is more urgent than the caller, on whose CPU it is. */
function runs_until_blocked(task: task_struct, what: string): void {
  wake_up_process(task);
  for (let n: u32 = 0; n < 100_000 && READ_ONCE(task.state) !== TASK_RTLOCK_WAIT; n++) pause();
  expect_equal(task.state, TASK_RTLOCK_WAIT, what);
}

let order: u32 = 0;

function take_both(_arg: u32): void {
  spin_lock(second);
  spin_lock(first);
  order = order * 10 + 2;
  spin_unlock(first);
  spin_unlock(second);
  complete(ended);
}

function take_second(_arg: u32): void {
  spin_lock(second);
  order = order * 10 + 3;
  spin_unlock(second);
  complete(ended);
}

function take_first(_arg: u32): void {
  spin_lock(first);
  order = order * 10 + 1;
  spin_unlock(first);
  complete(ended);
}

/** This task holds `first`; somebody who holds `second` waits for it, somebody more urgent for that one. */
function chain(): void {
  const me = get_current();
  order = 0;
  init_completion(ended);
  const middle = make(take_both, 10, "middle");
  const high = make(take_second, 50, "high");
  // Less urgent than the middle one, whose loan puts it first all the same.
  const last = make(take_first, 30, "last");
  spin_lock(first);
  runs_until_blocked(middle, "the middle one sleeps for the lock");
  expect_equal(me.prio, fifo(10), "who waits lends its priority");
  runs_until_blocked(high, "the high one sleeps for the lock");
  expect_equal(middle.prio, fifo(50), "so does the next one");
  expect_equal(me.prio, fifo(50), "and the first in the chain gets it too");
  // It does not run yet: this task is more urgent for now.
  wake_up_process(last);
  expect_equal(me.normal_prio, DEFAULT_PRIO, "its own priority stays");
  spin_unlock(first);
  expect_equal(me.prio, DEFAULT_PRIO, "what was lent is taken back");
  for (let n: u32 = 0; n < 3; n++) wait_for_completion(ended);
  expect_equal(order, 231, "the order in which they got the locks");
  expect_true(!spin_is_locked(first) && !spin_is_locked(second), "the locks are free");
}

let slept: u32 = 0;

function keep_state(_arg: u32): void {
  set_current_state(TASK_INTERRUPTIBLE);
  spin_lock(first);
  slept = get_current().state;
  spin_unlock(first);
  __set_current_state(TASK_RUNNING);
  complete(ended);
}

function own_state(wake: boolean): void {
  slept = 99;
  init_completion(ended);
  const task = make(keep_state, 10, "state");
  spin_lock(first);
  runs_until_blocked(task, "the thread sleeps for the lock");
  if (wake) expect_true(wake_up_process(task), "a wake-up for what it does otherwise");
  expect_equal(task.state, TASK_RTLOCK_WAIT, "does not end the wait for the lock");
  spin_unlock(first);
  wait_for_completion(ended);
  expect_equal(slept, wake ? TASK_RUNNING : TASK_INTERRUPTIBLE, "its own state after the wait");
}

function read_rw(_arg: u32): void {
  read_lock(rw);
  read_unlock(rw);
  complete(ended);
}

function write_rw(_arg: u32): void {
  write_lock(rw);
  write_unlock(rw);
  complete(ended);
}

function rwlocks(): void {
  const me = get_current();
  init_completion(ended);
  const reader = make(read_rw, 20, "reader");
  const writer = make(write_rw, 20, "writer");
  write_lock(rw);
  runs_until_blocked(reader, "the reader one sleeps for the lock");
  expect_equal(me.prio, fifo(20), "a reader lends its priority to the writer");
  write_unlock(rw);
  wait_for_completion(ended);
  expect_equal(me.prio, DEFAULT_PRIO, "until the writer is through");
  read_lock(rw);
  runs_until_blocked(writer, "the writer one sleeps for the lock");
  expect_equal(me.prio, DEFAULT_PRIO, "a writer lends nothing to readers");
  read_unlock(rw);
  wait_for_completion(ended);
  expect_equal(rw.word, 0, "the word afterwards");
}

function held(): void {
  const flags = spin_lock_irqsave(first);
  expect_true(irqs_disabled() !== RT, "_irqsave and interrupts");
  expect_true(in_atomic() !== RT && preemptible() === RT, "a spinlock_t and preemption");
  expect_equal(get_current().migration_disabled, RT ? 1 : 0, "it stays on its CPU");
  expect_true(!spin_trylock(first), "it is taken");
  spin_unlock_irqrestore(first, flags);
  expect_equal(get_current().migration_disabled, 0, "it may go");
}

function rt_lock_cases(): void {
  held();
  if (!RT) return;
  chain();
  own_state(false);
  own_state(true);
  rwlocks();
}

export function test_rt_lock(_arg: u32): void {
  test_run("rt_lock", rt_lock_cases);
}
