// Access to user memory. sstatus.SUM is set for the few instructions that need it, so that whatever else touches a user's page is a fault;
// a trap clears it (traps.ts), and comes back to what it was.
//
// A fault that cannot be served (mm/memory/do_page_fault.ts) does not end in an Oops here: the function returns at once, with what its a2
// says. Only the instructions that USER_INSNS names may fault; all of them are leaves without a frame, so ra is the way out.
//   __get_user_word, __put_user_word     0, or their third argument
//   __copy_from_user, __copy_to_user     bytes not copied: a whole number of words, since words are copied
// a0 is the result: a function that consists of assembly has no result type, so callers (mm/memory/uaccess.ts) call them by a cast.
// Limits: words, aligned. Linux: arch/riscv/lib/uaccess.S, include/asm/uaccess.h.

import { CSR_SSTATUS, SSTATUS_SUM } from "./csr.ts";
import type { pt_regs } from "./traps.ts";

/** Reads the word at `from` into `to`. */
export function __get_user_word(_from: usize, _to: Ptr<u32>, _error: i32): void {
  "naked";
  asm`
    lui t0, ${SSTATUS_SUM >>> 12}
    csrs ${CSR_SSTATUS}, t0
    lw t1, 0(a0)
    csrc ${CSR_SSTATUS}, t0
    sw t1, 0(a1)
    li a0, 0
    ret`;
}

/** Writes `value` to `to`. */
export function __put_user_word(_to: usize, _value: u32, _error: i32): void {
  "naked";
  asm`
    lui t0, ${SSTATUS_SUM >>> 12}
    csrs ${CSR_SSTATUS}, t0
    sw a1, 0(a0)
    csrc ${CSR_SSTATUS}, t0
    li a0, 0
    ret`;
}

/** Copies `bytes` from user memory; the bytes that are left when it may go no further. */
export function __copy_from_user(_to: usize, _from: usize, _bytes: u32): void {
  "naked";
  asm`
    lui t0, ${SSTATUS_SUM >>> 12}
    csrs ${CSR_SSTATUS}, t0
    j 2f
1:  lw t1, 0(a1)
    sw t1, 0(a0)
    addi a0, a0, 4
    addi a1, a1, 4
    addi a2, a2, -4
2:  bnez a2, 1b
    csrc ${CSR_SSTATUS}, t0
    mv a0, a2
    ret`;
}

/** Copies `bytes` to user memory; the bytes that are left when it may go no further. */
export function __copy_to_user(_to: usize, _from: usize, _bytes: u32): void {
  "naked";
  asm`
    lui t0, ${SSTATUS_SUM >>> 12}
    csrs ${CSR_SSTATUS}, t0
    j 2f
1:  lw t1, 0(a1)
    sw t1, 0(a0)
    addi a0, a0, 4
    addi a1, a1, 4
    addi a2, a2, -4
2:  bnez a2, 1b
    csrc ${CSR_SSTATUS}, t0
    mv a0, a2
    ret`;
}

/** The instruction is one of those that may fault. */
export function is_user_access(epc: usize): boolean {
  return epc === addr(__get_user_word) + 8 || epc === addr(__put_user_word) + 8 || epc === addr(__copy_from_user) + 12 ||
    epc === addr(__copy_to_user) + 16;
}

/** The faulting function returns what its a2 says. */
export function fixup_user_access(regs: pt_regs): void {
  regs.status &= ~SSTATUS_SUM;
  regs.a0 = regs.a2;
  regs.epc = regs.ra;
}
