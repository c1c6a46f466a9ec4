/**
 * Random guests for comparing the tiers: loops, calls (near, far and through registers), loads and stores of all kinds,
 * traps, counters, marks, ordered operations, and code that rewrites itself. They never end.
 */
import { CSR, encode } from "../../../isa/index.ts";
import { HART } from "../../memory/layout.ts";
import { Assembler, registerNumber } from "../../test-assembler.ts";
import { RAM } from "../testing.ts";
import type { Bench } from "../testing.ts";

export const DATA = RAM + 0x1_0000;
export const DATA_BYTES = 0x4000;
export const CODE_BYTES = 0x6000;

/** mulberry32: numbers that follow from a seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Registers that statements use freely; s0 is DATA, s2.. count loops, s10 is where code is rewritten. */
const FREE = ["t0", "t1", "t2", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
/** Numbers of those that compressed instructions reach. */
const SHORT = [11, 12, 13, 14, 15];
/** main's two, that of functions that call, that of leaves: a loop around a call ends. */
const COUNTERS = ["s2", "s3", "s4", "s6"];
const ALU = ["add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and", "mul", "mulh", "mulhu", "mulhsu", "div", "divu", "rem", "remu"];
const ALU_IMMEDIATE = ["addi", "slti", "sltiu", "xori", "ori", "andi"];
const LOADS = ["lb", "lh", "lw", "lbu", "lhu"];
const STORES = ["sb", "sh", "sw"];
const AMOS = ["amoadd.w", "amoswap.w", "amoxor.w", "amomax.w", "amominu.w"];
const BRANCHES = ["beq", "bne", "blt", "bge", "bltu", "bgeu"];

export interface GuestOptions {
  readonly seed: number;
  /** What only slow paths do: traps, rewritten code, LR and SC, CSRs. */
  readonly rough: boolean;
}

class Writer {
  readonly p = new Assembler(RAM);
  readonly #random: (below: number) => number;
  readonly #rough: boolean;
  #labels = 0;
  /** COUNTERS that may be used now. */
  #counters = 2;

  constructor({ seed, rough }: GuestOptions) {
    this.#random = randomFrom(seed);
    this.#rough = rough;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)]!;
  }
  below(limit: number): number {
    return this.#random(limit);
  }
  fresh(): string {
    return `l${this.#labels++}`;
  }
  free(): string {
    return this.pick(FREE);
  }

  /** An address in DATA from a free register's value, in t6; now and then misaligned. */
  address(): void {
    const { p } = this;
    p.op("andi", "t6", this.free(), this.below(8) === 0 ? 0x7ff : 0x7fc).op("add", "t6", "t6", "s0");
    if (this.below(3) === 0) p.emit("lui", { rd: 30, imm: 0x1000 * this.below(3) }).op("add", "t6", "t6", "t5");
  }

  memory(): void {
    const { p } = this;
    if (this.below(8) === 0) {
      this.address();
      p.op("andi", "t6", "t6", -4);
      p.emit(this.pick(AMOS), { rd: registerNumber(this.free()), rs1: 31, rs2: registerNumber(this.free()) });
      return;
    }
    const near = this.below(2) === 0;
    if (!near) this.address();
    const base = near ? "s0" : "t6";
    const offset = this.below(8) === 0 ? this.below(2000) : this.below(500) * 4;
    if (this.below(2) === 0) p.load(this.pick(LOADS), this.below(12) === 0 ? "zero" : this.free(), base, offset);
    else p.store(this.pick(STORES), this.free(), base, offset);
  }

  short(): void {
    const { p } = this;
    const rd = this.pick(SHORT);
    const operand = this.pick(SHORT);
    switch (this.below(6)) {
      case 0:
        p.emit("c.addi", { rd, rs1: rd, imm: this.below(60) - 30 });
        break;
      case 1:
        p.emit("c.mv", { rd, rs2: operand });
        break;
      case 2:
        p.emit("c.li", { rd, imm: this.below(30) });
        break;
      case 3:
        p.emit(this.pick(["c.sub", "c.xor", "c.and", "c.or"]), { rd, rs1: rd, rs2: operand });
        break;
      case 4:
        p.emit("c.lw", { rd, rs1: 8, imm: this.below(31) * 4 });
        break;
      default:
        p.emit("c.sw", { rs1: 8, rs2: operand, imm: this.below(31) * 4 });
    }
  }

  roughOne(): void {
    const { p } = this;
    const free = registerNumber(this.free());
    switch (this.below(8)) {
      case 0:
        p.emit("ecall");
        break;
      case 1:
        p.csr("csrrs", this.free(), this.pick([CSR.cycle!, CSR.instret!]), "zero");
        break;
      case 2:
        p.op("addi", "t6", "s0", this.below(64) * 4).emit("lr.w", { rd: 30, rs1: 31 }).emit("sc.w", { rd: 30, rs1: 31, rs2: free });
        break;
      case 3:
        // A mark with and without its operands.
        if (this.below(2) === 0) p.op("sltu", "zero", this.free(), this.free());
        p.op("slti", "zero", this.free(), 1 + this.below(100));
        break;
      case 4:
        p.emit("fence", { imm: 0xff });
        break;
      case 5:
        // The other of two instructions into the place at s10.
        p.load("lw", "t5", "s10").load("lw", "t6", "s0", 0x7f8).op("xor", "t5", "t5", "t6").store("sw", "t5", "s10").emit("fence.i");
        break;
      case 6:
        p.emit("auipc", { rd: free, imm: 0x1000 });
        break;
      default:
        p.emit("pause");
    }
  }

  statement(depth: number, calls: readonly string[]): void {
    const { p } = this;
    const choice = this.below(23);
    if (choice < 6) p.op(this.pick(ALU), this.below(16) === 0 ? "zero" : this.free(), this.free(), this.free());
    else if (choice < 9) p.op(this.pick(ALU_IMMEDIATE), this.free(), this.free(), this.below(4096) - 2048);
    else if (choice < 10) p.li(this.free(), this.below(0x7fff_ffff));
    else if (choice < 14) this.memory();
    else if (choice < 16) this.conditional(depth, calls);
    else if (choice < 17 && depth < this.#counters) this.loop(depth, calls);
    else if (choice < 18 && calls.length > 0) this.call(this.pick(calls));
    else if (choice < 21) this.short();
    else if (this.#rough && this.below(3) === 0) this.roughOne();
    else p.op("addi", this.free(), "zero", this.below(100));
  }

  statements(count: number, depth: number, calls: readonly string[]): void {
    for (let i = 0; i < count; i++) this.statement(depth, calls);
  }

  conditional(depth: number, calls: readonly string[]): void {
    const { p } = this;
    const otherwise = this.fresh();
    const end = this.fresh();
    p.branch(this.pick(BRANCHES), this.free(), this.free(), otherwise);
    this.statements(1 + this.below(3), depth, calls);
    if (this.below(2) === 0) {
      p.jal("zero", end).label(otherwise);
      this.statements(1 + this.below(3), depth, calls);
      p.label(end);
    } else p.label(otherwise);
  }

  loop(depth: number, calls: readonly string[]): void {
    const { p } = this;
    const head = this.fresh();
    const counter = COUNTERS[depth]!;
    p.op("addi", counter, "zero", 2 + this.below(20)).label(head);
    this.statements(1 + this.below(6), depth + 1, calls);
    p.op("addi", counter, counter, -1).branch("bne", counter, "zero", head);
  }

  call(name: string): void {
    if (this.below(3) > 0) this.p.jal("ra", name);
    else this.p.la("t5", name).emit("jalr", { rd: 1, rs1: 30, imm: 0 });
  }

  /** Functions that call functions keep ra in s5. */
  functions(): string[] {
    const { p } = this;
    const leaves: string[] = [];
    const inner: string[] = [];
    const total = 4 + this.below(5);
    for (let i = 0; i < total; i++) {
      const isLeaf = i < total / 2;
      const name = `f${i}`;
      p.label(name);
      if (!isLeaf) p.op("addi", "s5", "ra", 0);
      this.#counters = isLeaf ? 4 : 3;
      this.statements(2 + this.below(8), isLeaf ? 3 : 2, isLeaf ? [] : leaves);
      if (!isLeaf) p.op("addi", "ra", "s5", 0);
      p.emit("jalr", { rd: 0, rs1: 1, imm: 0 });
      (isLeaf ? leaves : inner).push(name);
      // Others begin in another page, or between words.
      if (this.below(4) === 0) for (let k = this.below(800); k > 0; k--) p.emit("addi", { rd: 0, rs1: 0, imm: 0 });
      if (this.below(2) === 0) p.half(0);
    }
    this.#counters = 2;
    return [...leaves, ...inner];
  }
}

/** The program at RAM; all harts run it. */
export function randomGuest(options: GuestOptions): Assembler {
  const w = new Writer(options);
  const { p } = w;
  p.jal("zero", "start");
  // The trap handler skips the instruction, which is an ecall or a device's.
  p.label("handler").csr("csrrw", "t5", CSR.mscratch!, "t5").csr("csrrs", "t5", CSR.mepc!, "zero").op("addi", "t5", "t5", 4)
    .csr("csrrw", "zero", CSR.mepc!, "t5").csr("csrrw", "t5", CSR.mscratch!, "t5").emit("mret");
  const calls = w.functions();
  p.align(4);
  p.label("start").la("t5", "handler").csr("csrrw", "zero", CSR.mtvec!, "t5").la("s10", "rewritten");
  p.li("s0", DATA).li("t6", rewriteMask()).store("sw", "t6", "s0", 0x7f8);
  FREE.forEach((name) => p.li(name, w.below(0x7fff_ffff)));
  p.label("main");
  w.loop(0, calls);
  w.statements(12, 0, calls);
  while (p.here % 4 !== 0) p.emit("c.addi", { rd: 0, rs1: 0, imm: 0 });
  p.label("rewritten").op("addi", "a1", "a1", 1);
  w.loop(0, calls);
  w.statements(6, 0, calls);
  w.loop(1, calls);
  p.jal("zero", "main");
  return p;
}

/** Exclusive or of the two instructions that take turns at "rewritten". */
function rewriteMask(): number {
  const one = encode("addi", { rd: 11, rs1: 11, imm: 1 })!;
  const other = encode("xori", { rd: 12, rs1: 11, imm: 5 })!;
  return one ^ other;
}

/** All that a guest could see of harts and memory, and clocks and counts. */
export function stateOf(bench: Bench, harts: number): unknown {
  const from = (bench.engine.ramOffset >>> 2);
  const data = from + (DATA - RAM) / 4;
  return {
    harts: Array.from({ length: harts }, (_, hart) => ({
      x: Array.from({ length: 31 }, (__, at) => bench.get(hart, HART.X + 4 * (at + 1))),
      pc: bench.get(hart, HART.PC) >>> 0,
      clock: bench.get64(hart, HART.CLOCK),
      instructions: bench.get64(hart, HART.INSTRET),
      marks: bench.get64(hart, HART.MARKS),
      latched: bench.get(hart, HART.MARK_LATCHED),
      reservation: bench.get(hart, HART.RESERVATION),
    })),
    data: fingerprint(bench.words.subarray(data, data + DATA_BYTES / 4)),
    code: fingerprint(bench.words.subarray(from, from + CODE_BYTES / 4)),
  };
}

/** FNV-1a over words. */
function fingerprint(words: Int32Array): number {
  let sum = 0x811c9dc5 | 0;
  for (const word of words) sum = Math.imul(sum ^ word, 0x01000193);
  return sum;
}
