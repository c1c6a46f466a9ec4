/**
 * A small assembler over src/isa for test programs: instructions, labels, constants, data. One pass
 * and a fix-up; every `li` and `la` takes two words whatever the value, so that addresses do not
 * depend on values. Compressed instructions are written as such (`c.add`), labels may stand between
 * two halfwords.
 */
import { encode, encodeCompressed, REGISTER_NAMES, type Operands } from "../isa/index.ts";

type Register = string;

interface Fixup {
  readonly at: number;
  readonly label: string;
  readonly kind: "relative" | "address";
  readonly mnemonic: string;
  readonly operands: Operands;
}

export function registerNumber(name: Register): number {
  const index = REGISTER_NAMES.indexOf(name);
  const number = index >= 0 ? index : Number(/^x(\d+)$/.exec(name)?.[1] ?? NaN);
  if (!(number >= 0 && number < 32)) throw new Error(`no register ${name}`);
  return number;
}

export class Assembler {
  readonly base: number;
  /** Halfwords. */
  private readonly code: number[] = [];
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];

  constructor(base = 0x8000_0000) {
    this.base = base;
  }

  /** Address of the next halfword. */
  get here(): number {
    return this.base + 2 * this.code.length;
  }

  label(name: string): this {
    if (this.labels.has(name)) throw new Error(`label ${name} twice`);
    this.labels.set(name, this.here);
    return this;
  }

  addressOf(name: string): number {
    const address = this.labels.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return address;
  }

  word(...values: readonly number[]): this {
    for (const value of values) this.code.push(value & 0xffff, value >>> 16);
    return this;
  }

  half(...values: readonly number[]): this {
    for (const value of values) this.code.push(value & 0xffff);
    return this;
  }

  /** Any instruction by encode()'s operands. */
  emit(mnemonic: string, operands: Operands = {}): this {
    const short = mnemonic.startsWith("c.");
    const bits = short ? encodeCompressed(mnemonic, operands) : encode(mnemonic, operands);
    if (bits === null) throw new Error(`cannot encode ${mnemonic} ${JSON.stringify(operands)}`);
    return short ? this.half(bits) : this.word(bits);
  }

  /** rd, rs1, rs2 or imm: `op("add", "a0", "a1", "a2")`, `op("addi", "a0", "a1", 5)`. */
  op(mnemonic: string, rd: Register, rs1: Register, last: Register | number): this {
    const operands = { rd: registerNumber(rd), rs1: registerNumber(rs1) };
    return typeof last === "number"
      ? this.emit(mnemonic, { ...operands, imm: last })
      : this.emit(mnemonic, { ...operands, rs2: registerNumber(last) });
  }

  load(mnemonic: string, rd: Register, base: Register, imm = 0): this {
    return this.op(mnemonic, rd, base, imm);
  }

  store(mnemonic: string, value: Register, base: Register, imm = 0): this {
    return this.emit(mnemonic, { rs1: registerNumber(base), rs2: registerNumber(value), imm });
  }

  /** csrrw, csrrs, csrrc rd, csr, rs1. */
  csr(mnemonic: string, rd: Register, csr: number, rs1: Register): this {
    return this.emit(mnemonic, { rd: registerNumber(rd), csr, rs1: registerNumber(rs1) });
  }

  li(rd: Register, value: number): this {
    const number = registerNumber(rd);
    const low = (value << 20) >> 20;
    this.emit("lui", { rd: number, imm: (value - low) & 0xffff_f000 });
    return this.emit("addi", { rd: number, rs1: number, imm: low });
  }

  la(rd: Register, label: string): this {
    this.fixups.push({
      at: this.code.length,
      label,
      kind: "address",
      mnemonic: "",
      operands: { rd: registerNumber(rd) },
    });
    return this.word(0, 0);
  }

  /** `c.beqz`, `c.bnez`; also `c.j` and `c.jal`, without a register. */
  shortJump(mnemonic: string, label: string, rs1?: Register): this {
    const operands = rs1 === undefined ? {} : { rs1: registerNumber(rs1) };
    this.fixups.push({ at: this.code.length, label, kind: "relative", mnemonic, operands });
    return this.half(0);
  }

  branch(mnemonic: string, rs1: Register, rs2: Register, label: string): this {
    return this.relative(mnemonic, { rs1: registerNumber(rs1), rs2: registerNumber(rs2) }, label);
  }

  jal(rd: Register, label: string): this {
    return this.relative("jal", { rd: registerNumber(rd) }, label);
  }

  private relative(mnemonic: string, operands: Operands, label: string): this {
    this.fixups.push({ at: this.code.length, label, kind: "relative", mnemonic, operands });
    return this.word(0);
  }

  /** Pads with zeroes to a multiple of `bytes`. */
  align(bytes: number): this {
    while (this.here % bytes !== 0) this.half(0);
    return this;
  }

  space(words: number): this {
    for (let i = 0; i < words; i++) this.word(0);
    return this;
  }

  words(): Uint32Array {
    const halves = new Uint16Array(this.code.length + (this.code.length & 1));
    halves.set(this.code);
    for (const { at, label, kind, mnemonic, operands } of this.fixups) {
      const target = this.addressOf(label);
      if (kind === "address") {
        const pair = new Assembler().li(REGISTER_NAMES[operands.rd!]!, target);
        halves.set(pair.code, at);
        continue;
      }
      const short = mnemonic.startsWith("c.");
      const withDistance = { ...operands, imm: target - (this.base + 2 * at) };
      const bits = short ? encodeCompressed(mnemonic, withDistance) : encode(mnemonic, withDistance);
      if (bits === null) throw new Error(`${mnemonic} to ${label} is out of reach`);
      halves.set(short ? [bits] : [bits & 0xffff, bits >>> 16], at);
    }
    return new Uint32Array(halves.buffer);
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.words().buffer);
  }
}
