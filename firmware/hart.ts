// What the firmware knows about each hart, and how a hart stops, waits and enters the supervisor (SBI HSM).
//
// A hart that is not started waits in `hart_park` for `go`. Whoever starts it moves `state` from STOPPED to START_PENDING
// (only one can), writes the entry, then sets `go` and raises the software interrupt that ends the WFI.

import { clint_set_msip, HARTS_MAX, STACK_SHIFT } from "./board.ts";
import {
  IRQ_M_SOFT,
  MEPC,
  MHARTID,
  MIE,
  MIP,
  MSCRATCH,
  MSTATUS,
  MSTATUS_MIE,
  MSTATUS_MPIE,
  MSTATUS_MPP,
  MSTATUS_MPP_S,
  MSTATUS_SIE,
  SATP,
} from "./csr.ts";
import { hart_serve_fence } from "./rfence.ts";

export const enum HSM {
  STARTED = 0,
  STOPPED = 1,
  START_PENDING = 2,
  STOP_PENDING = 3,
  SUSPENDED = 4,
  SUSPEND_PENDING = 5,
  RESUME_PENDING = 6,
}

export class hart_state {
  /** The device tree names it. */
  present: u32;
  state: u32;
  /** Set last by whoever starts it. */
  go: u32;
  start_pc: usize;
  start_arg: u32;
  /** A supervisor software interrupt is to be raised. */
  ipi: u32;
  /** A remote fence waits to be done. */
  fence: u32;
  /** 1: illegal instructions are skipped, as an optional CSR is being tried; 2: one was. */
  probing: u32;
  /** It has stimecmp. */
  sstc: u32;
}

export const harts = new StructArray(hart_state, HARTS_MAX);

export function this_hart(): u32 {
  "inline";
  return csrRead(MHARTID);
}

/** Whether a supervisor runs on this hart, or sleeps and can be woken. */
export function hart_runs(hart: u32): boolean {
  const state = READ_ONCE(harts[hart].state);
  return state === HSM.STARTED || state >= HSM.SUSPENDED;
}

/** First byte above the machine-mode stack of a hart. */
function stack_top(hart: u32): usize {
  return ((linkerSymbol("__fw_end") + 4095) & ~4095) + ((hart + 1) << STACK_SHIFT);
}

/** Waits until the hart is started, then enters the supervisor. Remote fences are served while it waits. */
export function hart_park(hart: u32): void {
  const self = harts[hart];
  csrWrite(MIE, 1 << IRQ_M_SOFT);
  while (READ_ONCE(self.go) === 0) {
    wfi();
    clint_set_msip(hart, 0);
    hart_serve_fence(hart);
  }
  fence("r", "rw");
  WRITE_ONCE(self.go, 0);
  // What was meant for its former life.
  WRITE_ONCE(self.ipi, 0);
  fence("w", "w");
  WRITE_ONCE(self.state, HSM.STARTED);
  hart_enter(hart, self.start_pc, self.start_arg);
}

/** Leaves for a new supervisor: no interrupt pending or enabled. */
export function hart_enter(hart: u32, pc: usize, arg: u32): void {
  csrReadClear(MIP, 0x222);
  csrWrite(MIE, 1 << IRQ_M_SOFT);
  hart_resume(hart, pc, arg);
}

/** Leaves for supervisor mode: translation off, interrupts off, a0 = hart id, a1 = argument. */
export function hart_resume(hart: u32, pc: usize, arg: u32): void {
  csrWrite(SATP, 0);
  sfenceVma();
  csrReadClear(MSTATUS, MSTATUS_MPP | MSTATUS_MPIE | MSTATUS_MIE | MSTATUS_SIE);
  csrReadSet(MSTATUS, MSTATUS_MPP_S);
  csrWrite(MSCRATCH, stack_top(hart));
  csrWrite(MEPC, pc);
  fenceI();
  supervisor(hart, arg);
}

function supervisor(_hart: u32, _arg: u32): void {
  "naked";
  asm`mret`;
}

/** Prepares a wake-up address for traps that come before the supervisor is entered. */
export function hart_stack_ready(hart: u32): void {
  csrWrite(MSCRATCH, stack_top(hart) - 512);
}
