// The supervisor's timer (SBI TIME): the CLINT's comparator and a software-raised STIP, or stimecmp where the hart has it.

import { clint_set_timecmp } from "./board.ts";
import { IRQ_M_TIMER, IRQ_S_TIMER, MIE, MIP, STIMECMP, STIMECMPH } from "./csr.ts";
import { harts, this_hart } from "./hart.ts";

export function set_timer(low: u32, high: u32): void {
  const hart = this_hart();
  if (harts[hart].sstc !== 0) {
    csrWrite(STIMECMP, 0xffff_ffff);
    csrWrite(STIMECMPH, high);
    csrWrite(STIMECMP, low);
    return;
  }
  clint_set_timecmp(hart, low, high);
  csrReadClear(MIP, 1 << IRQ_S_TIMER);
  csrReadSet(MIE, 1 << IRQ_M_TIMER);
}

/** The machine timer interrupt. The comparator stays in the past; the supervisor arms it again. */
export function timer_interrupt(): void {
  csrReadClear(MIE, 1 << IRQ_M_TIMER);
  csrReadSet(MIP, 1 << IRQ_S_TIMER);
}
