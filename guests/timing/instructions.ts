// Each instruction class on its own: four of a kind in a loop, against the empty loop. `p` is a line that this hart owns.

import { measure } from "./report.ts";

/** One page: a line to work on, with the next one for accesses across the border. */
const scratch = new FixedArray<u32>(1024);
const ROUNDS = 64;

export function instructions(): void {
  const p = addr(scratch);
  measure("alu", 0, time_alu, ROUNDS, p);
  measure("mul", 0, time_mul, ROUNDS, p);
  measure("div", 0, time_div, ROUNDS, p);
  measure("branch", 0, time_branch, ROUNDS, p);
  measure("branch-miss", 0, time_branch_miss, ROUNDS, p);
  measure("jump", 0, time_jump, ROUNDS, p);
  measure("call-return", 0, time_call, ROUNDS, p);
  measure("load-hit", 0, time_load, ROUNDS, p);
  measure("store-hit", 0, time_store, ROUNDS, p);
  measure("amo-hit", 0, time_amo, ROUNDS, p);
  measure("lr-sc-hit", 0, time_lr_sc, ROUNDS, p);
  measure("fence", 0, time_fence, ROUNDS, p);
  measure("csr", 0, time_csr, ROUNDS, p);
  measure("csr-machine", 0, time_csr_machine, ROUNDS, p);
  measure("pause", 0, time_pause, ROUNDS, p);
  measure("fence-i", 0, time_fence_i, ROUNDS, p);
  measure("sfence-vma", 0, time_sfence, ROUNDS, p);
  measure("misaligned-load", 0, time_misaligned_load, ROUNDS, p);
  measure("misaligned-load-two-lines", 0, time_misaligned_load, ROUNDS, p + 61);
  measure("misaligned-store", 0, time_misaligned_store, ROUNDS, p);
}

/** add */
function time_alu(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  add t2, t2, t3
    add t2, t2, t3
    add t2, t2, t3
    add t2, t2, t3
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** mul */
function time_mul(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  mul t2, t2, t3
    mul t2, t2, t3
    mul t2, t2, t3
    mul t2, t2, t3
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** divu */
function time_div(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  divu t2, t2, t3
    divu t2, t2, t3
    divu t2, t2, t3
    divu t2, t2, t3
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** Forward, not taken: as predicted. */
function time_branch(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  bne zero, zero, 6f
    bne zero, zero, 6f
    bne zero, zero, 6f
    bne zero, zero, 6f
6:  addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** Forward, taken. */
function time_branch_miss(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  beq zero, zero, 2f
2:  beq zero, zero, 3f
3:  beq zero, zero, 4f
4:  beq zero, zero, 5f
5:  addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** jal */
function time_jump(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  j 2f
2:  j 3f
3:  j 4f
4:  j 5f
5:  addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** A call and its return. */
function time_call(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  jal t3, 9f
    jal t3, 9f
    jal t3, 9f
    jal t3, 9f
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret
9:  jr t3`;
}

/** lw that hits. */
function time_load(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  lw t2, 0(a1)
    lw t2, 0(a1)
    lw t2, 0(a1)
    lw t2, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** sw that hits. */
function time_store(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  sw t2, 0(a1)
    sw t2, 0(a1)
    sw t2, 0(a1)
    sw t2, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** amoadd.w that hits. */
function time_amo(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  amoadd.w t2, t3, (a1)
    amoadd.w t2, t3, (a1)
    amoadd.w t2, t3, (a1)
    amoadd.w t2, t3, (a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** lr.w and sc.w that hit. */
function time_lr_sc(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  lr.w t2, (a1)
    sc.w t2, t3, (a1)
    lr.w t2, (a1)
    sc.w t2, t3, (a1)
    lr.w t2, (a1)
    sc.w t2, t3, (a1)
    lr.w t2, (a1)
    sc.w t2, t3, (a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** fence */
function time_fence(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  fence rw, rw
    fence rw, rw
    fence rw, rw
    fence rw, rw
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** A counter. */
function time_csr(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  csrr t2, time
    csrr t2, time
    csrr t2, time
    csrr t2, time
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** A register of machine mode. */
function time_csr_machine(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  csrr t2, mscratch
    csrr t2, mscratch
    csrr t2, mscratch
    csrr t2, mscratch
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** pause */
function time_pause(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  pause
    pause
    pause
    pause
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** fence.i */
function time_fence_i(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  fence.i
    fence.i
    fence.i
    fence.i
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** sfence.vma */
function time_sfence(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  sfence.vma
    sfence.vma
    sfence.vma
    sfence.vma
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** lw at p + 1. */
function time_misaligned_load(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  lw t2, 1(a1)
    lw t2, 1(a1)
    lw t2, 1(a1)
    lw t2, 1(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** sw at p + 1. */
function time_misaligned_store(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  sw t2, 1(a1)
    sw t2, 1(a1)
    sw t2, 1(a1)
    sw t2, 1(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
