// Supervisor interrupts of this CPU: sstatus.SIE. Each function keeps memory accesses on its side.

import { CSR_SSTATUS, SSTATUS_SIE } from "./csr.ts";

/** Switches interrupts off; the former state, for local_irq_restore. */
export function local_irq_save(): u32 {
  "inline";
  const flags = csrReadClear(CSR_SSTATUS, SSTATUS_SIE) & SSTATUS_SIE;
  barrier();
  return flags;
}

/** @restores flags */
export function local_irq_restore(flags: u32): void {
  "inline";
  barrier();
  csrReadSet(CSR_SSTATUS, flags & SSTATUS_SIE);
}

export function local_irq_disable(): void {
  "inline";
  csrReadClear(CSR_SSTATUS, SSTATUS_SIE);
  barrier();
}

export function local_irq_enable(): void {
  "inline";
  barrier();
  csrReadSet(CSR_SSTATUS, SSTATUS_SIE);
}

export function irqs_disabled(): boolean {
  "inline";
  return (csrRead(CSR_SSTATUS) & SSTATUS_SIE) === 0;
}
