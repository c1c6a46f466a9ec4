// Starting a hart and stopping it: what the machine needs, and nothing of what subsystems want to know (chain.ts).
//
// A further hart begins in secondary_start_kernel, on its idle task's stack: it takes interrupts, tells the listeners, and marks itself
// online. A dying one, in its stopper with all others standing still, takes itself out of cpu_online_mask, loses its tick and
// its interrupts and tells the listeners; then its idle task finds it offline and asks the firmware to stop it.

import { cpu_online_mask, cpuid_to_hartid_map, cpumask_clear_cpu, cpumask_first, cpumask_set_cpu } from "../arch/cpumask.ts";
import { secondary_data, secondary_entry } from "../arch/head.ts";
import { __pa } from "../arch/page.ts";
import { NR_CPUS, per_cpu_area } from "../arch/percpu.ts";
import { SBI_HSM_STOPPED, sbi_hart_start, sbi_hart_status, sbi_hart_stop } from "../arch/sbi.ts";
import { trap_init } from "../arch/traps.ts";
import { irq_cpu_dying, irq_cpu_starting } from "../irq/irq.ts";
import { panic } from "../lib/bug.ts";
import { EAGAIN, EIO, ENOMEM } from "../lib/errno.ts";
import { pr_err } from "../lib/printk.ts";
import { rcu_cpu_dying, rcu_cpu_starting } from "../rcu/rcu.ts";
import { msecs_to_jiffies } from "../sched/clock.ts";
import { complete, completion, reinit_completion, wait_for_completion_timeout } from "../sched/completion.ts";
import { cond_resched } from "../sched/core.ts";
import { cpu_idle, prepare_idle } from "../sched/idle.ts";
import { cpu_rq } from "../sched/rq.ts";
import { smp_processor_id } from "../sched/task.ts";
import { tick_cpu_dying, tick_start } from "../sched/tick.ts";
import { msleep } from "../sched/timer.ts";
import { dying_cpu, starting_cpu } from "./chain.ts";
import { cpu_stop_dying } from "./stopper.ts";

/** A hart that has not come up, or gone down, after this long has failed. */
const HART_TIMEOUT_MS = 5000;
const QUICK_QUESTIONS = 200;

/** The starting CPU has marked itself online. */
const cpu_running = new completion();
const secondary = new StructArray(secondary_data, NR_CPUS);

/** First function of a further hart, on its idle task's stack, interrupts off. */
function secondary_start_kernel(): void {
  const cpu = smp_processor_id();
  sfenceVma();
  trap_init();
  rcu_cpu_starting(cpu);
  irq_cpu_starting(cpu);
  tick_start();
  starting_cpu(cpu);
  cpumask_set_cpu(cpu, cpu_online_mask);
  complete(cpu_running);
  cpu_idle();
}

/** 0, -ENOMEM, or -EIO when the firmware or the hart does not do it. @may_sleep */
export function __cpu_up(cpu: u32): i32 {
  const stack_top = prepare_idle(cpu);
  if (stack_top === 0) return -ENOMEM;
  const hart = cpuid_to_hartid_map[cpu];
  const data = secondary[cpu];
  data.stack_top = stack_top;
  data.percpu = per_cpu_area(cpu);
  data.entry = secondary_start_kernel;
  reinit_completion(cpu_running);
  fence("rw", "rw");
  const error = sbi_hart_start(hart, __pa(addr(secondary_entry)), addr(data));
  if (error !== 0) {
    pr_err("cpu: CPU%u: the firmware does not start hart %u: SBI error %d\n", cpu, hart, error);
    return -EIO;
  }
  if (wait_for_completion_timeout(cpu_running, msecs_to_jiffies(HART_TIMEOUT_MS)) === 0) {
    pr_err("cpu: CPU%u: hart %u does not come up\n", cpu, hart);
    return -EIO;
  }
  return 0;
}

/**
 * On the CPU, called by its stopper with interrupts off while all others stand still. -EAGAIN: a task keeps it online for now
 * (migrate_disable); otherwise it cannot come back from here.
 */
export function take_cpu_down(_arg: u32): i32 {
  const cpu = smp_processor_id();
  if (cpu_rq(cpu).nr_pinned !== 0) return -EAGAIN;
  cpumask_clear_cpu(cpu, cpu_online_mask);
  tick_cpu_dying(cpu);
  irq_cpu_dying(cpu, cpumask_first(cpu_online_mask));
  dying_cpu(cpu);
  rcu_cpu_dying(cpu);
  cpu_stop_dying(cpu);
  return 0;
}

/** A hart that has nothing else to do stops within microseconds: ask often first, then sleep between the questions. @may_sleep */
export function __cpu_die(cpu: u32): void {
  const hart = cpuid_to_hartid_map[cpu];
  for (let n: u32 = 0; n < QUICK_QUESTIONS + HART_TIMEOUT_MS; n++) {
    if (sbi_hart_status(hart) === SBI_HSM_STOPPED) return;
    if (n < QUICK_QUESTIONS) cond_resched();
    else msleep(1);
  }
  pr_err("cpu: CPU%u: hart %u does not stop\n", cpu, hart);
}

/** What the idle task of an offline CPU does; __cpu_up begins it anew. */
export function cpu_play_dead(): void {
  sbi_hart_stop();
  panic("CPU%u: the firmware does not stop the hart", smp_processor_id());
}
