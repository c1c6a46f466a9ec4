// Reset of a bare-metal guest in machine mode, on hart 0 alone: .bss, a stack, `guest_main`.
//
// A trap is remembered and its instruction (four bytes) skipped, so that a guest can try what may fault.

import { finisher_poweroff } from "../../../firmware/board.ts";
import { guest_main } from "./main.ts";

/** Bytes of stack, behind the image. */
const STACK = 0x4000;
const NO_TRAP = 0xff;

class trap_record {
  saved: u32;
  cause: u32 = NO_TRAP;
}
const trap = new trap_record();

export function _start(): void {
  "naked";
  asm`
    csrw mie, zero
    csrr t0, mhartid
    bnez t0, 3f
    la t0, ${skip}
    csrw mtvec, t0
    la sp, __fw_end
    li t0, ${STACK}
    add sp, sp, t0
    andi sp, sp, -16
    li s0, 0
    la t0, __fw_bss_start
    la t1, __fw_bss_stop
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call ${guest_main}
    call ${finisher_poweroff}
3:  wfi
    j 3b`;
}

function skip(): void {
  "naked";
  asm`
    csrw mscratch, t0
    la t0, ${trap}
    sw t1, 0(t0)
    csrr t1, mcause
    sw t1, 4(t0)
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    lw t1, 0(t0)
    csrr t0, mscratch
    mret`;
}

/** The cause of the last trap since this was asked, or 0xff. */
export function take_trap(): u32 {
  const cause = READ_ONCE(trap.cause);
  WRITE_ONCE(trap.cause, NO_TRAP);
  return cause;
}
