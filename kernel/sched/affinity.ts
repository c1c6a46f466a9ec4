// Which CPUs a task may run on, and moving it when it stands on another.
//
// cpus_mask and nr_cpus_allowed change under the lock of the task's run queue. A task that waits is moved at once, one that sleeps wakes
// up elsewhere, and one that runs goes when it next gives its CPU away (core.ts sends it on in the switch).
// migrate_disable keeps the running task on its CPU, preemption and sleep included, and that CPU online (hotplug waits for
// nr_pinned); it nests. A mask that excludes the CPU meanwhile counts from the last migrate_enable on.

import { cpu_active, cpumask, cpumask_set_cpu, cpumask_test_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { EINVAL } from "../lib/errno.ts";
import { list_empty } from "../lib/list.ts";
import { raw_spin_unlock } from "../locking/spinlock.ts";
import { select_allowed_cpu } from "./balance.ts";
import { place_task, preempt_schedule, resched_curr, schedule } from "./core.ts";
import { preempt_disable, preempt_enable } from "./preempt.ts";
import { dequeue_task, enqueue_task, task_rq_lock, this_rq } from "./rq.ts";
import { get_current, PF_PER_CPU, type task_struct } from "./task.ts";
import { schedule_timeout_uninterruptible } from "./timer.ts";

/** The task is in no queue, or its run queue is locked. */
export function set_mask_all(task: task_struct): void {
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) task.cpus_mask.bits[n] = ~0;
  task.nr_cpus_allowed = NR_CPUS;
}

/** As set_mask_all. */
export function set_mask_one(task: task_struct, cpu: u32): void {
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) task.cpus_mask.bits[n] = cpu >> 5 === n ? 1 << (cpu & 31) : 0;
  task.nr_cpus_allowed = 1;
}

/** A runnable task that is on this CPU may stay there, or one elsewhere may come. */
export function task_may_run_on(task: task_struct, cpu: u32): boolean {
  "inline";
  if (task.migration_disabled !== 0 || (task.flags & PF_PER_CPU) !== 0) return task.cpu === cpu;
  return cpumask_test_cpu(cpu, task.cpus_mask);
}

function set_mask(task: task_struct, mask: cpumask): void {
  let count: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpumask_test_cpu(cpu, mask)) count += 1;
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) task.cpus_mask.bits[n] = READ_ONCE(mask.bits[n]);
  task.nr_cpus_allowed = u8(count);
}

function any_active(mask: cpumask): boolean {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu_active(cpu) && cpumask_test_cpu(cpu, mask)) return true;
  return false;
}

/** Sets the mask, and moves the task unless it runs. True: it runs where it must not stay. */
function change_mask(task: task_struct, mask: cpumask): boolean {
  const flags = local_irq_save();
  const queue = task_rq_lock(task);
  const queued = !list_empty(task.run_list);
  if (queued) dequeue_task(queue, task);
  set_mask(task, mask);
  const stays = task_may_run_on(task, queue.cpu);
  let running = false;
  if (stays) {
    if (queued) enqueue_task(queue, task, true);
  } else if (task.on_cpu !== 0) {
    running = true;
    resched_curr(queue);
  } else {
    if (queued) WRITE_ONCE(queue.nr_running, queue.nr_running - 1);
    WRITE_ONCE(task.cpu, select_allowed_cpu(task));
  }
  raw_spin_unlock(queue.lock);
  if (queued && !stays) place_task(task);
  local_irq_restore(flags);
  return running;
}

/**
 * The task runs on CPUs of `mask` only, from when this returns on, as long as one of them is online. -EINVAL: none is, or the task
 * belongs to its CPU. @may_sleep
 */
export function set_cpus_allowed_ptr(task: task_struct, mask: cpumask): i32 {
  if ((task.flags & PF_PER_CPU) !== 0 || !any_active(mask)) return -EINVAL;
  if (!change_mask(task, mask)) return 0;
  if (task === get_current()) schedule();
  else while (READ_ONCE(task.on_cpu) !== 0 && !task_may_run_on(task, READ_ONCE(task.cpu))) schedule_timeout_uninterruptible(1);
  return 0;
}

/** The caller runs on `cpu` only, from when this returns on. -EINVAL: it is offline, and nothing has changed. @may_sleep */
export function bind_current_to(cpu: u32): i32 {
  const mask = new cpumask();
  for (let n: u32 = 0; n < NR_CPUS / 32; n++) mask.bits[n] = 0;
  cpumask_set_cpu(cpu, mask);
  return set_cpus_allowed_ptr(get_current(), mask);
}

export function migrate_disable(): void {
  const task = get_current();
  if (task.migration_disabled !== 0) {
    task.migration_disabled += 1;
    return;
  }
  preempt_disable();
  task.migration_disabled = 1;
  this_rq().nr_pinned += 1;
  preempt_enable();
}

export function migrate_enable(): void {
  const task = get_current();
  if (task.migration_disabled !== 1) {
    task.migration_disabled -= 1;
    return;
  }
  preempt_disable();
  task.migration_disabled = 0;
  const queue = this_rq();
  queue.nr_pinned -= 1;
  const leave = !task_may_run_on(task, queue.cpu);
  preempt_enable();
  // As a preemption: the task may be about to sleep, and has not looked at what it waits for yet.
  if (leave) preempt_schedule();
}
