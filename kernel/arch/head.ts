// From physical addresses to start_kernel, and the same for each further hart.
//
// The image is linked at PAGE_OFFSET and loaded at PHYS_OFFSET. `la` is relative to the pc: it gives physical addresses
// until satp is written. Writing satp makes the next fetch fault, because nothing maps the physical address of the code;
// stvec already holds the virtual address of what comes next, so the fault is the jump.

import { CSR_SATP, CSR_SIE, CSR_STVEC } from "./csr.ts";
import { VA_PA_OFFSET } from "./page.ts";
import { PAGE_KERNEL_EXEC, swapper_pg_dir } from "./pgtable.ts";
import { STACK_SIZE } from "./thread.ts";
import { trap_entry } from "./traps.ts";

/** Twice the size, because only whole pages are aligned by the compiler: the stack in it is aligned to its own size. */
const init_stack_space = new FixedArray<u8>(2 * STACK_SIZE);

/** Lowest address of the boot CPU's stack. */
export function init_stack(): usize {
  return (addr(init_stack_space) + STACK_SIZE - 1) & ~(STACK_SIZE - 1);
}

/** What a further hart finds through the argument of its start; the first two words are read by assembly. */
export class secondary_data {
  stack_top: usize;
  percpu: usize;
  entry: () => void;
}

/** First entry of the linear map: physical 0x8040_0000; each next one maps the next 4 MiB. */
const LINEAR_PTE = 0x2010_0000 | PAGE_KERNEL_EXEC;
const LINEAR_STEP = 0x0010_0000;
const LINEAR_ENTRIES = 255;
const LINEAR_FIRST = 768 * 4;

/** a0 = hart id, a1 = device tree; translation off. */
export function kernel_entry(): void {
  "naked";
  "section .head.text";
  asm`
    csrw ${CSR_SIE}, zero
    mv s1, a0
    mv s2, a1
    li s3, ${VA_PA_OFFSET}
    la t0, __bss_start
    la t1, __bss_stop
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    sw zero, 4(t0)
    sw zero, 8(t0)
    sw zero, 12(t0)
    sw zero, 16(t0)
    sw zero, 20(t0)
    sw zero, 24(t0)
    sw zero, 28(t0)
    addi t0, t0, 32
    j 1b
2:  la s4, ${swapper_pg_dir}
    li t0, ${LINEAR_FIRST}
    add t0, s4, t0
    li t1, ${LINEAR_PTE}
    li t2, ${LINEAR_STEP}
    li t3, ${LINEAR_ENTRIES}
3:  sw t1, 0(t0)
    add t1, t1, t2
    addi t0, t0, 4
    addi t3, t3, -1
    bnez t3, 3b
    la t0, ${start_virtual}
    add t0, t0, s3
    csrw ${CSR_STVEC}, t0
    srli t0, s4, 12
    li t1, 0x80000000
    or t0, t0, t1
    sfence.vma
    csrw ${CSR_SATP}, t0
    sfence.vma
4:  j 4b`;
}

/** The boot hart, now at its virtual address: s1 = hart id, s2 = device tree. */
export function start_virtual(): void {
  "naked";
  asm`
    la t0, ${trap_entry}
    csrw ${CSR_STVEC}, t0
    la sp, ${init_stack_space}
    li t0, ${2 * STACK_SIZE - 1}
    add sp, sp, t0
    li t0, ${-STACK_SIZE}
    and sp, sp, t0
    la tp, __per_cpu_start
    li s0, 0
    mv a0, s1
    mv a1, s2
    call start_kernel
1:  wfi
    j 1b`;
}

/** Where the firmware starts a further hart: a1 = its secondary_data (virtual); translation off. */
export function secondary_entry(): void {
  "naked";
  asm`
    csrw ${CSR_SIE}, zero
    mv s1, a1
    li s3, ${VA_PA_OFFSET}
    la s4, ${swapper_pg_dir}
    la t0, ${secondary_virtual}
    add t0, t0, s3
    csrw ${CSR_STVEC}, t0
    srli t0, s4, 12
    li t1, 0x80000000
    or t0, t0, t1
    sfence.vma
    csrw ${CSR_SATP}, t0
    sfence.vma
1:  j 1b`;
}

export function secondary_virtual(): void {
  "naked";
  asm`
    la t0, ${trap_entry}
    csrw ${CSR_STVEC}, t0
    lw sp, ${offsetOf(secondary_data, "stack_top")}(s1)
    lw tp, ${offsetOf(secondary_data, "percpu")}(s1)
    lw t0, ${offsetOf(secondary_data, "entry")}(s1)
    li s0, 0
    jalr t0
1:  wfi
    j 1b`;
}
