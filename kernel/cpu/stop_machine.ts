// stop_machine: a function runs while every online CPU stands still with interrupts off.
//
// A thread of high priority on each CPU goes through four steps together, each begun when all have acknowledged the one before:
// all are here (from now on no other code runs on these CPUs but interrupts), interrupts off, the function, interrupts on again.
// So at the time of the function no CPU is inside a section with preemption, softirqs or interrupts off, and no task runs.
// The threads are made for each call and end with it: -ENOMEM when there is no memory for them, and nothing has run.
//
// Locks: stop_mutex lets one caller in at a time; stop_machine takes cpus_read_lock outside it, so no CPU comes or goes.
// The function runs with interrupts off: it may not sleep, nor take a spinlock_t that sleeps (rt), nor wait for another CPU.
// Limit: a CPU that never leaves a section with preemption off holds up the caller for ever.

import { cpumask, cpumask_test_cpu, for_each_online_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { local_irq_disable, local_irq_enable } from "../arch/irqflags.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { atomic_dec_and_test, atomic_set, atomic_t } from "../lib/atomic.ts";
import { ENOMEM } from "../lib/errno.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { wake_up_process } from "../sched/core.ts";
import { kthread_create_on_cpu } from "../sched/kthread.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { PRIO_HIGH, smp_processor_id, type task_struct } from "../sched/task.ts";
import { cpus_read_lock, cpus_read_unlock } from "./lock.ts";

/** 0 or a negative errno. */
export type cpu_stop_fn = (arg: u32) => i32;

const enum STEP { none, prepare, disable_irq, run, exit }

/** One call; lives on the caller's stack until the last thread has counted itself out. */
class multi_stop {
  fn: cpu_stop_fn;
  arg: u32;
  /** Where the function runs; null: on the first CPU online. */
  cpus: cpumask | null;
  first: u32;
  /** How many threads there are, and how many have not acknowledged `step` yet. */
  threads: u32;
  readonly acks = new atomic_t();
  step: u32;
  result: i32;
  /** Threads that have not ended. */
  readonly left = new atomic_t();
  readonly done = new completion();
}
const stop_mutex = new mutex();
/** The threads of the caller in stop_mutex. */
const stoppers = new FixedArray<task_struct | null>(NR_CPUS);

function set_step(stop: multi_stop, step: u32): void {
  atomic_set(stop.acks, i32(stop.threads));
  fence("rw", "w");
  WRITE_ONCE(stop.step, step);
}

/** One CPU's part: through the steps with the others. */
function multi_cpu_stop(stop: multi_stop): void {
  preempt_disable();
  const cpu = smp_processor_id();
  const cpus = stop.cpus;
  const runs = cpus === null ? cpu === stop.first : cpumask_test_cpu(cpu, cpus);
  let step: u32 = STEP.none;
  while (step !== STEP.exit) {
    pause();
    const next = READ_ONCE(stop.step);
    if (next === step) continue;
    fence("r", "rw");
    step = next;
    if (step === STEP.disable_irq) {
      local_irq_disable();
    } else if (step === STEP.run && runs) {
      const fn = stop.fn;
      const error = fn(stop.arg);
      if (error !== 0) WRITE_ONCE(stop.result, error);
    }
    if (step !== STEP.exit && atomic_dec_and_test(stop.acks)) set_step(stop, step + 1);
  }
  local_irq_enable();
  preempt_enable();
}

function stopper(arg: u32): void {
  const stop = cast<multi_stop>(arg);
  multi_cpu_stop(stop);
  if (atomic_dec_and_test(stop.left)) complete(stop.done);
}

/** Makes a thread for each online CPU, not started yet; false when memory is short. */
function make_stoppers(stop: multi_stop): boolean {
  for (const cpu of for_each_online_cpu()) {
    const task = kthread_create_on_cpu(stopper, addr(stop), cpu, "migration/%u");
    if (task === null) return false;
    task.prio = PRIO_HIGH;
    stoppers[cpu] = task;
    if (stop.threads === 0) stop.first = cpu;
    stop.threads += 1;
  }
  return true;
}

/** As stop_machine, for a caller that holds cpus_read_lock or is the hotplug writer. @may_sleep */
export function stop_machine_cpuslocked(fn: cpu_stop_fn, arg: u32, cpus: cpumask | null): i32 {
  const stop = new multi_stop();
  stop.fn = fn;
  stop.arg = arg;
  stop.cpus = cpus;
  stop.threads = 0;
  stop.step = STEP.none;
  stop.result = 0;
  init_completion(stop.done);
  mutex_lock(stop_mutex);
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) stoppers[cpu] = null;
  const all_made = make_stoppers(stop);
  if (stop.threads !== 0) {
    atomic_set(stop.left, i32(stop.threads));
    // With one missing the others end at once.
    set_step(stop, all_made ? STEP.prepare : STEP.exit);
    // A thread that pushed this one aside would wait for those that are not awake yet.
    preempt_disable();
    for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
      const task = stoppers[cpu];
      if (task !== null) wake_up_process(task);
    }
    preempt_enable();
    wait_for_completion(stop.done);
  }
  mutex_unlock(stop_mutex);
  return all_made ? stop.result : -ENOMEM;
}

/**
 * Runs fn(arg) on the CPUs of `cpus` (null: on one of them) while all online CPUs stand still; what it returned if that was not 0,
 * -ENOMEM when it did not run. @may_sleep
 */
export function stop_machine(fn: cpu_stop_fn, arg: u32, cpus: cpumask | null): i32 {
  cpus_read_lock();
  const error = stop_machine_cpuslocked(fn, arg, cpus);
  cpus_read_unlock();
  return error;
}
