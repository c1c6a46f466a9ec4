// ecall and back: to machine mode from itself and from supervisor mode, to supervisor mode from user mode.
//
// The handlers do the least: they step over the ecall. t5 and t6 are theirs. ebreak leaves a lower mode: it goes to the address in
// mscratch, in machine mode.

import { measure } from "./report.ts";

const MEDELEG = 0x302;
const STVEC = 0x105;
const ECALL_FROM_USER = 1 << 8;
const ROUNDS = 32;

export function traps(): void {
  csrWrite(MEDELEG, ECALL_FROM_USER);
  csrWrite(STVEC, addr(supervisor_vector));
  measure("ecall-machine", 0, time_machine, ROUNDS, 0);
  measure("ecall-supervisor-to-machine", 0, time_supervisor, ROUNDS, 0);
  measure("ecall-user-to-supervisor", 0, time_user, ROUNDS, 0);
}

export function trap_vector(): void {
  "naked";
  asm`
    csrr t5, mcause
    li t6, 3
    beq t5, t6, 1f
    csrr t5, mepc
    addi t5, t5, 4
    csrw mepc, t5
    mret
1:  csrr t5, mscratch
    csrw mepc, t5
    li t5, 0x1800
    csrs mstatus, t5
    mret`;
}

function supervisor_vector(): void {
  "naked";
  asm`
    csrr t5, sepc
    addi t5, t5, 4
    csrw sepc, t5
    sret`;
}

function time_machine(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  ecall
    ecall
    ecall
    ecall
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

function time_supervisor(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrw mscratch, ra
    jal t5, 2f
    csrr t0, cycle
1:  ecall
    ecall
    ecall
    ecall
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ebreak
2:  csrw mepc, t5
    li t5, 0x1800
    csrc mstatus, t5
    li t5, 0x800
    csrs mstatus, t5
    mret`;
}

function time_user(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrw mscratch, ra
    jal t5, 2f
    csrr t0, cycle
1:  ecall
    ecall
    ecall
    ecall
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ebreak
2:  csrw mepc, t5
    li t5, 0x1800
    csrc mstatus, t5
    mret`;
}
