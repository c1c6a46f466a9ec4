// Loads that depend on each other and stores that do not, over more and more memory: L1, shared L2, memory.

import { cycles_of, report, time_nothing } from "./report.ts";

/** Plain memory behind image and stacks; the machine has 32 MiB. */
const ARENA = 0x8080_0000;
const KIB = 1024;
const LINE_BYTES = 64;

/** A ring of pointers, `stride` bytes apart over `bytes`; the number of them. */
function make_ring(base: usize, bytes: u32, stride: u32): u32 {
  const count = bytes / stride;
  for (let i: u32 = 0; i < count; i++) {
    const next = i + 1 === count ? base : base + (i + 1) * stride;
    WRITE_ONCE(cast<Ptr<u32>>(base + i * stride)[0], next);
  }
  return count;
}

/** Once round the ring to warm up, once measured. */
function measure_ring(name: string, bytes: u32, stride: u32, parameter: u32): void {
  const count = make_ring(ARENA, bytes, stride);
  const rounds = count < 256 ? 64 : count / 4;
  cycles_of(time_chase, rounds, ARENA);
  report(name, parameter, cycles_of(time_chase, rounds, ARENA) - cycles_of(time_nothing, rounds, ARENA), 4 * rounds);
}

function measure_stores(bytes: u32): void {
  const rounds = bytes / LINE_BYTES / 4;
  cycles_of(time_stores, rounds, ARENA);
  report("store-bytes", bytes, cycles_of(time_stores, rounds, ARENA) - cycles_of(time_steps, rounds, ARENA), 4 * rounds);
}

export function loads_and_stores(): void {
  for (let bytes: u32 = 4 * KIB; bytes <= 4096 * KIB; bytes *= 2) measure_ring("load-bytes", bytes, LINE_BYTES, bytes);
  for (let stride: u32 = 4; stride <= 4096; stride *= 4) measure_ring("load-stride-16k", 16 * KIB, stride, stride);
  for (let stride: u32 = 4; stride <= 4096; stride *= 4) measure_ring("load-stride-256k", 256 * KIB, stride, stride);
  for (let stride: u32 = 4; stride <= 4096; stride *= 4) measure_ring("load-stride-4m", 4096 * KIB, stride, stride);
  measure_stores(16 * KIB);
  measure_stores(256 * KIB);
  measure_stores(4096 * KIB);
}

/** Each load gives the address of the next. */
export function time_chase(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  lw a1, 0(a1)
    lw a1, 0(a1)
    lw a1, 0(a1)
    lw a1, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** One store a line. */
export function time_stores(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  sw zero, 0(a1)
    addi a1, a1, 64
    sw zero, 0(a1)
    addi a1, a1, 64
    sw zero, 0(a1)
    addi a1, a1, 64
    sw zero, 0(a1)
    addi a1, a1, 64
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}

/** The same loop without stores. */
export function time_steps(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    csrr t0, cycle
1:  addi a1, a1, 64
    addi a1, a1, 64
    addi a1, a1, 64
    addi a1, a1, 64
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
