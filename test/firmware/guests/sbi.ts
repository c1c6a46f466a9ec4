// A supervisor that does nothing but call the firmware and print what it answered, one line a check.

import { local_irq_disable } from "kernel/arch/irqflags.ts";
import { CSR_SIE, CSR_SIP, IRQ_S_SOFT, IRQ_S_TIMER } from "kernel/arch/csr.ts";
import { secondary_data, secondary_entry } from "kernel/arch/head.ts";
import { __pa } from "kernel/arch/page.ts";
import { get_cycles64 } from "kernel/arch/time.ts";
import { snprintf } from "kernel/lib/vsprintf.ts";

const BASE = 0x10;
const TIME = 0x5449_4d45;
const IPI = 0x73_5049;
const RFENCE = 0x5246_4e43;
const HSM = 0x48_534d;
const SRST = 0x5352_5354;
const DBCN = 0x4442_434e;

const second = new secondary_data();
const second_stack = new FixedArray<u8>(4096);
/** What the second hart shall do next: 1 wait for an IPI, 2 fence while the first fences, 3 stop. */
let order: u32 = 0;
let done: u32 = 0;

function say(format: string, ...args: vararg[]): void {
  const line = new FixedArray<u8>(128);
  const words = vaWords(args);
  const n = snprintf(line, 128, format, words[0], words[1], words[2], words[3]);
  ecall(DBCN, 0, n, __pa(addr(line)), 0);
}

function show(name: string, answer: u64): void {
  say("%s: error %d value 0x%x\n", name, u32(answer), u32(answer >> 32n), 0);
}

function wait_done(n: u32): void {
  while (READ_ONCE(done) !== n) pause();
}

function second_main(): void {
  local_irq_disable();
  csrWrite(CSR_SIE, 1 << IRQ_S_SOFT);
  WRITE_ONCE(done, 1);
  while (READ_ONCE(order) !== 1) pause();
  while ((csrRead(CSR_SIP) & (1 << IRQ_S_SOFT)) === 0) wfi();
  csrReadClear(CSR_SIP, 1 << IRQ_S_SOFT);
  WRITE_ONCE(done, 2);
  while (READ_ONCE(order) !== 2) pause();
  for (let i: u32 = 0; i < 50; i++) ecall(RFENCE, 1, 3, 0, 0xc000_0000, 4096);
  WRITE_ONCE(done, 3);
  while (READ_ONCE(order) !== 3) pause();
  ecall(HSM, 1);
  WRITE_ONCE(done, 99);
}

function harts(): void {
  show("status of hart 1", ecall(HSM, 2, 1));
  show("status of hart 9", ecall(HSM, 2, 9));
  second.stack_top = addr(second_stack) + 4096;
  second.percpu = linkerSymbol("__per_cpu_start");
  second.entry = second_main;
  show("start hart 9", ecall(HSM, 0, 9, __pa(addr(secondary_entry)), addr(second)));
  show("start hart 1", ecall(HSM, 0, 1, __pa(addr(secondary_entry)), addr(second)));
  wait_done(1);
  show("start hart 1 again", ecall(HSM, 0, 1, __pa(addr(secondary_entry)), addr(second)));
  show("status of hart 1", ecall(HSM, 2, 1));
  WRITE_ONCE(order, 1);
  show("ipi", ecall(IPI, 0, 1, 1));
  wait_done(2);
  show("ipi to nobody", ecall(IPI, 0, 1, 40));
  WRITE_ONCE(order, 2);
  let failed: u32 = 0;
  for (let i: u32 = 0; i < 50; i++) failed += u32(ecall(RFENCE, 1, 3, 0, 0xc000_0000, 0x10_0000));
  show("fence.i", ecall(RFENCE, 0, 3, 0));
  wait_done(3);
  say("fences that failed: %u\n", failed, 0, 0, 0);
  WRITE_ONCE(order, 3);
  while (u32(ecall(HSM, 2, 1) >> 32n) !== 1) pause();
  say("hart 1 stopped, done %u\n", done, 0, 0, 0);
  WRITE_ONCE(order, 0);
  show("start it anew", ecall(HSM, 0, 1, __pa(addr(secondary_entry)), addr(second)));
  wait_done(1);
}

function timer(): void {
  csrWrite(CSR_SIE, 1 << IRQ_S_TIMER);
  const now = get_cycles64();
  const due = now + 1000n;
  ecall(TIME, 0, u32(due), u32(due >> 32n));
  show("suspend", ecall(HSM, 3, 0));
  say("timer pending %u, not early %u\n", (csrRead(CSR_SIP) >> IRQ_S_TIMER) & 1, u32(get_cycles64() >= due), 0, 0);
  ecall(TIME, 0, 0xffff_ffff, 0xffff_ffff);
  say("timer pending %u\n", (csrRead(CSR_SIP) >> IRQ_S_TIMER) & 1, 0, 0, 0);
  show("suspend without state", ecall(HSM, 3, 0x8000_0000));
}

export function start_kernel(_hart: u32, _fdt: usize): void {
  local_irq_disable();
  show("version", ecall(BASE, 0));
  show("probe DBCN", ecall(BASE, 3, DBCN));
  show("probe PMU", ecall(BASE, 3, 0x50_4d55));
  show("no such extension", ecall(0x1234_5678, 0));
  show("no such function", ecall(HSM, 77));
  harts();
  timer();
  ecall(DBCN, 2, 0x2a);
  ecall(1, 0, 0x0a);
  show("reset of no kind", ecall(SRST, 0, 5, 0));
  ecall(SRST, 0, 0, 1);
}
