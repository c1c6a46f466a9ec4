// Accesses to addresses that the supervisor names and that may not be there: a trap inside one is caught, not fatal.
//
// The trap vector is the address behind the access for as long as it lasts. mstatus is put back as it was, so the trap's
// own writes to MPP and MPIE are undone; mepc, mcause and mtval are those of the caught trap (fw_trap has saved its own).

import { MSTATUS, MTVEC } from "./csr.ts";

/** Loads with the translation and rights of the mode that called us. */
const MSTATUS_MPRV = 1 << 17;

export class guarded {
  /** What was loaded, or is to be stored. */
  value: u32;
  trapped: u32;
}

/** A word at a supervisor's virtual address. */
export function load_supervisor_word(_access: guarded, _address: usize): void {
  "naked";
  asm`
    li t3, 1
    la t1, 1f
    csrrw t0, ${MTVEC}, t1
    li t1, ${MSTATUS_MPRV}
    csrrs t2, ${MSTATUS}, t1
    lw t4, 0(a1)
    li t3, 0
1:  csrw ${MSTATUS}, t2
    csrw ${MTVEC}, t0
    sw t4, ${offsetOf(guarded, "value")}(a0)
    sw t3, ${offsetOf(guarded, "trapped")}(a0)
    ret`;
}

/** A byte at a physical address. */
export function load_byte(_access: guarded, _address: usize): void {
  "naked";
  asm`
    li t3, 1
    la t1, 1f
    csrrw t0, ${MTVEC}, t1
    csrr t2, ${MSTATUS}
    lbu t4, 0(a1)
    li t3, 0
1:  csrw ${MSTATUS}, t2
    csrw ${MTVEC}, t0
    sw t4, ${offsetOf(guarded, "value")}(a0)
    sw t3, ${offsetOf(guarded, "trapped")}(a0)
    ret`;
}

export function store_byte(_access: guarded, _address: usize): void {
  "naked";
  asm`
    li t3, 1
    lw t4, ${offsetOf(guarded, "value")}(a0)
    la t1, 1f
    csrrw t0, ${MTVEC}, t1
    csrr t2, ${MSTATUS}
    sb t4, 0(a1)
    li t3, 0
1:  csrw ${MSTATUS}, t2
    csrw ${MTVEC}, t0
    sw t3, ${offsetOf(guarded, "trapped")}(a0)
    ret`;
}
