// Tries the registers of the board's devices, with every width and in the order that matters, and prints what it saw.
// A line is a name and values; `!cause` stands for a trap. All of it is the same on QEMU's virt.

import { put_hex, put_string, uart_putc } from "../../../firmware/uart.ts";
import { load32, store32 } from "./plic.ts";
import { take_trap } from "./start.ts";
import { probe_uart } from "./probe-uart.ts";

const NO_TRAP = 0xff;
const CLINT = 0x0200_0000;
const MTIMECMP = CLINT + 0x4000;
const PLIC = 0x0c00_0000;
const PENDING = PLIC + 0x1000;
const ENABLE = PLIC + 0x2000;
const CONTEXT = PLIC + 0x20_0000;
const FINISHER = 0x0010_0000;
const SLOTS = 0x1000_1000;
const UART = 0x1000_0000;
const UART_SOURCE = 10;
const MIP = 0x344;

export function show(value: u32): void {
  put_string(" ");
  put_hex(value);
}

/** A value or the trap that came instead of it. */
function show_load(value: u32): void {
  const cause = take_trap();
  if (cause === NO_TRAP) {
    show(value);
    return;
  }
  put_string(" !");
  put_hex(cause);
}

export function line(name: string): void {
  put_string("\n");
  put_string(name);
}

function load8(address: usize): u32 {
  return READ_ONCE(cast<Ptr<u8>>(address)[0]);
}

function load16(address: usize): u32 {
  return READ_ONCE(cast<Ptr<u16>>(address)[0]);
}

function store8(address: usize, value: u32): void {
  WRITE_ONCE(cast<Ptr<u8>>(address)[0], u8(value));
}

function store16(address: usize, value: u32): void {
  WRITE_ONCE(cast<Ptr<u16>>(address)[0], u16(value));
}

/** What is printed later, in groups: printing moves the UART's interrupt. */
const NOTES = 128;
const GROUP_END = 0xffff_ffff;
const notes = new FixedArray<u32>(NOTES);
let count: u32 = 0;

function note(value: u32): void {
  if (count < NOTES) notes[count++] = value;
}

function print_groups(name: string): void {
  let group: u32 = 0;
  line(name);
  show(group);
  put_string(":");
  for (let i: u32 = 0; i < count; i++) {
    if (notes[i] !== GROUP_END) {
      show(notes[i]);
      continue;
    }
    group++;
    line(name);
    show(group);
    put_string(":");
  }
  count = 0;
}

/** Loads of the three widths. */
function widths(name: string, address: usize): void {
  line(name);
  show_load(load8(address));
  show_load(load16(address));
  show_load(load32(address));
}

/** Stores of the three widths and what a word load gives after each. */
function store_widths(name: string, address: usize, value: u32): void {
  line(name);
  store8(address, value);
  show_load(load32(address));
  store16(address, value);
  show_load(load32(address));
  store32(address, value);
  show_load(load32(address));
}

function probe_clint(): void {
  widths("msip 0", CLINT);
  store_widths("msip 0 := ff..", CLINT, 0xffff_ffff);
  show(csrRead(MIP) & 8);
  store32(CLINT, 0);
  show(csrRead(MIP) & 8);
  store_widths("msip of a hart that is not there", CLINT + 4 * 7, 1);
  store32(MTIMECMP + 4, 0xffff_ffff);
  store32(MTIMECMP, 0xffff_ffff);
  widths("mtimecmp", MTIMECMP);
  store_widths("mtimecmp low", MTIMECMP, 0x1234_5678);
  show(csrRead(MIP) & 0x80);
  store32(MTIMECMP + 4, 0);
  store32(MTIMECMP, 0);
  line("expired");
  show(csrRead(MIP) & 0x80);
  store32(MTIMECMP + 4, 0xffff_ffff);
  show(csrRead(MIP) & 0x80);
  widths("mtimecmp high", MTIMECMP + 4);
  widths("mtimecmp of a hart that is not there", MTIMECMP + 8 * 7);
  line("mtime high, narrow");
  show_load(load32(CLINT + 0xbffc));
  show_load(load16(CLINT + 0xbffc) & 0);
  widths("between", CLINT + 0xb000);
  widths("behind mtime", CLINT + 0xc000);
  widths("the end", CLINT + 0xfffc);
}

function probe_mtime(): void {
  line("mtime written");
  store32(CLINT + 0xbffc, 5);
  store32(CLINT + 0xbff8, 0x100);
  show(load32(CLINT + 0xbffc));
  show(load32(CLINT + 0xbff8) < 0x100_0000 ? 1 : 0);
  show(csrRead(0xc81));
  store32(MTIMECMP, 0);
  store32(MTIMECMP + 4, 5);
  show(csrRead(MIP) & 0x80);
  store32(CLINT + 0xbffc, 4);
  show(csrRead(MIP) & 0x80);
  store32(MTIMECMP + 4, 0xffff_ffff);
}

function probe_plic_registers(): void {
  line("priorities");
  for (let s: u32 = 0; s < 98; s += 16) {
    store32(PLIC + 4 * s, 0xffff_ffff);
    show_load(load32(PLIC + 4 * s));
  }
  store32(PLIC + 4 * 97, 7);
  show_load(load32(PLIC + 4 * 97));
  for (let s: u32 = 0; s < 98; s++) store32(PLIC + 4 * s, 0);
  widths("priority, narrow", PLIC + 4);
  store_widths("pending is read-only", PENDING, 0xffff_ffff);
  line("enable words");
  for (let w: u32 = 0; w < 6; w++) {
    store32(ENABLE + 4 * w, 0xffff_ffff);
    show_load(load32(ENABLE + 4 * w));
    store32(ENABLE + 4 * w, 0);
  }
  line("enable words of the contexts");
  for (let c: u32 = 0; c < 6; c++) {
    store32(ENABLE + 0x80 * c, 0xffff_ffff);
    show_load(load32(ENABLE + 0x80 * c));
    store32(ENABLE + 0x80 * c, 0);
  }
  line("thresholds");
  for (let c: u32 = 0; c < 6; c++) {
    store32(CONTEXT + 0x1000 * c, 0xffff_ffff);
    show_load(load32(CONTEXT + 0x1000 * c));
    show_load(load32(CONTEXT + 0x1000 * c + 4));
    store32(CONTEXT + 0x1000 * c, 0);
  }
  widths("claim, narrow", CONTEXT + 4);
  widths("behind the contexts", PLIC + 0x5f_fffc);
}

/** Pending word 0 and the external lines of the hart. */
function plic_note(): void {
  note(load32(PENDING));
  note(csrRead(MIP) & 0xa00);
}

function wire(up: boolean): void {
  store8(UART + 1, up ? 2 : 0);
}

function claim(): void {
  note(load32(CONTEXT + 4));
  plic_note();
}

function complete(source: u32): void {
  store32(CONTEXT + 4, source);
  plic_note();
}

/** Up, priority, enabled for machine; threshold 1 and 0; enabled for supervisor, too. */
function probe_plic_way(): void {
  wire(true);
  plic_note();
  store32(PLIC + 4 * UART_SOURCE, 1);
  plic_note();
  store32(ENABLE, 1 << UART_SOURCE);
  plic_note();
  note(GROUP_END);
  store32(CONTEXT, 1);
  plic_note();
  claim();
  store32(CONTEXT, 0);
  plic_note();
  store32(ENABLE + 0x80, 1 << UART_SOURCE);
  plic_note();
  note(GROUP_END);
}

/** The empty transmitter raises source 10. */
function probe_plic_source(): void {
  probe_plic_way();
  // Claimed once, by whoever comes first; wire down, complete.
  claim();
  claim();
  note(load32(CONTEXT + 0x1000 + 4));
  wire(false);
  complete(UART_SOURCE);
  note(GROUP_END);
  // Up and down without a claim: it stays pending.
  wire(true);
  wire(false);
  plic_note();
  claim();
  complete(UART_SOURCE);
  note(GROUP_END);
  // Down and up again while claimed.
  wire(true);
  claim();
  wire(false);
  complete(UART_SOURCE);
  wire(true);
  plic_note();
  note(GROUP_END);
  // Wrong completions.
  claim();
  complete(0);
  complete(97);
  complete(1000);
  complete(9);
  wire(false);
  complete(UART_SOURCE);
  note(GROUP_END);
  // Completed by the other context, which has it enabled.
  wire(true);
  claim();
  wire(false);
  store32(CONTEXT + 0x1000 + 4, UART_SOURCE);
  wire(true);
  plic_note();
  claim();
  wire(false);
  complete(UART_SOURCE);
  note(GROUP_END);
  probe_plic_differences();
  store32(ENABLE, 0);
  store32(ENABLE + 0x80, 0);
  store32(PLIC + 4 * UART_SOURCE, 0);
  print_groups("plic");
}

/** Where QEMU 7.2 departs from the specification. */
function probe_plic_differences(): void {
  // The wire stays up over the completion.
  wire(true);
  claim();
  complete(UART_SOURCE);
  note(GROUP_END);
  // Completed while it is disabled in the context.
  claim();
  store32(ENABLE, 0);
  complete(UART_SOURCE);
  store32(ENABLE, 1 << UART_SOURCE);
  complete(UART_SOURCE);
  wire(false);
  claim();
  complete(UART_SOURCE);
}

function probe_slots(): void {
  line("slots");
  for (let slot: u32 = 0; slot < 9; slot++) {
    const at = SLOTS + 0x1000 * slot;
    line("");
    show_load(load32(at));
    show_load(load16(at));
    show_load(load8(at));
    show_load(load32(at + 4));
    show_load(load32(at + 8));
    show_load(load32(at + 0x10));
    show_load(load32(at + 0x34));
    show_load(load32(at + 0x70));
    show_load(load32(at + 0xfc));
    show_load(load32(at + 0x100));
    show_load(load8(at + 0x1ff));
    show_load(load32(at + 0x200));
    store32(at + 0x70, 1);
    show_load(load32(at + 0x70));
  }
}

export function guest_main(): void {
  put_string("probe");
  probe_clint();
  probe_plic_registers();
  probe_plic_source();
  widths("finisher", FINISHER);
  widths("finisher, behind", FINISHER + 4);
  store8(FINISHER, 0x55);
  line("finisher, other values");
  show_load(0);
  store32(FINISHER, 0x1234);
  store32(FINISHER + 4, 0x5555);
  show_load(0);
  probe_slots();
  probe_uart();
  probe_mtime();
  uart_putc(10);
}
