// Threads for tests of things that CPUs contend for: some on each online CPU, let go together, awaited together.
//
// One test at a time uses it (tap.ts runs one test at a time).

import { for_each_online_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { atomic_dec_and_test, atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { wake_up_process, yield_cpu } from "../sched/core.ts";
import { get_task_struct, put_task_struct } from "../sched/fork.ts";
import { kthread_create_on_cpu, type kthread_function } from "../sched/kthread.ts";
import type { task_struct } from "../sched/task.ts";
import { msleep } from "../sched/timer.ts";

const THREADS_MAX = 2 * NR_CPUS;

let body: kthread_function | null = null;
let total: u32 = 0;
const tasks = new FixedArray<task_struct>(THREADS_MAX);
const arrived = new atomic_t();
const running = new atomic_t();
const all_done = new completion();

function thread(index: u32): void {
  atomic_inc(arrived);
  while (u32(atomic_read(arrived)) < READ_ONCE(total)) yield_cpu();
  const run = body;
  if (run !== null) run(index);
  if (atomic_dec_and_test(running)) complete(all_done);
}

/**
 * fn(0), fn(1), … on `per_cpu` (1 or 2) threads of each online CPU: thread i runs on the (i / per_cpu)th. Returns how many there
 * were, when all have returned; fewer than expected when memory ran out.
 * @may_sleep
 */
export function run_threads(fn: kthread_function, per_cpu: u32): u32 {
  body = fn;
  atomic_set(arrived, 0);
  // One that is mine, so that early threads do not end it.
  atomic_set(running, 1);
  init_completion(all_done);
  WRITE_ONCE(total, 0xffff_ffff);
  let count: u32 = 0;
  for (const cpu of for_each_online_cpu()) {
    for (let n: u32 = 0; n < per_cpu; n++) {
      const task = kthread_create_on_cpu(thread, count, cpu, "test/%u");
      if (task === null) continue;
      get_task_struct(task);
      tasks[count] = task;
      atomic_inc(running);
      count += 1;
      wake_up_process(task);
    }
  }
  WRITE_ONCE(total, count);
  if (!atomic_dec_and_test(running)) wait_for_completion(all_done);
  // Until the last reference is this one: what the threads were made of is back when this returns.
  for (let n: u32 = 0; n < count; n++) {
    while (atomic_read(tasks[n].usage) !== 1) msleep(1);
    put_task_struct(tasks[n]);
  }
  return count;
}
