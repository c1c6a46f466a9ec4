// Reset of the timing guest in machine mode: stacks, .bss, trap vector, memory opened to all modes, `main` on every hart.
//
// The guest is linked as firmware: physical = virtual, from 0x8000_0000 on, nobody below it. src/lab/timing says how it is built
// and read; docs/timing.md what it measures.

import { main } from "./main.ts";
import { trap_vector } from "./trap.ts";

/** 16 KiB of stack a hart, from the first page behind the image on. */
const STACK_SHIFT = 14;

class start_gate {
  /** Not zero, so that it lies outside .bss and holds before that is cleared. */
  closed: u32 = 1;
}
const gate = new start_gate();

export function _start(): void {
  "naked";
  asm`
    csrw mie, zero
    la t0, ${trap_vector}
    csrw mtvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, 7
    csrw mcounteren, t0
    csrw scounteren, t0
    csrr a0, mhartid
    la sp, __fw_end
    li t0, 4095
    add sp, sp, t0
    srli sp, sp, 12
    slli sp, sp, 12
    addi t1, a0, 1
    slli t1, t1, ${STACK_SHIFT}
    add sp, sp, t1
    li s0, 0
    bnez a0, 3f
    la t0, __fw_bss_start
    la t1, __fw_bss_stop
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  fence rw, w
    la t0, ${gate}
    sw zero, 0(t0)
3:  la t0, ${gate}
4:  lw t1, 0(t0)
    bnez t1, 4b
    fence r, rw
    call ${main}
5:  wfi
    j 5b`;
}
