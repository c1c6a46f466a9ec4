// A thread on each CPU that stops whatever runs there: migration/N. It runs functions one after the other, before all other tasks.
//
// A function runs with preemption off: it may not sleep. The threads are made before their CPUs start for the first time, so asking
// for a function allocates nothing. A CPU that goes offline refuses further functions (cpu_stop_dying).
// Locks: stop_cpus_mutex: one stop_cpus at a time, whose works are static. cpu_stopper.lock (raw, interrupts off), under which
// the run queue's lock nests. A work belongs to its CPU's list until its function has returned; `done` may live on the
// stack of the waiter, whom the last function wakes.

import { cpumask, cpumask_test_cpu, for_each_possible_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { atomic_dec_and_test, atomic_set, atomic_t } from "../lib/atomic.ts";
import { ENOENT, ENOMEM } from "../lib/errno.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import {
  raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t,
} from "../locking/spinlock.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { __set_current_state, schedule, set_current_state, wake_up_process } from "../sched/core.ts";
import { kthread_create_percpu } from "../sched/kthread.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { sched_set_fifo_high } from "../sched/prio.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from "../sched/task.ts";

/** 0 or a negative errno; may not sleep. */
export type cpu_stop_fn = (arg: u32) => i32;

/** Shared by the works of one caller. */
class cpu_stop_done {
  /** Functions that have not returned. */
  readonly nr_todo = new atomic_t();
  /** What the last one returned that was not 0. */
  ret: i32;
  /** At least one has run. */
  executed: boolean;
  readonly completion = new completion();
}

export class cpu_stop_work {
  readonly list = new list_head();
  fn: cpu_stop_fn;
  arg: u32;
  /** null: nobody waits. */
  done: cpu_stop_done | null;
}

class cpu_stopper {
  readonly lock = new raw_spinlock_t();
  /** cpu_stop_work.list */
  readonly works = new list_head();
  /** Takes works. */
  enabled: boolean;
  thread: task_struct | null;
}
const stoppers = new PerCpu(cpu_stopper);

const stop_cpus_mutex = new mutex();
/** One a CPU, for whoever holds stop_cpus_mutex. */
const stop_cpus_work = new StructArray(cpu_stop_work, NR_CPUS);

function init_done(done: cpu_stop_done, todo: u32): void {
  atomic_set(done.nr_todo, i32(todo));
  done.ret = 0;
  done.executed = false;
  init_completion(done.completion);
}

/** Nobody may touch `done` afterwards. */
function signal_done(done: cpu_stop_done | null): void {
  if (done === null) return;
  if (atomic_dec_and_test(done.nr_todo)) complete(done.completion);
}

/** False: the CPU takes none. */
function queue_work(cpu: u32, work: cpu_stop_work): boolean {
  const stopper = stoppers.of(cpu);
  const flags = raw_spin_lock_irqsave(stopper.lock);
  const taken = stopper.enabled;
  if (taken) {
    list_add_tail(work.list, stopper.works);
    wake_up_process(stopper.thread!);
  }
  raw_spin_unlock_irqrestore(stopper.lock, flags);
  if (!taken) signal_done(work.done);
  return taken;
}

/** Takes the next work off this CPU's list. */
function next_work(stopper: cpu_stopper): cpu_stop_work | null {
  const flags = raw_spin_lock_irqsave(stopper.lock);
  let work: cpu_stop_work | null = null;
  if (!list_empty(stopper.works)) {
    work = containerOf(cpu_stop_work, "list", stopper.works.next);
    list_del_init(work.list);
  }
  raw_spin_unlock_irqrestore(stopper.lock, flags);
  return work;
}

function cpu_stopper_thread(cpu: u32): void {
  const stopper = stoppers.of(cpu);
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    const work = next_work(stopper);
    if (work === null) {
      schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    const fn = work.fn;
    const done = work.done;
    preempt_disable();
    const error = fn(work.arg);
    if (done !== null) {
      if (error !== 0) WRITE_ONCE(done.ret, error);
      WRITE_ONCE(done.executed, true);
    }
    preempt_enable();
    signal_done(done);
  }
}

function result_of(done: cpu_stop_done): i32 {
  return done.executed ? done.ret : -ENOENT;
}

/** fn(arg) on one CPU, before whatever runs there; what it returned, -ENOENT when the CPU is offline. @may_sleep */
export function stop_one_cpu(cpu: u32, fn: cpu_stop_fn, arg: u32): i32 {
  const done = new cpu_stop_done();
  const work = new cpu_stop_work();
  init_done(done, 1);
  INIT_LIST_HEAD(work.list);
  work.fn = fn;
  work.arg = arg;
  work.done = done;
  queue_work(cpu, work);
  wait_for_completion(done.completion);
  return result_of(done);
}

/** As stop_one_cpu, waiting for nothing, from any context; `work` is the caller's until fn has begun. False: the CPU is offline. */
export function stop_one_cpu_nowait(cpu: u32, fn: cpu_stop_fn, arg: u32, work: cpu_stop_work): boolean {
  INIT_LIST_HEAD(work.list);
  work.fn = fn;
  work.arg = arg;
  work.done = null;
  return queue_work(cpu, work);
}

/**
 * fn(arg) on each CPU of the mask that is online; all of them are asked before one begins, so that the functions may wait for
 * each other. What the last that failed returned, -ENOENT when none ran. The caller holds get_online_cpus. @may_sleep
 */
export function stop_cpus(cpus: cpumask, fn: cpu_stop_fn, arg: u32): i32 {
  const done = new cpu_stop_done();
  let count: u32 = 0;
  for (const cpu of for_each_possible_cpu()) if (cpumask_test_cpu(cpu, cpus)) count += 1;
  if (count === 0) return -ENOENT;
  init_done(done, count);
  mutex_lock(stop_cpus_mutex);
  // A stopper that pushed this task aside would wait for those that have not been asked.
  preempt_disable();
  for (const cpu of for_each_possible_cpu()) {
    if (!cpumask_test_cpu(cpu, cpus)) continue;
    const work = stop_cpus_work[cpu];
    INIT_LIST_HEAD(work.list);
    work.fn = fn;
    work.arg = arg;
    work.done = done;
    queue_work(cpu, work);
  }
  preempt_enable();
  wait_for_completion(done.completion);
  mutex_unlock(stop_cpus_mutex);
  return result_of(done);
}

/** The thread of a CPU that is not online yet; 0 or -ENOMEM. @may_sleep */
export function cpu_stop_prepare(cpu: u32): i32 {
  const stopper = stoppers.of(cpu);
  if (stopper.thread !== null) return 0;
  raw_spin_lock_init(stopper.lock, "cpu_stopper.lock");
  INIT_LIST_HEAD(stopper.works);
  const thread = kthread_create_percpu(cpu_stopper_thread, cpu, cpu, "migration/%u");
  if (thread === null) return -ENOMEM;
  sched_set_fifo_high(thread);
  stopper.thread = thread;
  return 0;
}

/** The CPU is online and takes works. */
export function cpu_stop_online(cpu: u32): void {
  const stopper = stoppers.of(cpu);
  const flags = raw_spin_lock_irqsave(stopper.lock);
  stopper.enabled = true;
  raw_spin_unlock_irqrestore(stopper.lock, flags);
  wake_up_process(stopper.thread!);
}

/** On the CPU that goes, in its stopper: it takes no more works after the one that runs. */
export function cpu_stop_dying(cpu: u32): void {
  const stopper = stoppers.of(cpu);
  const flags = raw_spin_lock_irqsave(stopper.lock);
  stopper.enabled = false;
  raw_spin_unlock_irqrestore(stopper.lock, flags);
}

/** Whether stop_cpus can reach the CPU. */
export function cpu_stop_enabled(cpu: u32): boolean {
  return READ_ONCE(stoppers.of(cpu).enabled);
}
