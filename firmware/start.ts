// Reset: every hart enters at `_start` in machine mode with a0 = hart id, a1 = device tree and a2 = where to go next, or 0.
//
// Hart 0 clears .fw.bss, counts the harts, says hello and enters the kernel. The others wait at the gate until .fw.bss
// and the hart table are ready, then in hart_park until the kernel starts them.

import { HARTS_MAX, KERNEL_ENTRY, STACK_SHIFT } from "./board.ts";
import {
  IRQ_S_EXTERNAL,
  IRQ_S_SOFT,
  IRQ_S_TIMER,
  MCOUNTEREN,
  MEDELEG,
  MENVCFG,
  MENVCFGH,
  MIDELEG,
  MIE,
  MIP,
  MTVEC,
  PMPADDR0,
  PMPCFG0,
  STIMECMP,
  STIMECMPH,
} from "./csr.ts";
import { fdt_harts } from "./fdt.ts";
import { HSM, hart_enter, hart_park, hart_stack_ready, harts } from "./hart.ts";
import { SBI_VERSION_MAJOR, SBI_VERSION_MINOR } from "./sbi-numbers.ts";
import { fw_trap_vector } from "./trap.ts";
import { put_decimal, put_string } from "./uart.ts";

const BOOT_HART = 0;
/** "OSBI", then the structure's version, the next stage's address, mode, options and boot hart. */
const DYNAMIC_MAGIC = 0x4942_534f;
/** Exceptions the supervisor handles itself: all but the calls from S and M mode. */
const DELEGATED_EXCEPTIONS = 0xb1ff;
const DELEGATED_INTERRUPTS = (1 << IRQ_S_SOFT) | (1 << IRQ_S_TIMER) | (1 << IRQ_S_EXTERNAL);
/** One entry over all of memory: NAPOT, read, write, execute. */
const PMP_ALL = 0x1f;
/** What the supervisor may use where it exists: cache-block operations, stimecmp, page-based memory types. */
const ENVCFG_CACHE_BLOCKS = 0xf0;
const ENVCFGH_STCE = 1 << 31;
const ENVCFGH_PBMTE = 1 << 30;

class boot_gate {
  /** Not zero, so that it lies in .fw.data and is valid before .fw.bss is cleared. */
  closed: u32 = 1;
}
const gate = new boot_gate();

export function _start(): void {
  "naked";
  "section .fw.start";
  asm`
    csrw mie, zero
    csrr a0, mhartid
    li t0, ${HARTS_MAX}
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
    li t0, ${BOOT_HART}
    bne a0, t0, 3f
    la t0, __fw_bss_start
    la t1, __fw_bss_stop
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call ${fw_boot}
3:  la t0, ${gate}
4:  lw t1, 0(t0)
    bnez t1, 4b
    fence r, rw
    call ${fw_secondary}
5:  wfi
    j 5b`;
}

/** CSRs that every hart sets the same way. */
function hart_init(hart: u32): void {
  csrWrite(MTVEC, addr(fw_trap_vector));
  hart_stack_ready(hart);
  csrWrite(MEDELEG, DELEGATED_EXCEPTIONS);
  csrWrite(MIDELEG, DELEGATED_INTERRUPTS);
  csrWrite(MIP, 0);
  csrWrite(MIE, 0);
  csrWrite(MCOUNTEREN, 7);
  WRITE_ONCE(harts[hart].probing, 1);
  csrWrite(PMPADDR0, 0xffff_ffff);
  csrWrite(PMPCFG0, PMP_ALL);
  csrReadSet(MENVCFG, ENVCFG_CACHE_BLOCKS);
  csrReadSet(MENVCFGH, ENVCFGH_STCE | ENVCFGH_PBMTE);
  // QEMU 7.2 takes STCE without having stimecmp, so try that.
  WRITE_ONCE(harts[hart].probing, 1);
  csrWrite(STIMECMPH, 0xffff_ffff);
  csrWrite(STIMECMP, 0xffff_ffff);
  if (READ_ONCE(harts[hart].probing) === 1) harts[hart].sstc = 1;
  WRITE_ONCE(harts[hart].probing, 0);
}

/**
 * Where the supervisor starts: what a loader says in the structure a2 points at (OpenSBI's fw_dynamic_info; QEMU and
 * `hartlab boot` leave one), if there is one and it names a place outside the firmware.
 */
function next_entry(info: usize): usize {
  if (info === 0 || (info & 3) !== 0) return KERNEL_ENTRY;
  const words = cast<Ptr<u32>>(info);
  if (words[0] !== DYNAMIC_MAGIC || words[1] === 0) return KERNEL_ENTRY;
  const next = words[2];
  return next === 0 || (next >= linkerSymbol("__fw_start") && next < KERNEL_ENTRY) ? KERNEL_ENTRY : next;
}

function fw_boot(hart: u32, fdt: usize, info: usize): void {
  const entry = next_entry(info);
  let count: u32 = 0;
  for (const id of fdt_harts(fdt)) {
    if (id >= HARTS_MAX) continue;
    harts[id].present = 1;
    harts[id].state = HSM.STOPPED;
    count++;
  }
  harts[hart].present = 1;
  harts[hart].state = HSM.STARTED;
  hart_init(hart);
  put_string("hartlab firmware 0.1: ");
  put_decimal(count);
  put_string(count === 1 ? " hart, SBI v" : " harts, SBI v");
  put_decimal(SBI_VERSION_MAJOR);
  put_string(".");
  put_decimal(SBI_VERSION_MINOR);
  put_string("\n");
  fence("rw", "rw");
  WRITE_ONCE(gate.closed, 0);
  hart_enter(hart, entry, fdt);
}

function fw_secondary(hart: u32): void {
  hart_init(hart);
  hart_park(hart);
}
