// Kernel threads: made stopped, started by wake_up_process, ended by their own return or asked to end by kthread_stop.
//
// kthread_stop needs a thread that does not end by itself, or a reference (get_task_struct).
// A per-CPU thread (kthread_create_percpu) is parked while its CPU is offline: it calls kthread_parkme when
// kthread_should_park says so.

import { cpu_online } from "../arch/cpumask.ts";
import { WARN_ON, WARN_ON_ONCE } from "../lib/bug.ts";
import { EBUSY, EINTR, ENOSYS } from "../lib/errno.ts";
import { pr_info } from "../lib/printk.ts";
import { snprintf } from "../lib/vsprintf.ts";
import { set_mask_one } from "./affinity.ts";
import { select_idlest_cpu } from "./balance.ts";
import { complete, reinit_completion, wait_for_completion } from "./completion.ts";
import {
  __set_current_state,
  schedule_preempt_disabled,
  set_current_state,
  try_to_wake_up,
  wake_up_process,
} from "./core.ts";
import {
  alloc_task,
  do_exit,
  get_task_struct,
  publish_task,
  put_task_struct,
  task_begins_at,
} from "./fork.ts";
import { preempt_disable, preempt_enable } from "./preempt.ts";
import {
  CPU_ANY,
  get_current,
  PF_BOUND,
  PF_EXITING,
  PF_PER_CPU,
  TASK_COMM_LEN,
  TASK_PARKED,
  TASK_RUNNING,
  type task_struct,
} from "./task.ts";
import { schedule_timeout_uninterruptible } from "./timer.ts";

const KTHREAD_SHOULD_STOP = 1 << 0;
const KTHREAD_SHOULD_PARK = 1 << 1;

export type kthread_function = (arg: u32) => void;

/** The calling thread ends here; kthread_stop returns `code`. */
export function kthread_exit(code: i32): void {
  get_current().exit_code = code;
  do_exit();
}

/** A thread that is stopped before it has begun never calls its function. */
function kthread(arg: u32): void {
  if (kthread_should_stop()) kthread_exit(-EINTR);
  if (kthread_should_park()) kthread_parkme();
  const run = get_current().kthread_fn;
  run(arg);
  kthread_exit(0);
}

function make(
  fn: kthread_function,
  arg: u32,
  cpu: u32,
  flags: u32,
  name: string,
): task_struct | null {
  const task = alloc_task();
  if (task === null) return null;
  snprintf(task.comm, TASK_COMM_LEN, name, cpu);
  task.kthread_fn = fn;
  task.flags = u16(flags);
  task.cpu = cpu === CPU_ANY ? select_idlest_cpu() : cpu;
  if (cpu !== CPU_ANY) set_mask_one(task, cpu);
  task_begins_at(task, kthread, arg);
  publish_task(task);
  return task;
}

/** A thread that will call fn(arg), on any CPU; `name` is cut to 15 bytes. Wake it to start it. */
export function kthread_create(fn: kthread_function, arg: u32, name: string): task_struct | null {
  return make(fn, arg, CPU_ANY, 0, name);
}

/** A thread bound to one CPU; `name` may hold %u for its number. */
export function kthread_create_on_cpu(
  fn: kthread_function,
  arg: u32,
  cpu: u32,
  name: string,
): task_struct | null {
  const task = make(fn, arg, cpu, PF_BOUND, name);
  if (task !== null && !cpu_online(cpu)) {
    pr_info("kthread: %s/%u is bound to CPU%u, which is offline\n", addr(task.comm), task.pid, cpu);
  }
  return task;
}

/** A thread that runs on `cpu` only while that is online, then anywhere, until it binds itself (bind_current_to). */
export function kthread_create_near(
  fn: kthread_function,
  arg: u32,
  cpu: u32,
  name: string,
): task_struct | null {
  return make(fn, arg, cpu, 0, name);
}

/** A thread that belongs to a CPU and sleeps while that is offline. Only the hotplug code handles it then. */
export function kthread_create_percpu(
  fn: kthread_function,
  arg: u32,
  cpu: u32,
  name: string,
): task_struct | null {
  return make(fn, arg, cpu, PF_PER_CPU, name);
}

export function kthread_run(fn: kthread_function, arg: u32, name: string): task_struct | null {
  const task = kthread_create(fn, arg, name);
  if (task !== null) wake_up_process(task);
  return task;
}

export function kthread_should_stop(): boolean {
  return (READ_ONCE(get_current().kthread_flags) & KTHREAD_SHOULD_STOP) !== 0;
}

export function kthread_should_park(): boolean {
  return (READ_ONCE(get_current().kthread_flags) & KTHREAD_SHOULD_PARK) !== 0;
}

/** Asks the thread to end and waits until it has. Its exit code; -EINTR when it had never been woken. @may_sleep */
export function kthread_stop(task: task_struct): i32 {
  get_task_struct(task);
  amoOr(addressOf(task.kthread_flags), KTHREAD_SHOULD_STOP);
  kthread_unpark(task);
  wake_up_process(task);
  wait_for_completion(task.exited);
  const code = task.exit_code;
  put_task_struct(task);
  return code;
}

/** Sleeps while parked. */
export function kthread_parkme(): void {
  const task = get_current();
  for (;;) {
    set_current_state(TASK_PARKED);
    if ((READ_ONCE(task.kthread_flags) & KTHREAD_SHOULD_PARK) === 0) break;
    // Whoever waits for it must find it gone: on this CPU its sleep could need a timer that only this very thread serves (rt).
    preempt_disable();
    complete(task.parked);
    schedule_preempt_disabled();
    preempt_enable();
  }
  __set_current_state(TASK_RUNNING);
}

/**
 * Returns when the thread sleeps in kthread_parkme (at once when a thread parks itself). -ENOSYS: it has ended; -EBUSY: it is
 * parked already.
 * @may_sleep
 */
export function kthread_park(task: task_struct): i32 {
  if (WARN_ON((task.flags & PF_EXITING) !== 0)) return -ENOSYS;
  if (WARN_ON_ONCE((READ_ONCE(task.kthread_flags) & KTHREAD_SHOULD_PARK) !== 0)) return -EBUSY;
  reinit_completion(task.parked);
  amoOr(addressOf(task.kthread_flags), KTHREAD_SHOULD_PARK);
  if (task === get_current()) return 0;
  wake_up_process(task);
  wait_for_completion(task.parked);
  // It has said so, but may not have left its CPU yet: usually it does at once.
  for (let n: u32 = 0; READ_ONCE(task.on_rq) !== 0; n++) {
    if (n < 1000) pause();
    else schedule_timeout_uninterruptible(1);
  }
  return 0;
}

export function kthread_unpark(task: task_struct): void {
  const old = amoAnd(addressOf(task.kthread_flags), ~KTHREAD_SHOULD_PARK);
  if ((old & KTHREAD_SHOULD_PARK) !== 0) try_to_wake_up(task, TASK_PARKED);
}
