// Calling functions on other CPUs, and what an IPI asks for.
//
// One broadcast at a time, under call_lock (a spinlock taken with interrupts ON: who waits for it must go on answering
// others). A CPU is asked by setting its word: 1 asked, 2 busy, 0 done. A CPU that goes offline answers what it has been
// asked after it left cpu_online_mask; a question that comes later still is taken back by the asker.

import { cpu_online, nr_cpu_ids } from "../arch/cpumask.ts";
import { CSR_SIE } from "../arch/csr.ts";
import { IPI, ipi_take, send_ipi_single } from "../arch/ipi.ts";
import { irqs_disabled, local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { WARN_ON_ONCE } from "../lib/bug.ts";
import { ENXIO } from "../lib/errno.ts";
import { raw_spin_lock, raw_spin_unlock, raw_spinlock_t } from "../locking/spinlock.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { smp_processor_id } from "../sched/task.ts";
import { cpu_backtrace } from "./backtrace.ts";

export type smp_call_func = (arg: u32) => void;

const ASKED = 1;
const BUSY = 2;

class call_request {
  fn: smp_call_func;
  arg: u32;
}
const request = new call_request();
const call_lock = new raw_spinlock_t();
const asked = new FixedArray<u32>(NR_CPUS);

export function smp_send_reschedule(cpu: u32): void {
  send_ipi_single(cpu, IPI.RESCHEDULE);
}

/** Answers a question to this CPU, if there is one. Interrupts are off. */
export function flush_smp_call(cpu: u32): void {
  if (CMPXCHG(asked[cpu], ASKED, BUSY) !== ASKED) return;
  const fn = request.fn;
  fn(request.arg);
  fence("rw", "w");
  WRITE_ONCE(asked[cpu], 0);
}

/** For good: the machine panics on another CPU. */
export function stop_this_cpu(): void {
  csrWrite(CSR_SIE, 0);
  for (;;) wfi();
}

export function handle_ipi(): void {
  const cpu = smp_processor_id();
  const reasons = ipi_take(cpu);
  if ((reasons & IPI.STOP) !== 0) stop_this_cpu();
  if ((reasons & IPI.BACKTRACE) !== 0) cpu_backtrace(cpu);
  if ((reasons & IPI.CALL_FUNC) !== 0) flush_smp_call(cpu);
  // RESCHEDULE: the end of the interrupt looks at need_resched anyway.
}

function ask(cpu: u32): void {
  // The other CPU may look before the IPI is there: the question comes first.
  fence("rw", "w");
  WRITE_ONCE(asked[cpu], ASKED);
  fence("rw", "rw");
  send_ipi_single(cpu, IPI.CALL_FUNC);
}

function await_answer(cpu: u32): void {
  while (READ_ONCE(asked[cpu]) !== 0) {
    if (!cpu_online(cpu) && CMPXCHG(asked[cpu], ASKED, 0) === ASKED) return;
    pause();
  }
  fence("r", "rw");
}

/** @calls_atomic fn */
function call_here(fn: smp_call_func, arg: u32): void {
  const flags = local_irq_save();
  fn(arg);
  local_irq_restore(flags);
}

/** fn(arg) in hardirq context on all other online CPUs; always waits until all have returned. Interrupts are on. @calls_atomic fn */
export function smp_call_function(fn: smp_call_func, arg: u32, _wait: boolean): void {
  WARN_ON_ONCE(irqs_disabled());
  preempt_disable();
  const self = smp_processor_id();
  raw_spin_lock(call_lock);
  request.fn = fn;
  request.arg = arg;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu !== self && cpu_online(cpu)) ask(cpu);
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (cpu !== self) await_answer(cpu);
  raw_spin_unlock(call_lock);
  preempt_enable();
}

/** fn(arg) on one CPU, this one included, interrupts off there; 0, or -ENXIO when it is offline. Waits as above. @calls_atomic fn */
export function smp_call_function_single(cpu: u32, fn: smp_call_func, arg: u32, _wait: boolean): i32 {
  WARN_ON_ONCE(irqs_disabled());
  preempt_disable();
  let err: i32 = 0;
  if (cpu === smp_processor_id()) {
    call_here(fn, arg);
  } else if (cpu_online(cpu)) {
    raw_spin_lock(call_lock);
    request.fn = fn;
    request.arg = arg;
    ask(cpu);
    await_answer(cpu);
    raw_spin_unlock(call_lock);
  } else {
    err = -ENXIO;
  }
  preempt_enable();
  return err;
}

/** As smp_call_function, and here too, with interrupts off. @calls_atomic fn */
export function on_each_cpu(fn: smp_call_func, arg: u32, _wait: boolean): void {
  preempt_disable();
  smp_call_function(fn, arg, true);
  call_here(fn, arg);
  preempt_enable();
}
