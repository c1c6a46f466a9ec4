// A stack of another CPU, for reports of CPUs that are stuck: the CPU is asked by an IPI to print its own.
//
// A CPU whose interrupts are off cannot answer: RISC-V has no NMI. The question stays, and the CPU prints its stack when its
// interrupts are on again, which still names the culprit when the section ends late rather than never.

import { cpu_online } from "../arch/cpumask.ts";
import { IPI, send_ipi_single } from "../arch/ipi.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { get_cycles64, timebase_hz } from "../arch/time.ts";
import { dump_stack } from "../lib/bug.ts";
import { printk } from "../lib/printk.ts";
import { smp_processor_id } from "../sched/task.ts";

/** How long an answer is waited for. */
const PATIENCE_MS = 10;

/** The CPU has been asked and has not begun to print (1), has not finished (2), or nobody asks (0). */
const wanted = new FixedArray<u32>(NR_CPUS);

/** From the IPI, interrupts off. */
export function cpu_backtrace(cpu: u32): void {
  if (CMPXCHG(wanted[cpu], 1, 2) !== 1) return;
  printk("IPI backtrace for cpu %u\n", cpu);
  dump_stack();
  WRITE_ONCE(wanted[cpu], 0);
}

/** Prints the stack of a CPU, if it answers; false when it does not. In any context. */
export function trigger_single_cpu_backtrace(cpu: u32): boolean {
  if (cpu === smp_processor_id()) {
    dump_stack();
    return true;
  }
  if (!cpu_online(cpu)) return false;
  printk("Sending IPI from CPU %u to CPU %u:\n", smp_processor_id(), cpu);
  WRITE_ONCE(wanted[cpu], 1);
  fence("rw", "rw");
  send_ipi_single(cpu, IPI.BACKTRACE);
  const until = get_cycles64() + u64((timebase_hz / 1000) * PATIENCE_MS);
  while (READ_ONCE(wanted[cpu]) !== 0) {
    if (get_cycles64() > until && READ_ONCE(wanted[cpu]) === 1) return false;
    pause();
  }
  return true;
}
