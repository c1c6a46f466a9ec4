// stop_machine: a function runs while every online CPU stands still with interrupts off.
//
// The stopper of each CPU (stopper.ts) goes through four steps together with the others, each begun when all have acknowledged the one
// before: all are here (from now on no other code runs on these CPUs but interrupts), interrupts off, the function,
// interrupts on again. So at the time of the function no CPU is inside a section with preemption, softirqs or interrupts off,
// and no task runs. Nothing is allocated.
//
// Locks: stop_machine takes get_online_cpus outside of those of stop_cpus, so no CPU comes or goes.
// The function runs with interrupts off: it may not sleep, nor take a spinlock_t that sleeps (rt), nor wait for another CPU.
// Limit: a CPU that never leaves a section with preemption off holds up the caller for ever.

import { cpu_online_mask, cpumask, cpumask_first, cpumask_test_cpu, num_online_cpus } from "../arch/cpumask.ts";
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { atomic_dec_and_test, atomic_set, atomic_t } from "../lib/atomic.ts";
import { smp_processor_id } from "../sched/task.ts";
import { get_online_cpus, put_online_cpus } from "./lock.ts";
import { cpu_stop_enabled, cpu_stop_fn, stop_cpus } from "./stopper.ts";

const enum STEP { none, prepare, disable_irq, run, exit }

/** One call; lives on the caller's stack until all have left the last step. */
class multi_stop_data {
  fn: cpu_stop_fn;
  arg: u32;
  /** Where the function runs; null: on the first CPU online. */
  active_cpus: cpumask | null;
  first: u32;
  num_threads: u32;
  /** Threads that have not acknowledged `state` yet. */
  readonly thread_ack = new atomic_t();
  state: u32;
}

function set_state(data: multi_stop_data, state: u32): void {
  atomic_set(data.thread_ack, i32(data.num_threads));
  fence("rw", "w");
  WRITE_ONCE(data.state, state);
}

/** One CPU's part, in its stopper. */
function multi_cpu_stop(arg: u32): i32 {
  const data = cast<multi_stop_data>(arg);
  const cpu = smp_processor_id();
  const cpus = data.active_cpus;
  const active = cpus === null ? cpu === data.first : cpumask_test_cpu(cpu, cpus);
  let error: i32 = 0;
  let step: u32 = STEP.none;
  while (step !== STEP.exit) {
    pause();
    const next = READ_ONCE(data.state);
    if (next === step) continue;
    fence("r", "rw");
    step = next;
    if (step === STEP.disable_irq) {
      local_irq_disable();
    } else if (step === STEP.run && active) {
      const fn = data.fn;
      error = fn(data.arg);
    }
    if (step !== STEP.exit && atomic_dec_and_test(data.thread_ack)) set_state(data, step + 1);
  }
  local_irq_enable();
  return error;
}

/** As stop_machine, for a caller that holds get_online_cpus or is the hotplug writer. @may_sleep */
export function stop_machine_cpuslocked(fn: cpu_stop_fn, arg: u32, cpus: cpumask | null): i32 {
  const data = new multi_stop_data();
  data.fn = fn;
  data.arg = arg;
  data.active_cpus = cpus;
  data.first = cpumask_first(cpu_online_mask);
  data.num_threads = num_online_cpus();
  data.state = STEP.none;
  if (!cpu_stop_enabled(data.first)) {
    // Early: there is one CPU, and it has no stopper yet.
    const flags = local_irq_save();
    const error = fn(arg);
    local_irq_restore(flags);
    return error;
  }
  set_state(data, STEP.prepare);
  return stop_cpus(cpu_online_mask, multi_cpu_stop, addr(data));
}

/** Runs fn(arg) on the CPUs of `cpus` (null: on one of them) while all online CPUs stand still; what it returned. @may_sleep */
export function stop_machine(fn: cpu_stop_fn, arg: u32, cpus: cpumask | null): i32 {
  get_online_cpus();
  const error = stop_machine_cpuslocked(fn, arg, cpus);
  put_online_cpus();
  return error;
}
