// Taking CPUs into service and out of it.
//
// Order of locks: cpu_add_remove_lock > cpu_hotplug.lock > whatever the states take.
//   up    states prepare -> idle task -> firmware starts the hart -> it marks itself online -> ksoftirqd goes on
//   down  ksoftirqd parks -> cpuhp/N, on the CPU and with interrupts off: leave cpu_online_mask, answer the last calls, move
//         timers and tasks away -> idle asks the firmware to stop the hart -> softirqs, RCU callbacks and states move
// There is no stop_machine: whoever hands work to another CPU (wake-ups, timers, calls) looks under a lock that the dying
// CPU takes as well whether the CPU still takes any.
// The boot CPU can go too, as long as another one stays.

import { HOTPLUG, MARK } from "../abi/marks.ts";
import {
  cpu_online,
  cpu_online_mask,
  cpu_possible,
  cpuid_to_hartid_map,
  cpumask_clear_cpu,
  cpumask_set_cpu,
  nr_cpu_ids,
  num_online_cpus,
} from "../arch/cpumask.ts";
import { secondary_data, secondary_entry } from "../arch/head.ts";
import {
  local_irq_disable,
  local_irq_enable,
  local_irq_restore,
  local_irq_save,
} from "../arch/irqflags.ts";
import { __pa } from "../arch/page.ts";
import { NR_CPUS, per_cpu_area } from "../arch/percpu.ts";
import { SBI_HSM_STOPPED, sbi_hart_start, sbi_hart_status, sbi_hart_stop } from "../arch/sbi.ts";
import { trap_init } from "../arch/traps.ts";
import { irq_cpu_dying, irq_cpu_starting } from "../irq/irq.ts";
import { flush_smp_call } from "../irq/smp.ts";
import { ksoftirqd_offline, ksoftirqd_online, softirq_dead_cpu } from "../irq/softirq.ts";
import { panic } from "../lib/bug.ts";
import { EBUSY, EINVAL, EIO, ENOMEM } from "../lib/errno.ts";
import { pr_err, pr_info } from "../lib/printk.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { rcu_cpu_starting, rcu_report_dead } from "../rcu/rcu.ts";
import { msecs_to_jiffies } from "../sched/clock.ts";
import {
  complete,
  completion,
  reinit_completion,
  wait_for_completion_timeout,
} from "../sched/completion.ts";
import {
  __set_current_state,
  cond_resched,
  sched_cpu_dying,
  sched_cpu_starting,
  schedule,
  set_current_state,
  wake_up_process,
} from "../sched/core.ts";
import { cpu_idle, prepare_idle, set_play_dead } from "../sched/idle.ts";
import { kthread_create_percpu } from "../sched/kthread.ts";
import {
  PRIO_HIGH,
  smp_processor_id,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  type task_struct,
} from "../sched/task.ts";
import { tick_cpu_dying, tick_start } from "../sched/tick.ts";
import { msleep, timers_dying_cpu } from "../sched/timer.ts";
import { cpu_hotplug_begin, cpu_hotplug_done } from "./lock.ts";
import { dead_states, prepare_states } from "./states.ts";

/** A hart that has not come up, or gone down, after this long has failed. */
const HART_TIMEOUT_MS = 5000;
const QUICK_QUESTIONS = 200;

/** Only one CPU comes or goes at a time. */
const cpu_add_remove_lock = new mutex();
/** The starting CPU has marked itself online. */
const cpu_running = new completion();
const secondary = new StructArray(secondary_data, NR_CPUS);

class cpuhp_cpu {
  thread: task_struct | null;
  /** cpuhp/N shall take its CPU down. */
  go_down: u32;
}
const cpuhp = new StructArray(cpuhp_cpu, NR_CPUS);

/** First function of a further hart, on its idle task's stack, interrupts off. */
function secondary_start_kernel(): void {
  const cpu = smp_processor_id();
  sfenceVma();
  trap_init();
  rcu_cpu_starting(cpu);
  sched_cpu_starting(cpu);
  irq_cpu_starting(cpu);
  tick_start();
  cpumask_set_cpu(cpu, cpu_online_mask);
  complete(cpu_running);
  cpu_idle();
}

/** Runs in cpuhp/N on its CPU: from here on nothing new comes to this CPU, and what waits here goes elsewhere. */
function take_cpu_down(cpu: u32): void {
  local_irq_disable();
  cpumask_clear_cpu(cpu, cpu_online_mask);
  fence("rw", "rw");
  let to: u32 = 0;
  while (!cpu_online(to)) to += 1;
  tick_cpu_dying(cpu);
  irq_cpu_dying(cpu, to);
  flush_smp_call(cpu);
  timers_dying_cpu(cpu, to);
  sched_cpu_dying(cpu);
  // Asleep, it leaves the CPU to the idle task, which sees that the CPU is offline. sie is 0: no interrupt comes between.
  __set_current_state(TASK_UNINTERRUPTIBLE);
  local_irq_enable();
}

function cpuhp_thread(cpu: u32): void {
  const self = cpuhp[cpu];
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(self.go_down) !== 0) {
      __set_current_state(TASK_RUNNING);
      WRITE_ONCE(self.go_down, 0);
      take_cpu_down(cpu);
    }
    schedule();
  }
}

/** The idle task of an offline CPU ends here; cpu_up begins it anew. */
function cpu_die(): void {
  sbi_hart_stop();
  panic("CPU%u: the firmware does not stop the hart", smp_processor_id());
}

/** The threads that belong to a CPU which is online. */
function start_cpu_threads(cpu: u32): i32 {
  const self = cpuhp[cpu];
  if (self.thread === null) {
    const thread = kthread_create_percpu(cpuhp_thread, cpu, cpu, "cpuhp/%u");
    if (thread === null) return -ENOMEM;
    thread.prio = PRIO_HIGH;
    self.thread = thread;
  }
  wake_up_process(self.thread!);
  return ksoftirqd_online(cpu);
}

function start_hart(cpu: u32): i32 {
  const stack_top = prepare_idle(cpu);
  if (stack_top === 0) return -ENOMEM;
  const data = secondary[cpu];
  data.stack_top = stack_top;
  data.percpu = per_cpu_area(cpu);
  data.entry = secondary_start_kernel;
  reinit_completion(cpu_running);
  fence("rw", "rw");
  const error = sbi_hart_start(cpuid_to_hartid_map[cpu], __pa(addr(secondary_entry)), addr(data));
  if (error !== 0) {
    pr_err(
      "cpu: CPU%u: the firmware does not start hart %u: SBI error %d\n",
      cpu,
      cpuid_to_hartid_map[cpu],
      error,
    );
    return -EIO;
  }
  if (wait_for_completion_timeout(cpu_running, msecs_to_jiffies(HART_TIMEOUT_MS)) === 0) {
    pr_err("cpu: CPU%u: hart %u does not come up\n", cpu, cpuid_to_hartid_map[cpu]);
    return -EIO;
  }
  return 0;
}

function bring_up(cpu: u32): i32 {
  const unprepared = prepare_states(cpu);
  if (unprepared !== 0) return unprepared;
  const error = start_hart(cpu);
  if (error !== 0) {
    dead_states(cpu);
    return error;
  }
  return start_cpu_threads(cpu);
}

/** 0, -EINVAL for a CPU that does not exist or is online, or why it did not come up. */
export function cpu_up(cpu: u32): i32 {
  mutex_lock(cpu_add_remove_lock);
  let error: i32 = -EINVAL;
  if (cpu_possible(cpu) && !cpu_online(cpu)) {
    cpu_hotplug_begin();
    traceMark(MARK.HOTPLUG, cpu, HOTPLUG.going_up, 0);
    error = bring_up(cpu);
    traceMark(MARK.HOTPLUG, cpu, HOTPLUG.up, u32(error));
    cpu_hotplug_done();
  }
  mutex_unlock(cpu_add_remove_lock);
  return error;
}

/** A hart that has nothing else to do stops within microseconds: ask often first, then sleep between the questions. */
function wait_until_stopped(cpu: u32): boolean {
  for (let n: u32 = 0; n < QUICK_QUESTIONS + HART_TIMEOUT_MS; n++) {
    if (sbi_hart_status(cpuid_to_hartid_map[cpu]) === SBI_HSM_STOPPED) return true;
    if (n < QUICK_QUESTIONS) cond_resched();
    else msleep(1);
  }
  return false;
}

function take_down(cpu: u32): i32 {
  ksoftirqd_offline(cpu);
  WRITE_ONCE(cpuhp[cpu].go_down, 1);
  wake_up_process(cpuhp[cpu].thread!);
  if (!wait_until_stopped(cpu)) {
    pr_err("cpu: CPU%u: hart %u does not stop\n", cpu, cpuid_to_hartid_map[cpu]);
    return -EIO;
  }
  const flags = local_irq_save();
  softirq_dead_cpu(cpu);
  local_irq_restore(flags);
  rcu_report_dead(cpu);
  dead_states(cpu);
  return 0;
}

/** 0, -EINVAL for a CPU that does not exist or is offline, -EBUSY for the last one online. */
export function cpu_down(cpu: u32): i32 {
  mutex_lock(cpu_add_remove_lock);
  let error: i32 = -EINVAL;
  if (cpu_possible(cpu) && cpu_online(cpu)) {
    error = -EBUSY;
    if (num_online_cpus() > 1) {
      cpu_hotplug_begin();
      traceMark(MARK.HOTPLUG, cpu, HOTPLUG.going_down, 0);
      error = take_down(cpu);
      traceMark(MARK.HOTPLUG, cpu, HOTPLUG.down, u32(error));
      cpu_hotplug_done();
    }
  }
  mutex_unlock(cpu_add_remove_lock);
  return error;
}

/** The boot CPU is online from the start. */
export function boot_cpu_init(): void {
  set_play_dead(cpu_die);
  cpumask_set_cpu(0, cpu_online_mask);
}

/** Brings all CPUs into service. In task context: it sleeps. */
export function smp_init(): void {
  if (start_cpu_threads(0) !== 0) panic("no memory for the threads of CPU0");
  for (let cpu: u32 = 1; cpu < nr_cpu_ids; cpu++) cpu_up(cpu);
  pr_info("smp: Brought up %u of %u CPUs\n", num_online_cpus(), nr_cpu_ids);
}
