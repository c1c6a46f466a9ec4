// Interrupts between CPUs: a set of reasons for each CPU, and the firmware's software interrupt to make it look.

import { cpu_online, cpuid_to_hartid_map, nr_cpu_ids } from "./cpumask.ts";
import { CSR_SIP, IRQ_S_SOFT } from "./csr.ts";
import { NR_CPUS } from "./percpu.ts";
import { sbi_send_ipi } from "./sbi.ts";

export const enum IPI {
  RESCHEDULE = 1 << 0,
  CALL_FUNC = 1 << 1,
  STOP = 1 << 2,
  BACKTRACE = 1 << 3,
}

/** Reasons that the CPU has not looked at yet. */
const ipi_pending = new FixedArray<u32>(NR_CPUS);

export function send_ipi_single(cpu: u32, reason: u32): void {
  amoOr(addressOf(ipi_pending[cpu]), reason);
  fence("rw", "rw");
  sbi_send_ipi(1, cpuid_to_hartid_map[cpu]);
}

/** Acknowledges the software interrupt; the reasons for it. */
export function ipi_take(cpu: u32): u32 {
  csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT);
  fence("rw", "rw");
  return amoSwap(addressOf(ipi_pending[cpu]), 0);
}

/** Stops all other CPUs for good. For a CPU that panics: takes no lock. */
export function smp_send_stop(self: u32): void {
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (cpu !== self && cpu_online(cpu)) send_ipi_single(cpu, IPI.STOP);
  }
}
