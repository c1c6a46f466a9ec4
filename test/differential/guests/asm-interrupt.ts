// Assembly with operands, and functions that traps enter: a timer in machine mode, a software interrupt in supervisor mode.

import { put_hex, put_string } from "../../../firmware/uart.ts";

const MTIMECMP = 0x200_4000;
const MTIME = 0x200_bff8;
const TICKS: u32 = 20;
const PERIOD: u32 = 2000;

let machine_ticks: u32 = 0;
let supervisor_ticks: u32 = 0;
let mixed: u32 = 0;

function line(name: string, value: u32): void {
  put_string(name);
  put_string(" ");
  put_hex(value);
  put_string("\n");
}

/** Uses many registers, so that one that was not saved is missed. */
function churn(seed: u32): u32 {
  "noinline";
  let a = seed + 1;
  let b = seed ^ 0x5555;
  let c = seed * 3;
  let d = seed - 7;
  let e = seed >>> 3;
  let f = seed << 2;
  for (let i: u32 = 0; i < 8; i++) {
    a = a * 5 + f;
    b = b ^ (a >>> 7);
    c = c + b * e;
    d = d - c;
    e = e * 7 + d;
    f = f ^ (e << 3);
  }
  return a ^ b ^ c ^ d ^ e ^ f;
}

function set_timer(ahead: u32): void {
  const low = READ_ONCE(cast<Ptr<u32>>(MTIME)[0]);
  WRITE_ONCE(cast<Ptr<u32>>(MTIMECMP)[1], ~0);
  WRITE_ONCE(cast<Ptr<u32>>(MTIMECMP)[0], low + ahead);
  WRITE_ONCE(cast<Ptr<u32>>(MTIMECMP)[1], READ_ONCE(cast<Ptr<u32>>(MTIME)[1]));
}

/** Calls: everything that calls may change is saved. */
function on_timer(): void {
  "interrupt machine";
  mixed = churn(mixed ^ machine_ticks);
  machine_ticks++;
  if (machine_ticks < TICKS) set_timer(PERIOD);
  else csrReadClear(CSR_MIE, 1 << 7);
}

/** A leaf: saves what it uses. */
function on_software(): void {
  "interrupt";
  supervisor_ticks += 3;
  csrReadClear(CSR_SIP, 2);
}

const CSR_MIE = 0x304;
const CSR_MSTATUS = 0x300;
const CSR_MTVEC = 0x305;
const CSR_MIDELEG = 0x303;
const CSR_STVEC = 0x105;
const CSR_SIP = 0x144;
const CSR_SIE = 0x104;
const CSR_SSTATUS = 0x100;

function operands(): void {
  let sum: u32 = 0;
  let carry: u32 = 0;
  const a: u32 = 0xf000_0001;
  const b: u32 = READ_ONCE(machine_ticks) + 0x1000_0005;
  asm`add ${asmOut(sum)}, ${asmIn(a)}, ${asmIn(b)}
      sltu ${asmOut(carry)}, ${asmIn(b)}, ${asmIn(a)}`;
  line("sum", sum);
  line("carry", carry);
  let count: u32 = 10;
  let product: u32 = 1;
  asm`slli t0, ${asmInOut(product)}, 1
      add a0, t0, ${asmIn(3)}
      mv ${asmOut(product)}, a0 ${asmClobber("t0", "a0")}`;
  line("product", product);
  // Early writes: the text changes its result before it reads the input.
  asm`li ${asmInOut(count)}, 7
      add ${asmInOut(count)}, ${asmInOut(count)}, ${asmIn(b)}`;
  line("count", count);
}

/** More values than registers are alive while assembly changes every register that it may. */
function pressure(): void {
  "noinline";
  const v0 = READ_ONCE(mixed) + 1;
  const v1 = READ_ONCE(mixed) + 2;
  const v2 = READ_ONCE(mixed) + 5;
  const v3 = READ_ONCE(mixed) + 10;
  const v4 = READ_ONCE(mixed) + 17;
  const v5 = READ_ONCE(mixed) + 26;
  const v6 = READ_ONCE(mixed) + 37;
  const v7 = READ_ONCE(mixed) + 50;
  const v8 = READ_ONCE(mixed) + 65;
  const v9 = READ_ONCE(mixed) + 82;
  const v10 = READ_ONCE(mixed) + 101;
  const v11 = READ_ONCE(mixed) + 122;
  const v12 = READ_ONCE(mixed) + 145;
  const v13 = READ_ONCE(mixed) + 170;
  const v14 = READ_ONCE(mixed) + 197;
  const v15 = READ_ONCE(mixed) + 226;
  const v16 = READ_ONCE(mixed) + 257;
  const v17 = READ_ONCE(mixed) + 290;
  const v18 = READ_ONCE(mixed) + 325;
  const v19 = READ_ONCE(mixed) + 362;
  const v20 = READ_ONCE(mixed) + 401;
  const v21 = READ_ONCE(mixed) + 442;
  const v22 = READ_ONCE(mixed) + 485;
  const v23 = READ_ONCE(mixed) + 530;
  let low: u32 = 1;
  let high: u32 = 2;
  asm`li t0, 0
      mul ${asmOut(low)}, ${asmIn(v1)}, ${asmIn(v2)}
      li a0, 0
      add ${asmInOut(high)}, ${asmInOut(high)}, ${asmIn(v1)}
      li a1, 0
      li a2, 0
      li a3, 0
      li a4, 0
      li a5, 0
      li a6, 0
      li a7, 0
      li t1, 0
      li t2, 0
      li t3, 0
      li t4, 0
      li t5, 0
      li t6, 0
      ${asmClobber("a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6")}`;
  line("pressure", low + 5 * high + ((v0 << 0) ^ (v1 << 1) ^ (v2 << 2) ^ (v3 << 3) ^ (v4 << 4) ^ (v5 << 5) ^ (v6 << 6) ^ (v7 << 0) ^ (v8 << 1) ^ (v9 << 2) ^ (v10 << 3) ^ (v11 << 4) ^ (v12 << 5) ^ (v13 << 6) ^ (v14 << 0) ^ (v15 << 1) ^ (v16 << 2) ^ (v17 << 3) ^ (v18 << 4) ^ (v19 << 5) ^ (v20 << 6) ^ (v21 << 0) ^ (v22 << 1) ^ (v23 << 2)));
}

/** In supervisor mode: 16 software interrupts to itself around a computation. */
function supervise(): void {
  let word: u32 = 1;
  for (let i: u32 = 0; i < 16; i++) {
    const before = word * 31 + i;
    csrReadSet(CSR_SIP, 2);
    word = before ^ churn(word);
  }
  line("supervisor ticks", READ_ONCE(supervisor_ticks));
  line("word", word);
}

function to_supervisor(): void {
  csrWrite(0x3b0, ~0);
  csrWrite(0x3a0, 0x1f);
  csrWrite(CSR_MIDELEG, 2);
  csrWrite(CSR_STVEC, addr(on_software));
  csrWrite(CSR_SIE, 2);
  let status: u32 = 0;
  // mret to the next line in supervisor mode.
  asm`li t0, 0x1800
      csrc mstatus, t0
      li t0, 0x800
      csrs mstatus, t0
      la t0, 1f
      csrw mepc, t0
      mret
   1: csrr ${asmOut(status)}, sstatus ${asmClobber("t0")}`;
  csrReadSet(CSR_SSTATUS, 2);
  line("sstatus", status & 2);
  supervise();
}

export function guest_main(): void {
  operands();
  pressure();
  csrWrite(CSR_MTVEC, addr(on_timer));
  set_timer(PERIOD);
  csrReadSet(CSR_MIE, 1 << 7);
  csrReadSet(CSR_MSTATUS, 1 << 3);
  let check: u32 = 1;
  let rounds: u32 = 0;
  while (READ_ONCE(machine_ticks) < TICKS) {
    // The same every time, whatever interrupts it.
    check = churn(0x1234);
    const again = churn(0x1234);
    if (check !== again) put_string("a register was lost\n");
    rounds++;
  }
  csrReadClear(CSR_MSTATUS, 1 << 3);
  line("machine ticks", machine_ticks);
  line("check", check);
  line("mixed", mixed);
  if (rounds === 0) put_string("nothing was interrupted\n");
  to_supervisor();
}
