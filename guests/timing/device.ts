// Loads and stores of devices: the bus costs, not the device.

import { measure } from "./report.ts";

const MTIME = 0x0200_bff8;
/** The upper half of hart 0's comparator: all ones, so that no timer fires. */
const MTIMECMP_HIGH = 0x0200_4004;
const PLIC_PRIORITY = 0x0c00_0004;
const UART_SCRATCH = 0x1000_0007;
const ROUNDS = 8;

export function devices(): void {
  measure("clint-load", 0, time_load, ROUNDS, MTIME);
  measure("clint-store", 0, time_store, ROUNDS, MTIMECMP_HIGH);
  measure("plic-load", 0, time_load, ROUNDS, PLIC_PRIORITY);
  measure("plic-store", 0, time_store, ROUNDS, PLIC_PRIORITY);
  measure("uart-load", 0, time_load_byte, ROUNDS, UART_SCRATCH);
  measure("uart-store", 0, time_store_byte, ROUNDS, UART_SCRATCH);
}

function time_load(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    li t3, -1
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

function time_store(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    li t3, -1
    csrr t0, cycle
1:  sw t3, 0(a1)
    sw t3, 0(a1)
    sw t3, 0(a1)
    sw t3, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

function time_load_byte(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    li t3, -1
    csrr t0, cycle
1:  lbu t2, 0(a1)
    lbu t2, 0(a1)
    lbu t2, 0(a1)
    lbu t2, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

function time_store_byte(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    li t3, -1
    csrr t0, cycle
1:  sb t3, 0(a1)
    sb t3, 0(a1)
    sb t3, 0(a1)
    sb t3, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
