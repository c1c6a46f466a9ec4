// Traps into machine mode: the supervisor's calls, the timer and the software interrupt. Any other exception below machine
// mode is the supervisor's to handle.
//
// mscratch holds the top of this hart's machine stack while the supervisor runs and 0 while the handler does, so a trap
// inside the handler is noticed. The handler is compiled code and keeps s0..s11; the vector saves the rest.

import { finisher_fail } from "./board.ts";
import {
  CAUSE_ECALL_S,
  CAUSE_ILLEGAL_INSTRUCTION,
  CAUSE_INTERRUPT,
  IRQ_M_SOFT,
  IRQ_M_TIMER,
  MCAUSE,
  MEPC,
  MSTATUS,
  MSTATUS_MPP,
  MTVAL,
} from "./csr.ts";
import { harts, this_hart } from "./hart.ts";
import { software_interrupt } from "./ipi.ts";
import { redirect_trap } from "./redirect.ts";
import { sbi_call } from "./sbi.ts";
import { timer_interrupt } from "./timer.ts";
import { put_decimal, put_hex, put_string } from "./uart.ts";

export class trap_frame {
  ra: u32;
  t0: u32;
  t1: u32;
  t2: u32;
  a0: u32;
  a1: u32;
  a2: u32;
  a3: u32;
  a4: u32;
  a5: u32;
  a6: u32;
  a7: u32;
  t3: u32;
  t4: u32;
  t5: u32;
  t6: u32;
  sp: u32;
  mepc: u32;
}

/** Size of a frame on the stack, a multiple of 16. */
const FRAME = 80;

export function fw_trap_vector(): void {
  "naked";
  asm`
    csrrw sp, mscratch, sp
    beqz sp, 1f
    addi sp, sp, -${FRAME}
    sw ra, ${offsetOf(trap_frame, "ra")}(sp)
    sw t0, ${offsetOf(trap_frame, "t0")}(sp)
    sw t1, ${offsetOf(trap_frame, "t1")}(sp)
    sw t2, ${offsetOf(trap_frame, "t2")}(sp)
    sw a0, ${offsetOf(trap_frame, "a0")}(sp)
    sw a1, ${offsetOf(trap_frame, "a1")}(sp)
    sw a2, ${offsetOf(trap_frame, "a2")}(sp)
    sw a3, ${offsetOf(trap_frame, "a3")}(sp)
    sw a4, ${offsetOf(trap_frame, "a4")}(sp)
    sw a5, ${offsetOf(trap_frame, "a5")}(sp)
    sw a6, ${offsetOf(trap_frame, "a6")}(sp)
    sw a7, ${offsetOf(trap_frame, "a7")}(sp)
    sw t3, ${offsetOf(trap_frame, "t3")}(sp)
    sw t4, ${offsetOf(trap_frame, "t4")}(sp)
    sw t5, ${offsetOf(trap_frame, "t5")}(sp)
    sw t6, ${offsetOf(trap_frame, "t6")}(sp)
    csrrw t0, mscratch, zero
    sw t0, ${offsetOf(trap_frame, "sp")}(sp)
    csrr t0, mepc
    sw t0, ${offsetOf(trap_frame, "mepc")}(sp)
    mv a0, sp
    call ${fw_trap}
    lw t0, ${offsetOf(trap_frame, "mepc")}(sp)
    csrw mepc, t0
    addi t0, sp, ${FRAME}
    csrw mscratch, t0
    lw ra, ${offsetOf(trap_frame, "ra")}(sp)
    lw t0, ${offsetOf(trap_frame, "t0")}(sp)
    lw t1, ${offsetOf(trap_frame, "t1")}(sp)
    lw t2, ${offsetOf(trap_frame, "t2")}(sp)
    lw a0, ${offsetOf(trap_frame, "a0")}(sp)
    lw a1, ${offsetOf(trap_frame, "a1")}(sp)
    lw a2, ${offsetOf(trap_frame, "a2")}(sp)
    lw a3, ${offsetOf(trap_frame, "a3")}(sp)
    lw a4, ${offsetOf(trap_frame, "a4")}(sp)
    lw a5, ${offsetOf(trap_frame, "a5")}(sp)
    lw a6, ${offsetOf(trap_frame, "a6")}(sp)
    lw a7, ${offsetOf(trap_frame, "a7")}(sp)
    lw t3, ${offsetOf(trap_frame, "t3")}(sp)
    lw t4, ${offsetOf(trap_frame, "t4")}(sp)
    lw t5, ${offsetOf(trap_frame, "t5")}(sp)
    lw t6, ${offsetOf(trap_frame, "t6")}(sp)
    lw sp, ${offsetOf(trap_frame, "sp")}(sp)
    mret
1:  csrr sp, mscratch
    call ${fw_fatal}`;
}

export function fw_trap(frame: trap_frame): void {
  const cause = csrRead(MCAUSE);
  if (cause === CAUSE_ECALL_S) {
    sbi_call(frame);
  } else if (cause === (CAUSE_INTERRUPT | IRQ_M_TIMER)) {
    timer_interrupt();
  } else if (cause === (CAUSE_INTERRUPT | IRQ_M_SOFT)) {
    software_interrupt(this_hart());
  } else if (cause === CAUSE_ILLEGAL_INSTRUCTION && harts[this_hart()].probing !== 0) {
    harts[this_hart()].probing = 2;
    frame.mepc += 4;
  } else if ((cause & CAUSE_INTERRUPT) === 0 && (csrRead(MSTATUS) & MSTATUS_MPP) !== MSTATUS_MPP) {
    redirect_trap(frame, frame.mepc, cause, csrRead(MTVAL));
  } else {
    fw_fatal();
  }
}

/** A trap nobody expects: say what is known and end the machine. */
export function fw_fatal(): void {
  put_string("\nhartlab firmware: unexpected trap on hart ");
  put_decimal(this_hart());
  put_string(", mcause ");
  put_hex(csrRead(MCAUSE));
  put_string(" mepc ");
  put_hex(csrRead(MEPC));
  put_string(" mtval ");
  put_hex(csrRead(MTVAL));
  put_string(
    (csrRead(MSTATUS) & MSTATUS_MPP) === MSTATUS_MPP
      ? " in machine mode\n"
      : " below machine mode\n",
  );
  finisher_fail();
}
