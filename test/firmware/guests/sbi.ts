// A supervisor that does nothing but call the firmware and print what it answered, one line a check.

import { local_irq_disable } from "kernel/arch/irqflags.ts";
import { CSR_SCAUSE, CSR_SEPC, CSR_SIE, CSR_SIP, CSR_SSCRATCH, CSR_STVAL, CSR_STVEC, IRQ_S_SOFT, IRQ_S_TIMER } from "kernel/arch/csr.ts";
import { secondary_data, secondary_entry } from "kernel/arch/head.ts";
import { __pa } from "kernel/arch/page.ts";
import { mk_pte, PAGE_KERNEL, PAGE_TABLE, pgd_index, swapper_pg_dir, VMALLOC_START } from "kernel/arch/pgtable.ts";
import { get_cycles64 } from "kernel/arch/time.ts";
import { snprintf } from "kernel/lib/vsprintf.ts";

const BASE = 0x10;
const TIME = 0x5449_4d45;
const IPI = 0x73_5049;
const RFENCE = 0x5246_4e43;
const HSM = 0x48_534d;
const SRST = 0x5352_5354;
const DBCN = 0x4442_434e;

const enum STEP {
  WAIT_IPI = 1,
  FENCE = 2,
  STOP = 3,
  READ_FIRST = 4,
  READ_SECOND = 5,
  READ_THIRD = 6,
  SUSPEND = 7,
  STARTED = 100,
}

const second = new secondary_data();
const second_stack = new FixedArray<u8>(4096);
/** What the second hart shall do next, and the last thing it did. */
let order: u32 = 0;
let done: u32 = 0;
/** What it read in the page that hart 0 maps, and whether an IPI was pending when it started. */
let seen: u32 = 0;
let pending_at_start: u32 = 0;

const table = new FixedArray<u32>(1024);
const page_one = new FixedArray<u32>(1024);
const page_two = new FixedArray<u32>(1024);
const page_three = new FixedArray<u32>(1024);

/** Legacy calls take a hart mask by its virtual address. */
const mask = new FixedArray<u32>(1);

class caught_trap {
  cause: u32;
  value: u32;
  saved: u32;
}
const caught = new caught_trap();

/** Notes the trap and goes on behind the instruction. */
function catch_trap(): void {
  "naked";
  asm`
    csrw ${CSR_SSCRATCH}, t0
    la t0, ${caught}
    sw t1, ${offsetOf(caught_trap, "saved")}(t0)
    csrr t1, ${CSR_SCAUSE}
    sw t1, ${offsetOf(caught_trap, "cause")}(t0)
    csrr t1, ${CSR_STVAL}
    sw t1, ${offsetOf(caught_trap, "value")}(t0)
    csrr t1, ${CSR_SEPC}
    addi t1, t1, 4
    csrw ${CSR_SEPC}, t1
    lw t1, ${offsetOf(caught_trap, "saved")}(t0)
    csrr t0, ${CSR_SSCRATCH}
    sret`;
}

function say(format: string, ...args: vararg[]): void {
  const line = new FixedArray<u8>(128);
  const words = vaWords(args);
  const n = snprintf(line, 128, format, words[0], words[1], words[2], words[3]);
  ecall(DBCN, 0, n, __pa(addr(line)), 0);
}

function show(name: string, answer: u64): void {
  say("%s: error %d value 0x%x\n", name, u32(answer), u32(answer >> 32n));
}

/** A legacy call has one result. */
function show_legacy(name: string, answer: u64): void {
  say("%s: %d\n", name, u32(answer));
}

function wait_done(n: u32): void {
  while (READ_ONCE(done) !== n) pause();
}

function begin(step: u32): void {
  WRITE_ONCE(order, step);
}

function read_page(page: u32): u32 {
  return READ_ONCE(cast<Ptr<u32>>(VMALLOC_START + page * 4096)[0]);
}

function second_step(step: u32): void {
  switch (step) {
    case STEP.WAIT_IPI:
      while ((csrRead(CSR_SIP) & (1 << IRQ_S_SOFT)) === 0) wfi();
      csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT);
      break;
    case STEP.FENCE:
      for (let i: u32 = 0; i < 50; i++) ecall(RFENCE, 1, 3, 0, 0xc000_0000, 4096);
      break;
    case STEP.STOP:
      ecall(HSM, 1);
      break;
    case STEP.READ_FIRST:
    case STEP.READ_SECOND:
    case STEP.READ_THIRD:
      seen = read_page(0) * 10 + read_page(1);
      break;
    case STEP.SUSPEND:
      csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT);
      ecall(HSM, 3, 0x8000_0000, __pa(addr(secondary_entry)), addr(second));
      break;
    default:
      break;
  }
}

function second_main(): void {
  local_irq_disable();
  csrWrite(CSR_SIE, 1 << IRQ_S_SOFT);
  pending_at_start = csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT) & (1 << IRQ_S_SOFT);
  let last = READ_ONCE(order);
  WRITE_ONCE(done, STEP.STARTED);
  for (;;) {
    const step = READ_ONCE(order);
    if (step === last) {
      pause();
      continue;
    }
    last = step;
    second_step(step);
    WRITE_ONCE(done, step);
  }
}

function start_second(): u64 {
  return ecall(HSM, 0, 1, __pa(addr(secondary_entry)), addr(second));
}

function harts(): void {
  show("status of hart 1", ecall(HSM, 2, 1));
  show("status of hart 9", ecall(HSM, 2, 9));
  second.stack_top = addr(second_stack) + 4096;
  second.percpu = linkerSymbol("__per_cpu_start");
  second.entry = second_main;
  show("start hart 9", ecall(HSM, 0, 9, __pa(addr(secondary_entry)), addr(second)));
  show("start hart 1", start_second());
  wait_done(STEP.STARTED);
  show("start hart 1 again", start_second());
  show("status of hart 1", ecall(HSM, 2, 1));
  begin(STEP.WAIT_IPI);
  show("ipi", ecall(IPI, 0, 1, 1));
  wait_done(STEP.WAIT_IPI);
  show("ipi to nobody", ecall(IPI, 0, 1, 40));
  show("ipi to all, mask ignored", ecall(IPI, 0, 0, 0xffff_ffff));
  say("my own ipi pending: %u\n", (csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT) >> IRQ_S_SOFT) & 1);
  begin(STEP.FENCE);
  let failed: u32 = 0;
  for (let i: u32 = 0; i < 50; i++) failed += u32(ecall(RFENCE, 1, 3, 0, 0xc000_0000, 0x10_0000));
  show("fence.i", ecall(RFENCE, 0, 3, 0));
  wait_done(STEP.FENCE);
  say("fences that failed: %u\n", failed);
  show("fence of a guest", ecall(RFENCE, 3, 3, 0, 0, 4096, 0));
  show("fence by an asid", ecall(RFENCE, 2, 3, 0, 0, 0xffff_ffff, 7));
}

/** Another hart's translation changes: it may see the old page until it is fenced, and must see the new one then. */
function translations(): void {
  page_one[0] = 1;
  page_two[0] = 2;
  page_three[0] = 3;
  swapper_pg_dir[pgd_index(VMALLOC_START)] = mk_pte(__pa(addr(table)), PAGE_TABLE);
  table[0] = mk_pte(__pa(addr(page_one)), PAGE_KERNEL & ~(1 << 5));
  table[1] = mk_pte(__pa(addr(page_two)), PAGE_KERNEL & ~(1 << 5));
  ecall(RFENCE, 1, 3, 0, 0, 0xffff_ffff);
  begin(STEP.READ_FIRST);
  wait_done(STEP.READ_FIRST);
  say("hart 1 reads %u\n", seen);
  // Two bytes on two pages.
  WRITE_ONCE(table[0], mk_pte(__pa(addr(page_two)), PAGE_KERNEL & ~(1 << 5)));
  WRITE_ONCE(table[1], mk_pte(__pa(addr(page_three)), PAGE_KERNEL & ~(1 << 5)));
  show("fence over a page's end", ecall(RFENCE, 1, 2, 0, VMALLOC_START + 4095, 2));
  begin(STEP.READ_SECOND);
  wait_done(STEP.READ_SECOND);
  say("hart 1 reads %u\n", seen);
  WRITE_ONCE(table[0], mk_pte(__pa(addr(page_three)), PAGE_KERNEL & ~(1 << 5)));
  show("fence by its asid", ecall(RFENCE, 2, 1, 1, VMALLOC_START, 4096, 0));
  begin(STEP.READ_THIRD);
  wait_done(STEP.READ_THIRD);
  say("hart 1 reads %u\n", seen);
}

function stop_and_suspend(): void {
  begin(STEP.SUSPEND);
  while (u32(ecall(HSM, 2, 1) >> 32n) !== 4) pause();
  show("start a suspended hart", start_second());
  WRITE_ONCE(done, 0);
  ecall(IPI, 0, 1, 1);
  wait_done(STEP.STARTED);
  say("hart 1 resumed, ipi pending %u\n", pending_at_start >> IRQ_S_SOFT);
  begin(STEP.STOP);
  while (u32(ecall(HSM, 2, 1) >> 32n) !== 1) pause();
  show("ipi to a stopped hart", ecall(IPI, 0, 1, 1));
  show("fence of a stopped hart", ecall(RFENCE, 1, 2, 0, 0, 4096));
  WRITE_ONCE(done, 0);
  show("start it anew", start_second());
  wait_done(STEP.STARTED);
  say("hart 1 started, ipi pending %u\n", pending_at_start >> IRQ_S_SOFT);
}

function timer(): void {
  csrWrite(CSR_SIE, 1 << IRQ_S_TIMER);
  const now = get_cycles64();
  const due = now + 1000n;
  ecall(TIME, 0, u32(due), u32(due >> 32n));
  show("suspend", ecall(HSM, 3, 0));
  say("timer pending %u, not early %u\n", (csrRead(CSR_SIP) >> IRQ_S_TIMER) & 1, u32(get_cycles64() >= due));
  ecall(TIME, 0, 0xffff_ffff, 0xffff_ffff);
  say("timer pending %u\n", (csrRead(CSR_SIP) >> IRQ_S_TIMER) & 1);
  ecall(0, 0, 0, 0);
  say("legacy timer pending %u\n", (csrRead(CSR_SIP) >> IRQ_S_TIMER) & 1);
  ecall(0, 0, 0xffff_ffff, 0xffff_ffff);
  show("suspend of a reserved kind", ecall(HSM, 3, 1));
  show("suspend of a platform's kind", ecall(HSM, 3, 0x9000_0000, 0, 0));
}

function legacy(): void {
  mask[0] = 1;
  show_legacy("clear ipi", ecall(3, 0));
  show_legacy("ipi to myself", ecall(4, 0, addr(mask)));
  show_legacy("clear ipi", ecall(3, 0));
  mask[0] = 3;
  show_legacy("fence.i", ecall(5, 0, addr(mask)));
  show_legacy("fence of all harts", ecall(6, 0, 0, VMALLOC_START, 4096));
  show_legacy("fence by asid", ecall(7, 0, addr(mask), VMALLOC_START, 4096, 3));
  mask[0] = 1 << 20;
  show_legacy("ipi to nobody", ecall(4, 0, addr(mask)));
  csrWrite(CSR_STVEC, addr(catch_trap));
  ecall(4, 0, 0x4000_0000);
  say("mask at a bad address: cause %u value 0x%x\n", caught.cause, caught.value);
  show_legacy("getchar", ecall(2, 0));
  show_legacy("no such call", ecall(9, 0));
}

function console(): void {
  show("write from nowhere", ecall(DBCN, 0, 4, 0x0030_0000, 0));
  show("write from above 4 GiB", ecall(DBCN, 0, 4, __pa(addr(table)), 1));
  show("write from the firmware", ecall(DBCN, 0, 4, 0x8000_0000, 0));
  show("write past the end", ecall(DBCN, 0, 4, 0xffff_fffe, 0));
  show("read into the firmware", ecall(DBCN, 1, 4, 0x8000_0000, 0));
  show("read", ecall(DBCN, 1, 4, __pa(addr(table)), 0));
  ecall(DBCN, 2, 0x2a);
  ecall(1, 0, 0x0a);
}

export function start_kernel(_hart: u32, _fdt: usize): void {
  local_irq_disable();
  show("version", ecall(BASE, 0));
  show("probe DBCN", ecall(BASE, 3, DBCN));
  show("probe legacy sfence", ecall(BASE, 3, 7));
  show("probe PMU", ecall(BASE, 3, 0x50_4d55));
  show("no such extension", ecall(0x1234_5678, 0));
  show("no such function", ecall(HSM, 77));
  harts();
  translations();
  stop_and_suspend();
  timer();
  legacy();
  console();
  show("reset of no kind", ecall(SRST, 0, 5, 0));
  show("reset for no reason", ecall(SRST, 0, 0, 2));
  show("reset of a platform's kind", ecall(SRST, 0, 0xf000_0000, 0));
  ecall(SRST, 0, 0, 1);
}
