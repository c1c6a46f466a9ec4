// Reset of a bare-metal guest in machine mode: stacks, .bss, and `guest_main` of the guest that is built.
//
// Every hart enters with its id in mhartid. Hart 0 clears .bss and opens the gate; harts beyond HARTS sleep for ever.
// The whole guest is linked as firmware: it runs where it is loaded and needs neither paging nor calls to anyone below.
// Any trap ends the machine with a failure.

import { finisher_fail } from "../../firmware/board.ts";
import { put_hex, put_string } from "../../firmware/uart.ts";
import { guest_main } from "./main.ts";
import { HARTS } from "./settings.ts";

/** 16 KiB of stack a hart, from the first page behind the image on. */
const STACK_SHIFT = 14;
const MCAUSE = 0x342;
const MEPC = 0x341;

class start_gate {
  /** Not zero, so that it lies outside .bss and holds before that is cleared. */
  closed: u32 = 1;
}
const gate = new start_gate();

export function _start(): void {
  "naked";
  asm`
    csrw mie, zero
    la t0, ${unexpected_trap}
    csrw mtvec, t0
    csrr a0, mhartid
    li t0, ${HARTS}
    bgeu a0, t0, 5f
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
    call ${guest_main}
5:  wfi
    j 5b`;
}

function unexpected_trap(): void {
  put_string("unexpected trap, mcause ");
  put_hex(csrRead(MCAUSE));
  put_string(" mepc ");
  put_hex(csrRead(MEPC));
  put_string("\n");
  finisher_fail();
}
