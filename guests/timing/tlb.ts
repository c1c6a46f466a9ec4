// A ring over more and more pages, translated and not. Loads in machine mode with mstatus.MPRV go through Sv32 as those of
// supervisor mode do, so the code needs no mapping.
//
// Pages are 17 apart: their page-table entries lie in lines of their own, and 64 of them fill all of a TLB.

import { cycles_of, report, time_nothing, type timed } from "./report.ts";
import { time_chase } from "./memory.ts";

const ROOT = 0x8110_0000;
const TABLES = 0x8111_0000;
const DATA = 0x8120_0000;
const WINDOW = 0x4000_0000;
const PAGE = 4096;
const SPACING = 17 * PAGE;
/** Valid, readable, writable, accessed, dirty. */
const LEAF = 0xc7;
const VALID = 1;
const SATP = 0x180;
const SV32 = 0x8000_0000;

/** Where in its page the word of page `k` is, so that the words do not compete for sets of the L1. */
function place(k: u32): u32 {
  "inline";
  return (k & 63) * 64;
}

function map(k: u32): void {
  const va = WINDOW + k * SPACING;
  const region = (va >>> 22) - (WINDOW >>> 22);
  cast<Ptr<u32>>(ROOT)[va >>> 22] = ((TABLES + region * PAGE) >>> 2) | VALID;
  cast<Ptr<u32>>(TABLES + region * PAGE)[(va >>> 12) & 1023] = ((DATA + k * PAGE) >>> 2) | LEAF;
}

/** A ring over `count` pages whose pointers count from `base`, `spacing` a page. */
function make_ring(count: u32, base: usize, spacing: u32): void {
  for (let k: u32 = 0; k < count; k++) {
    const next = k + 1 === count ? 0 : k + 1;
    WRITE_ONCE(cast<Ptr<u32>>(DATA + k * PAGE + place(k))[0], base + next * spacing + place(next));
  }
}

function measure_pages(name: string, count: u32, body: timed, base: usize): void {
  const rounds = 2 * count / 4;
  cycles_of(body, rounds, base);
  report(name, count, cycles_of(body, rounds, base) - cycles_of(time_nothing, rounds, base), 4 * rounds);
}

export function translation(): void {
  for (let k: u32 = 0; k < 512; k++) map(k);
  csrWrite(SATP, SV32 | (ROOT >>> 12));
  sfenceVma();
  for (let count: u32 = 16; count <= 512; count *= 2) {
    make_ring(count, WINDOW, SPACING);
    measure_pages("tlb-pages", count, time_translated, WINDOW);
    make_ring(count, DATA, PAGE);
    measure_pages("tlb-off-pages", count, time_chase, DATA);
  }
  csrWrite(SATP, 0);
}

/** As time_chase, with loads as supervisor mode makes them. */
function time_translated(_n: u32, _p: usize, _out: Ptr<u32>): void {
  "naked";
  asm`
    li t3, 0x1800
    csrc mstatus, t3
    li t3, 0x20800
    csrs mstatus, t3
    csrr t0, cycle
1:  lw a1, 0(a1)
    lw a1, 0(a1)
    lw a1, 0(a1)
    lw a1, 0(a1)
    addi a0, a0, -1
    bnez a0, 1b
    csrr t1, cycle
    li t3, 0x20000
    csrc mstatus, t3
    sub t1, t1, t0
    sw t1, 0(a2)
    ret`;
}
