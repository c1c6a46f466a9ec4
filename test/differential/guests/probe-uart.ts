// The UART part of probe.ts: it may not print while it tries, so it writes down and prints afterwards.

import { line, show } from "./probe.ts";

const RBR = 0;
const IER = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const LOOP = 0x10;
const UART = 0x1000_0000;
const NOTES = 200;

const notes = new FixedArray<u32>(NOTES);
let count: u32 = 0;

function get(register: u32): u32 {
  return READ_ONCE(cast<Ptr<u8>>(UART)[register]);
}

function set(register: u32, value: u32): void {
  WRITE_ONCE(cast<Ptr<u8>>(UART)[register], u8(value));
}

function note(value: u32): void {
  if (count < NOTES) notes[count++] = value;
}

function print(name: string): void {
  set(MCR, 0);
  set(IER, 0);
  set(FCR, 0);
  get(IIR);
  line(name);
  for (let i: u32 = 0; i < count; i++) show(notes[i]);
  count = 0;
}

function all(): void {
  for (let r: u32 = 1; r < 8; r++) note(get(r));
}

function plain_registers(): void {
  all();
  set(SCR, 0xa5);
  set(LCR, 0x83);
  note(get(RBR));
  note(get(IER));
  set(RBR, 0x34);
  set(IER, 0x12);
  note(get(RBR));
  note(get(IER));
  set(LCR, 3);
  all();
  set(IER, 0xff);
  note(get(IER));
  set(IER, 0);
  set(MCR, 0xff);
  note(get(MCR));
  set(LSR, 0);
  set(MSR, 0);
  set(MCR, 0);
  all();
}

function modem(): void {
  for (let lines: u32 = 0; lines < 16; lines++) {
    set(MCR, LOOP | lines);
    note(get(MSR));
  }
}

function transmitter(): void {
  set(IER, 2);
  note(get(IIR));
  note(get(IIR));
  set(MCR, LOOP);
  set(RBR, 65);
  note(get(IIR));
  note(get(IIR));
  set(IER, 0);
  set(IER, 2);
  note(get(IIR));
  set(FCR, 4);
  note(get(IIR));
  set(RBR, 66);
  set(IER, 0);
  note(get(IIR));
  set(IER, 4);
  note(get(IIR));
  get(LSR);
  get(RBR);
}

function without_fifo(): void {
  set(MCR, LOOP);
  note(get(RBR));
  set(RBR, 0x61);
  note(get(LSR));
  set(IER, 1);
  note(get(IIR));
  note(get(RBR));
  note(get(LSR));
  note(get(RBR));
  note(get(IIR));
  set(RBR, 0x62);
  set(RBR, 0x63);
  set(IER, 5);
  note(get(IIR));
  note(get(LSR));
  note(get(LSR));
  note(get(IIR));
  note(get(RBR));
  note(get(LSR));
}

function fifo(trigger: u32, level: u32): void {
  set(MCR, LOOP);
  set(FCR, trigger | 7);
  set(IER, 1);
  note(get(IIR));
  for (let i: u32 = 1; i <= level; i++) {
    set(RBR, i);
    note(get(IIR) === 0xc4 ? i : 0);
  }
  note(get(RBR));
  note(get(IIR));
  for (let i: u32 = 0; i < 20; i++) set(RBR, 0x80 + i);
  note(get(LSR));
  note(get(LSR));
  let taken: u32 = 0;
  while ((get(LSR) & 1) !== 0) {
    note(get(RBR));
    taken++;
  }
  note(taken);
  note(get(RBR));
}

function timeout(): void {
  set(LCR, 0x83);
  set(RBR, 1);
  set(IER, 0);
  set(LCR, 3);
  set(MCR, LOOP);
  set(FCR, 0xc7);
  set(IER, 1);
  set(RBR, 0x41);
  set(RBR, 0x42);
  note(get(IIR));
  for (let i: u32 = 0; i < 50_000_000 && (get(IIR) & 15) !== 12; i++) pause();
  note(get(IIR));
  note(get(IIR));
  note(get(RBR));
  note(get(IIR));
  for (let i: u32 = 0; i < 50_000_000 && (get(IIR) & 15) !== 12; i++) pause();
  note(get(IIR));
  set(FCR, 0xc3);
  note(get(IIR));
  note(get(LSR));
  set(RBR, 0x43);
  set(FCR, 0);
  note(get(LSR));
  note(get(IIR));
}

export function probe_uart(): void {
  plain_registers();
  print("uart registers");
  modem();
  print("uart modem lines looped back");
  transmitter();
  print("uart transmitter");
  without_fifo();
  print("uart without fifo");
  fifo(0, 1);
  print("uart trigger 1");
  fifo(0x40, 4);
  print("uart trigger 4");
  fifo(0x80, 8);
  print("uart trigger 8");
  fifo(0xc0, 14);
  print("uart trigger 14");
  timeout();
  print("uart timeout");
}
