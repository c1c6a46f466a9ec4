/**
 * Guests that interrupt each other, for the tests of interleaving: every hart has a list of operations that it repeats for ever and a
 * handler that writes down cause and cycle of each interrupt and takes its reason away. Machine mode, real CLINT, PLIC and UART.
 */
import { CSR } from "../isa/index.ts";
import { createMachine } from "./machine.ts";
import { BOARD, IRQ } from "./memory/layout.ts";
import { Assembler } from "./test-assembler.ts";
import { elfFile } from "./test-elf.ts";
import type { Interleave, Machine, MachineConfig } from "./types.ts";

/** One thing that a hart does; `n` chooses among harts, lengths or addresses. */
export interface Action {
  readonly kind: "ipi" | "timer" | "uart on" | "uart off" | "wait" | "park" | "mask" | "open" | "look" | "work" | "load" | "store" | "amo" | "poll" | "mark";
  readonly n: number;
}

const SHARED = 0x8010_0000;
const AREA = 0x8011_0000;
const AREA_BYTES = 0x1000;
const PAGE_BYTES = 0x1000;
/** In a hart's area: three saved registers, log position, timer period; then the log. */
const AT = { position: 12, period: 16, log: 64 } as const;
const LOG_MASK = 0x3ff;
const MIE_BIT = 8;
const ALL_INTERRUPTS = 0x888;
const PLIC_ENABLE = 0x2000;
const PLIC_CLAIM = 0x20_0004;

/** s0 shared, s3 CLINT, s4 own claim register, s5 UART, s6 hart, s2 what was seen; mscratch: own area. */
function handler(code: Assembler): void {
  code.label("handler").csr("csrrw", "s11", CSR["mscratch"]!, "s11");
  for (const [at, register] of ["t0", "t1", "t2"].entries()) code.store("sw", register, "s11", 4 * at);
  code.load("lw", "t1", "s11", AT.position).op("add", "t2", "s11", "t1").csr("csrrs", "t0", CSR["mcause"]!, "zero");
  code.store("sw", "t0", "t2", AT.log).csr("csrrs", "t0", CSR["cycle"]!, "zero").store("sw", "t0", "t2", AT.log + 4);
  code.op("addi", "t1", "t1", 8).op("andi", "t1", "t1", LOG_MASK).store("sw", "t1", "s11", AT.position);
  code.csr("csrrs", "t0", CSR["mcause"]!, "zero").op("andi", "t0", "t0", 15);
  code.op("addi", "t1", "zero", 3).branch("beq", "t0", "t1", "software").op("addi", "t1", "zero", 7).branch("beq", "t0", "t1", "expired");
  code.load("lw", "t0", "s4").branch("beq", "t0", "zero", "back").load("lbu", "t1", "s5", 2).store("sw", "t0", "s4").jal("zero", "back");
  code.label("software").op("slli", "t1", "s6", 2).op("add", "t1", "t1", "s3").store("sw", "zero", "t1").jal("zero", "back");
  code.label("expired").li("t2", BOARD.CLINT + 0xbff8).load("lw", "t0", "t2").load("lw", "t1", "s11", AT.period).op("add", "t0", "t0", "t1");
  code.op("slli", "t1", "s6", 3).op("add", "t1", "t1", "s3").li("t2", 0x4000).op("add", "t1", "t1", "t2").store("sw", "t0", "t1").store("sw", "zero", "t1", 4);
  code.label("back");
  for (const [at, register] of ["t0", "t1", "t2"].entries()) code.load("lw", register, "s11", 4 * at);
  code.csr("csrrw", "s11", CSR["mscratch"]!, "s11").emit("mret");
}

function setUp(code: Assembler, harts: number): void {
  code.csr("csrrs", "s6", CSR["mhartid"]!, "zero").li("s0", SHARED).li("s3", BOARD.CLINT).li("s5", BOARD.UART);
  code.li("s4", BOARD.PLIC + PLIC_CLAIM).op("slli", "t0", "s6", 13).op("add", "s4", "s4", "t0");
  code.li("t0", AREA).op("slli", "t1", "s6", 12).op("add", "t0", "t0", "t1").csr("csrrw", "zero", CSR["mscratch"]!, "t0");
  code.op("slli", "t1", "s6", 2).op("addi", "t1", "t1", 5).store("sw", "t1", "t0", AT.period);
  code.la("t0", "handler").csr("csrrw", "zero", CSR["mtvec"]!, "t0").li("t0", ALL_INTERRUPTS).csr("csrrw", "zero", CSR["mie"]!, "t0");
  code.li("t0", BOARD.PLIC + 4 * IRQ.UART).op("addi", "t1", "zero", 1).store("sw", "t1", "t0");
  code.li("t0", BOARD.PLIC + PLIC_ENABLE).op("slli", "t1", "s6", 8).op("add", "t0", "t0", "t1").li("t1", 1 << IRQ.UART).store("sw", "t1", "t0");
  code.emit("csrrsi", { rd: 0, csr: CSR["mstatus"]!, imm: MIE_BIT });
  for (let hart = 0; hart < harts - 1; hart++) {
    code.op("addi", "t0", "zero", hart).branch("bne", "s6", "t0", `not${hart}`).jal("zero", `hart${hart}`).label(`not${hart}`);
  }
  code.jal("zero", `hart${harts - 1}`);
}

/** mtimecmp of hart `target` = mtime + `ticks`. */
function armTimer(code: Assembler, target: number, ticks: number): void {
  code.li("t0", BOARD.CLINT + 0xbff8).load("lw", "t1", "t0").op("addi", "t1", "t1", ticks);
  code.li("t0", BOARD.CLINT + 0x4000 + 8 * target).store("sw", "t1", "t0").store("sw", "zero", "t0", 4);
}

/** Marks, whole and not, `n % 5` words before the end of a page: what they do must not depend on how far a hart goes at a time. */
function emitMarks(code: Assembler, n: number, name: string): void {
  const first = (): unknown => code.op("sltu", "zero", "t1", "s2");
  const second = (): unknown => code.op("slti", "zero", "t1", 5);
  const before = 4 * (n % 5);
  code.jal("zero", `${name}marks`);
  while ((code.here + before) % PAGE_BYTES !== 0) code.half(0);
  code.label(`${name}marks`);
  const parts = [[first, second], [first], [second], [first, first, second, second], [first, () => code.op("addi", "s2", "s2", 1), second]];
  for (const part of parts[(n >>> 3) % parts.length]!) part();
  code.op("addi", "s2", "s2", 3);
}

function emitAction(code: Assembler, { kind, n }: Action, hart: number, harts: number, name: string): void {
  switch (kind) {
    case "ipi":
      code.op("addi", "t0", "zero", 1).store("sw", "t0", "s3", 4 * (n % harts));
      break;
    case "timer":
      armTimer(code, n % harts, n % 7);
      break;
    case "uart on":
    case "uart off":
      code.op("addi", "t0", "zero", kind === "uart on" ? 2 : 0).store("sb", "t0", "s5", 1);
      break;
    case "wait":
      armTimer(code, hart, 1 + (n % 5));
      code.emit("wfi");
      break;
    case "park":
      // As a hart that waits to be started: interrupts off, until somebody sends one.
      code.emit("csrrci", { rd: 0, csr: CSR["mstatus"]!, imm: MIE_BIT }).label(`${name}again`);
      armTimer(code, hart, 9);
      code.emit("wfi").csr("csrrs", "t0", CSR["mip"]!, "zero").op("andi", "t0", "t0", 0x88).branch("beq", "t0", "zero", `${name}again`);
      code.emit("csrrsi", { rd: 0, csr: CSR["mstatus"]!, imm: MIE_BIT });
      break;
    case "mask":
    case "open":
      code.emit(kind === "mask" ? "csrrci" : "csrrsi", { rd: 0, csr: CSR["mstatus"]!, imm: MIE_BIT });
      break;
    case "look":
      code.csr("csrrs", "t0", CSR["mip"]!, "zero").op("xor", "s2", "s2", "t0").op("slli", "t0", "s2", 1).op("xor", "s2", "s2", "t0");
      break;
    case "work":
      code.op("addi", "t0", "zero", 1 + (n % 60)).label(`${name}loop`).op("addi", "t0", "t0", -1).branch("bne", "t0", "zero", `${name}loop`);
      break;
    case "load":
      code.load("lw", "t1", "s0", 4 * (n % 48)).op("add", "s2", "s2", "t1");
      break;
    case "store":
      code.store("sw", "s2", "s0", 4 * (n % 48));
      break;
    case "poll":
      // Until somebody changes the word: a loop that harts may leave the order in.
      code.load("lw", "t1", "s0", 4 * (n % 48)).label(`${name}poll`).load("lw", "t0", "s0", 4 * (n % 48)).branch("beq", "t0", "t1", `${name}poll`);
      break;
    case "mark":
      emitMarks(code, n, name);
      break;
    case "amo":
      code.op("addi", "t0", "s0", 4 * (n % 48)).op("amoadd.w", "t1", "t0", "s2");
      break;
  }
}

/** A machine whose hart h repeats `lists[h]`. */
export function interruptMachine(lists: readonly (readonly Action[])[], interleave: Interleave, config: Partial<MachineConfig> = {}): Machine {
  const code = new Assembler();
  setUp(code, lists.length);
  for (const [hart, actions] of lists.entries()) {
    code.label(`hart${hart}`);
    for (const [at, action] of actions.entries()) emitAction(code, action, hart, lists.length, `h${hart}a${at}`);
    code.jal("zero", `hart${hart}`);
  }
  handler(code);
  const made = createMachine({
    harts: lists.length, memoryBytes: 8 << 20, timing: "cycle", interleave, bootargs: "", lab: false, recordMarks: false, ...config,
  });
  if (!made.ok) throw new Error(made.problems[0]!.message);
  const loaded = made.value.loadElf(elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] }));
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  return made.value;
}

/** Interrupts that a hart has written down, the last 128 of them, as [number, clock]. */
export function loggedInterrupts(machine: Machine, hart: number): [number, number][] {
  const bytes = machine.readPhysical(AREA + hart * AREA_BYTES, AREA_BYTES)!;
  const words = new Uint32Array(bytes.buffer);
  const all: [number, number][] = [];
  for (let at = AT.log / 4; at < (AT.log + LOG_MASK + 1) / 4; at += 2) {
    if (words[at] !== 0) all.push([words[at]! & 15, words[at + 1]!]);
  }
  return all;
}
