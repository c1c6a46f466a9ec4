// A trap that came to machine mode and is the supervisor's business: it takes it as if it had been delegated.

import { MSTATUS, MSTATUS_MPP, MSTATUS_MPP_S, MSTATUS_SIE, SCAUSE, SEPC, STVAL, STVEC } from "./csr.ts";
import type { trap_frame } from "./trap.ts";

const MSTATUS_SPIE = 1 << 5;
const MSTATUS_SPP = 1 << 8;

/** The trap's mode is in mstatus.MPP; the handler returns into the supervisor's trap vector. */
export function redirect_trap(frame: trap_frame, pc: usize, cause: u32, value: u32): void {
  const status = csrRead(MSTATUS);
  let next = status & ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_MPP);
  if ((status & MSTATUS_SIE) !== 0) next |= MSTATUS_SPIE;
  if ((status & MSTATUS_MPP) === MSTATUS_MPP_S) next |= MSTATUS_SPP;
  csrWrite(MSTATUS, next | MSTATUS_MPP_S);
  csrWrite(SEPC, pc);
  csrWrite(SCAUSE, cause);
  csrWrite(STVAL, value);
  // Exceptions go to the base address in vectored mode, too.
  frame.mepc = csrRead(STVEC) & ~3;
}
