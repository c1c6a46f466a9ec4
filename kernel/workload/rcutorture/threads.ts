// rcutorture's threads: made near a CPU each, so that hotplug moves them about; told to stop, and awaited.

import { nr_cpu_ids } from "../../arch/cpumask.ts";
import { cpu_online } from "../../arch/cpumask.ts";
import { panic } from "../../lib/bug.ts";
import { wake_up_process } from "../../sched/core.ts";
import { kthread_create, kthread_create_near, type kthread_function, kthread_stop } from "../../sched/kthread.ts";
import type { task_struct } from "../../sched/task.ts";

const THREADS_MAX = 160;
const threads = new FixedArray<task_struct>(THREADS_MAX);
let count: u32 = 0;

/** The thread is stopped by stop_threads, the last one first. */
export function start_thread(fn: kthread_function, arg: u32, name: string): void {
  if (count === THREADS_MAX) panic("rcutorture: more than %u threads", THREADS_MAX);
  const near = count % nr_cpu_ids;
  const task = cpu_online(near) ? kthread_create_near(fn, arg, near, name) : kthread_create(fn, arg, name);
  if (task === null) panic("rcutorture: no memory for a thread");
  threads[count++] = task!;
  wake_up_process(task!);
}

/** Threads made from now on end before the `from` ones that there are. */
export function threads_started(): u32 {
  return count;
}

/** Until only the first `from` are left. @may_sleep */
export function stop_threads(from: u32): void {
  while (count > from) kthread_stop(threads[--count]);
}
