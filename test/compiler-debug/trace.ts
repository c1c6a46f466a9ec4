/**
 * Runs a compiled program on a small interpreter and records, at every store to `ticks`, what the debug sections say of
 * all frames: the running function, what it was inlined into, and its callers with the registers that calls preserve.
 */
import { foldBinary, foldCondition } from "../../src/compiler/front/fold.ts";
import { readElf, type ReadElf } from "../../src/compiler/link/elf-reader.ts";
import type { BinaryOp, Condition } from "../../src/compiler/ir.ts";
import { decode, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "../../src/isa/index.ts";
import { Dwarf, type FrameState, type ShownLevel } from "./dwarf.ts";

const BASE = 0x8000_0000;
const MEMORY = 1 << 20;
const STEPS_MAX = 3_000_000;
const PRESERVED = new Set([2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]);

export interface Tick {
  readonly id: number;
  /** Innermost first, through all frames. */
  readonly levels: readonly ShownLevel[];
}

interface Frame {
  /** Inside the call instruction. */
  readonly pc: number;
  readonly registers: Int32Array;
  readonly cfa: number;
}

interface Decoded {
  readonly mnemonic: string;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly imm: number;
}

export class Trace {
  readonly ticks: Tick[] = [];
  readonly #x = new Int32Array(32);
  readonly #view = new DataView(new ArrayBuffer(MEMORY));
  readonly #decoded = new Map<number, Decoded>();
  readonly #elf: ReadElf;
  readonly #dwarf: Dwarf;
  readonly #tick: number;
  readonly #max: number;
  #callers: Frame[] = [];
  #cfa = 0;

  constructor(elf: Uint8Array, ticksMax: number) {
    this.#elf = readElf(elf);
    this.#dwarf = new Dwarf(this.#elf);
    this.#tick = this.#elf.symbol("ticks").address;
    this.#max = ticksMax;
    for (const { name, address, size, flags, bytes } of this.#elf.sections) {
      if ((flags & 2) !== 0 && size > 0 && bytes.length > 0 && name !== ".bss") new Uint8Array(this.#view.buffer).set(bytes, address - BASE);
    }
  }

  run(): this {
    let pc = BASE;
    for (let steps = 0; steps < STEPS_MAX && this.ticks.length < this.#max; steps++) {
      const next = this.#step(pc);
      if (next === pc) return this;
      pc = next;
    }
    return this;
  }

  #at(pc: number): Decoded {
    let d = this.#decoded.get(pc);
    if (!d) {
      const word = this.#view.getUint32(pc - BASE, true);
      const row = decode(word);
      if (!row) throw new Error(`no instruction at ${pc.toString(16)}`);
      d = { mnemonic: row.mnemonic, rd: fieldRd(word), rs1: fieldRs1(word), rs2: fieldRs2(word), imm: fieldImmediate(word, row.format) };
      this.#decoded.set(pc, d);
    }
    return d;
  }

  #step(pc: number): number {
    const x = this.#x;
    const { mnemonic, rd, rs1, rs2, imm } = this.#at(pc);
    let next = pc + 4;
    let result: number | null = null;
    const address = (x[rs1]! + imm) >>> 0;
    const load = /^l([bhw])(u?)$/.exec(mnemonic);
    if (load) result = this.#load(address, load[1]!, load[2] === "u");
    else if (/^s[bhw]$/.test(mnemonic)) this.#store(pc, address, mnemonic, x[rs2]!);
    else if (mnemonic === "lui") result = imm;
    else if (mnemonic === "auipc") result = pc + imm;
    else if (mnemonic === "jal" || mnemonic === "jalr") {
      result = next;
      next = mnemonic === "jal" ? (pc + imm) >>> 0 : (address & ~1) >>> 0;
      this.#transfer(pc, rd, rs1, mnemonic);
    } else if (mnemonic.startsWith("b")) {
      if (foldCondition(mnemonic.slice(1) as Condition, x[rs1]!, x[rs2]!)) next = (pc + imm) >>> 0;
    } else if (/^(add|sl[lt]|xor|sr[la]|or|and|slt)iu?$|^sltiu$/.test(mnemonic)) result = foldBinary(mnemonic.replace(/i(u?)$/, "$1") as BinaryOp, x[rs1]!, imm);
    else result = foldBinary(mnemonic as BinaryOp, x[rs1]!, x[rs2]!);
    if (result !== null && rd !== 0) x[rd] = result;
    return next;
  }

  /** Calls and returns: frames of callers. */
  #transfer(pc: number, rd: number, rs1: number, mnemonic: string): void {
    if (rd === 1) {
      this.#callers.push({ pc: pc + 3, registers: this.#x.slice(), cfa: this.#cfa });
      this.#cfa = this.#x[2]!;
    } else if (mnemonic === "jalr" && rs1 === 1) this.#cfa = this.#callers.pop()!.cfa;
  }

  #load(address: number, width: string, unsigned: boolean): number {
    const at = address - BASE;
    if (width === "w") return this.#view.getInt32(at, true);
    if (width === "h") return unsigned ? this.#view.getUint16(at, true) : this.#view.getInt16(at, true);
    return unsigned ? this.#view.getUint8(at) : this.#view.getInt8(at);
  }

  #store(pc: number, address: number, mnemonic: string, value: number): void {
    const at = address - BASE;
    if (mnemonic === "sw") this.#view.setInt32(at, value, true);
    else if (mnemonic === "sh") this.#view.setInt16(at, value, true);
    else this.#view.setInt8(at, value);
    if (address === this.#tick) this.ticks.push({ id: value, levels: this.#levels(pc) });
  }

  #levels(pc: number): ShownLevel[] {
    const load = (address: number, bytes: number): bigint => {
      let value = 0n;
      for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#view.getUint8(address - BASE + i));
      return value;
    };
    const top: FrameState = { register: (n) => this.#x[n]!, cfa: this.#cfa, load };
    const levels = this.#dwarf.levels(pc, top);
    for (const { pc: at, registers, cfa } of [...this.#callers].reverse()) {
      levels.push(...this.#dwarf.levels(at, { register: (n) => (PRESERVED.has(n) ? registers[n]! : null), cfa, load }));
    }
    return levels;
  }
}
