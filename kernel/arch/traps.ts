// Trap entry and exit. There is no user mode: a trap always interrupts kernel code and stays on its stack.
//
// Stack below the interrupted sp, from high to low:  epc | s0 of the interrupted code | 2 words | pt_regs
// The two uppermost words look like a function's frame record, so that stack walks go through a trap. tp is not
// restored: preemption at the end of an interrupt may bring the task back on another CPU.

import { CONFIG } from "config";
import { CAUSE_INTERRUPT, CSR_SIE, CSR_SSTATUS, CSR_STVEC, SSTATUS_SUM } from "./csr.ts";

export class pt_regs {
  epc: usize;
  ra: usize;
  sp: usize;
  gp: u32;
  tp: u32;
  t0: u32;
  t1: u32;
  t2: u32;
  s0: usize;
  s1: u32;
  a0: u32;
  a1: u32;
  a2: u32;
  a3: u32;
  a4: u32;
  a5: u32;
  a6: u32;
  a7: u32;
  s2: u32;
  s3: u32;
  s4: u32;
  s5: u32;
  s6: u32;
  s7: u32;
  s8: u32;
  s9: u32;
  s10: u32;
  s11: u32;
  t3: u32;
  t4: u32;
  t5: u32;
  t6: u32;
  status: u32;
  badaddr: u32;
  cause: u32;
  orig_a0: u32;
}

/** pt_regs and the frame record, a multiple of 16. */
const FRAME = 160;

export type trap_handler = (regs: pt_regs) => void;

/** The layers above register what a trap means. */
let handle_arch_irq: trap_handler | null = null;
let handle_arch_exception: trap_handler | null = null;

/** Both handlers run with interrupts off and leave them off. */
export function set_trap_handlers(irq: trap_handler, exception: trap_handler): void {
  handle_arch_irq = irq;
  handle_arch_exception = exception;
}

/** This CPU takes its traps in trap_entry from now on; single interrupts are still off. */
export function trap_init(): void {
  csrWrite(CSR_SIE, 0);
  csrWrite(CSR_STVEC, addr(trap_entry));
}

export function trap_entry(): void {
  "naked";
  asm`
    addi sp, sp, -${FRAME}
    sw ra, ${offsetOf(pt_regs, "ra")}(sp)
    sw t0, ${offsetOf(pt_regs, "t0")}(sp)
    sw t1, ${offsetOf(pt_regs, "t1")}(sp)
    sw t2, ${offsetOf(pt_regs, "t2")}(sp)
    sw s0, ${offsetOf(pt_regs, "s0")}(sp)
    sw a0, ${offsetOf(pt_regs, "a0")}(sp)
    sw a1, ${offsetOf(pt_regs, "a1")}(sp)
    sw a2, ${offsetOf(pt_regs, "a2")}(sp)
    sw a3, ${offsetOf(pt_regs, "a3")}(sp)
    sw a4, ${offsetOf(pt_regs, "a4")}(sp)
    sw a5, ${offsetOf(pt_regs, "a5")}(sp)
    sw a6, ${offsetOf(pt_regs, "a6")}(sp)
    sw a7, ${offsetOf(pt_regs, "a7")}(sp)
    sw t3, ${offsetOf(pt_regs, "t3")}(sp)
    sw t4, ${offsetOf(pt_regs, "t4")}(sp)
    sw t5, ${offsetOf(pt_regs, "t5")}(sp)
    sw t6, ${offsetOf(pt_regs, "t6")}(sp)
    sw s1, ${offsetOf(pt_regs, "s1")}(sp)
    sw s2, ${offsetOf(pt_regs, "s2")}(sp)
    sw s3, ${offsetOf(pt_regs, "s3")}(sp)
    sw s4, ${offsetOf(pt_regs, "s4")}(sp)
    sw s5, ${offsetOf(pt_regs, "s5")}(sp)
    sw s6, ${offsetOf(pt_regs, "s6")}(sp)
    sw s7, ${offsetOf(pt_regs, "s7")}(sp)
    sw s8, ${offsetOf(pt_regs, "s8")}(sp)
    sw s9, ${offsetOf(pt_regs, "s9")}(sp)
    sw s10, ${offsetOf(pt_regs, "s10")}(sp)
    sw s11, ${offsetOf(pt_regs, "s11")}(sp)
    sw gp, ${offsetOf(pt_regs, "gp")}(sp)
    sw tp, ${offsetOf(pt_regs, "tp")}(sp)
    csrr t0, sepc
    csrr t1, sstatus
    csrr t2, scause
    csrr t3, stval
    sw t0, ${offsetOf(pt_regs, "epc")}(sp)
    sw t1, ${offsetOf(pt_regs, "status")}(sp)
    sw t2, ${offsetOf(pt_regs, "cause")}(sp)
    sw t3, ${offsetOf(pt_regs, "badaddr")}(sp)
    sw s0, ${FRAME - 8}(sp)
    sw t0, ${FRAME - 4}(sp)
    addi s0, sp, ${FRAME}
    sw s0, ${offsetOf(pt_regs, "sp")}(sp)
    mv a0, sp
    call ${do_trap}
    lw t0, ${offsetOf(pt_regs, "epc")}(sp)
    lw t1, ${offsetOf(pt_regs, "status")}(sp)
    sc.w zero, t0, (sp)
    csrw sepc, t0
    csrw sstatus, t1
    lw ra, ${offsetOf(pt_regs, "ra")}(sp)
    lw t0, ${offsetOf(pt_regs, "t0")}(sp)
    lw t1, ${offsetOf(pt_regs, "t1")}(sp)
    lw t2, ${offsetOf(pt_regs, "t2")}(sp)
    lw s0, ${offsetOf(pt_regs, "s0")}(sp)
    lw a0, ${offsetOf(pt_regs, "a0")}(sp)
    lw a1, ${offsetOf(pt_regs, "a1")}(sp)
    lw a2, ${offsetOf(pt_regs, "a2")}(sp)
    lw a3, ${offsetOf(pt_regs, "a3")}(sp)
    lw a4, ${offsetOf(pt_regs, "a4")}(sp)
    lw a5, ${offsetOf(pt_regs, "a5")}(sp)
    lw a6, ${offsetOf(pt_regs, "a6")}(sp)
    lw a7, ${offsetOf(pt_regs, "a7")}(sp)
    lw t3, ${offsetOf(pt_regs, "t3")}(sp)
    lw t4, ${offsetOf(pt_regs, "t4")}(sp)
    lw t5, ${offsetOf(pt_regs, "t5")}(sp)
    lw t6, ${offsetOf(pt_regs, "t6")}(sp)
    lw s1, ${offsetOf(pt_regs, "s1")}(sp)
    addi sp, sp, ${FRAME}
    sret`;
}

/** Called by trap_entry, whose sc.w ends a reservation that the interrupted code may have held. */
export function do_trap(regs: pt_regs): void {
  // Handlers, and tasks that run meanwhile, have no business with user memory; the way back restores it.
  if (CONFIG.swap.enabled) csrReadClear(CSR_SSTATUS, SSTATUS_SUM);
  const handler = (regs.cause & CAUSE_INTERRUPT) !== 0 ? handle_arch_irq : handle_arch_exception;
  if (handler !== null) handler(regs);
}
