// Which CPU a task runs on: the choice when it wakes up, work for CPUs that have none, and an occasional look at the loads.
//
// A task that wakes up goes where it ran last if it runs there at once, else to a CPU where it does: an idle one, or for a
// real-time task the one with the least important task. An idle CPU takes the first task that waits elsewhere and may
// move; a busy one takes one every BALANCE_TICKS when another has two more. Only tasks whose mask names both CPUs move, and
// none between migrate_disable and migrate_enable.
// Nothing is locked while CPUs are compared: what is read may be old, and the choice a poor one, never a wrong one.
// A task on its way between two queues has on_rq 1 and is in neither; its `cpu` names the second. One queue is locked at a time.
// Limits: a real-time task that is pushed aside waits for its CPU to be free or another to be idle (Linux pushes it away).
// Loads are numbers of tasks; there are no caches to be near to.

import { cpu_active, cpumask_test_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { list_for_each_entry } from "../lib/list.ts";
import { raw_spin_lock, raw_spin_unlock } from "../locking/spinlock.ts";
import { set_mask_all, set_mask_one, task_may_run_on } from "./affinity.ts";
import { jiffies } from "./clock.ts";
import { place_task } from "./core.ts";
import { cpu_rq, dequeue_task, type rq, this_rq } from "./rq.ts";
import { CPU_ANY, MAX_RT_PRIO, PF_BOUND, smp_processor_id, task_struct } from "./task.ts";

/** A busy CPU compares itself with the others this often. */
const BALANCE_TICKS = 4;

/** The CPU of the mask with the fewest runnable tasks, of those that take tasks; CPU_ANY when there is none. */
function idlest_allowed_cpu(task: task_struct | null): u32 {
  let best: u32 = CPU_ANY;
  let least: u32 = 0xffff_ffff;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (!cpu_active(cpu) || READ_ONCE(cpu_rq(cpu).online) === 0) continue;
    if (task !== null && !cpumask_test_cpu(cpu, task.cpus_mask)) continue;
    const load = READ_ONCE(cpu_rq(cpu).nr_running);
    if (load >= least) continue;
    least = load;
    best = cpu;
  }
  return best;
}

/** For a new task. */
export function select_idlest_cpu(): u32 {
  const cpu = idlest_allowed_cpu(null);
  return cpu === CPU_ANY ? smp_processor_id() : cpu;
}

/**
 * For a task that cannot stay where it is. When its mask names no CPU that is online it may run anywhere from now on; one made for
 * a CPU is bound to the CPU that it gets. Its run queue is locked, and it is in none.
 */
export function select_allowed_cpu(task: task_struct): u32 {
  const allowed = idlest_allowed_cpu(task);
  if (allowed !== CPU_ANY) return allowed;
  const cpu = select_idlest_cpu();
  if ((task.flags & PF_BOUND) !== 0) set_mask_one(task, cpu);
  else set_mask_all(task);
  return cpu;
}

/** Where a task that wakes up on a busy CPU shall run: `queue` is that CPU's. */
export function select_task_rq(queue: rq, task: task_struct): u32 {
  let best = queue.cpu;
  if (task.nr_cpus_allowed === 1 || task.migration_disabled !== 0) return best;
  const real_time = task.prio < MAX_RT_PRIO;
  if (real_time && task.prio < queue.curr_prio) return best;
  let least_important: u32 = task.prio;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    const other = cpu_rq(cpu);
    if (READ_ONCE(other.online) === 0 || !cpu_active(cpu) || !cpumask_test_cpu(cpu, task.cpus_mask)) continue;
    if (READ_ONCE(other.nr_running) === 0) return cpu;
    const prio = READ_ONCE(other.curr_prio);
    if (!real_time || prio <= least_important) continue;
    least_important = prio;
    best = cpu;
  }
  return best;
}

/** The first task waiting there that may run here, taken off its queue. Interrupts are off. */
function take_task(from: rq, cpu: u32): task_struct | null {
  let found: task_struct | null = null;
  raw_spin_lock(from.lock);
  for (const task of list_for_each_entry(from.queue, task_struct, "run_list")) {
    if (!task_may_run_on(task, cpu)) continue;
    found = task;
    break;
  }
  if (found !== null) {
    dequeue_task(from, found);
    WRITE_ONCE(from.nr_running, from.nr_running - 1);
    WRITE_ONCE(found.cpu, cpu);
  }
  raw_spin_unlock(from.lock);
  return found;
}

/** Takes a task from the CPU with the most, of those with at least `load` where one may move. False: there was none. */
function pull_task(queue: rq, load: u32): boolean {
  let busiest: rq | null = null;
  let most = load;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    const other = cpu_rq(cpu);
    if (other === queue || READ_ONCE(other.nr_movable) === 0 || READ_ONCE(other.nr_running) < most) continue;
    most = READ_ONCE(other.nr_running) + 1;
    busiest = other;
  }
  if (busiest === null) return false;
  const task = take_task(busiest, queue.cpu);
  if (task === null) return false;
  place_task(task);
  return true;
}

/** The idle task looks for work elsewhere; interrupts are off. True: some has come. */
export function idle_balance(): boolean {
  return cpu_active(smp_processor_id()) && pull_task(this_rq(), 2);
}

/** From the tick, with interrupts off. */
export function periodic_balance(queue: rq): void {
  if ((jiffies() + queue.cpu) % BALANCE_TICKS !== 0 || READ_ONCE(queue.nr_running) === 0 || !cpu_active(queue.cpu)) return;
  pull_task(queue, READ_ONCE(queue.nr_running) + 2);
}

