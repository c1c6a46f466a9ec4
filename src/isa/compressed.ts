/**
 * The C extension (RV32C without F and D) as data: what a halfword's fields mean and which base instruction it is.
 *
 * A compressed instruction has no semantics of its own: `expand` gives the word of the base instruction, and only the
 * length (2) differs. Immediates are written as the manual writes them: "5:3" at bit 10 says that bits 5..3 of the
 * immediate stand in the halfword from bit 10 upwards. Source: unprivileged manual, chapter "C", tables 16.5 to 16.7.
 *
 * Names are those of binutils: c.nop is `c.addi zero,0`; shifts by 0 (hints) are c.slli64, c.srli64 and c.srai64.
 */
import type { Instruction } from "./instruction.ts";
import { encode, type Operands } from "./encode.ts";
import { INSTRUCTIONS } from "./table.ts";

/** Where a register's number is: five bits, or three bits that name x8..x15, from bit `at`; or it is always `fixed`. */
export type RegisterField = { readonly at: number; readonly bits: 3 | 5 } | { readonly fixed: number };

/** `bits` of the immediate ("high:low" or one bit) stand from bit `at` of the halfword upwards. */
interface ImmediatePart {
  readonly at: number;
  readonly high: number;
  readonly low: number;
}

export interface ImmediateField {
  readonly parts: readonly ImmediatePart[];
  /** The highest bit extends upwards. */
  readonly signed: boolean;
  /** Bits that are always zero below the lowest. */
  readonly low: number;
  readonly high: number;
}

export interface Compressed {
  readonly mnemonic: string;
  /** A halfword is this instruction when (half & mask) === match and no field has a value that is reserved. */
  readonly match: number;
  readonly mask: number;
  readonly base: Instruction;
  readonly rd: RegisterField | null;
  readonly rs1: RegisterField | null;
  readonly rs2: RegisterField | null;
  readonly imm: ImmediateField | null;
  /** Operands in the order of the text: `rd,imm(rs1)`. */
  readonly text: string;
  /** Of the halfword: fields as they must be. */
  readonly allowed: (half: number) => boolean;
}

const SP = 2;
const short = (at: number): RegisterField => ({ at, bits: 3 });
const full = (at: number): RegisterField => ({ at, bits: 5 });
const fixed = (number: number): RegisterField => ({ fixed: number });
const RD = full(7);
const RS2 = full(2);
const RD_SHORT = short(7);
const RS2_SHORT = short(2);

/** `immediate("12:5 6:4..2 ...")` reads "halfword bit:immediate bits". */
function immediate(layout: string, signed = true): ImmediateField {
  const parts = layout.split(" ").map((part): ImmediatePart => {
    const [at, range] = part.split(":") as [string, string];
    const [high, low = high] = range.split("..") as [string, string?];
    return { at: Number(at), high: Number(high), low: Number(low) };
  });
  return {
    parts,
    signed,
    low: Math.min(...parts.map((part) => part.low)),
    high: Math.max(...parts.map((part) => part.high)),
  };
}

/** The usual six bits. */
const IMM6 = immediate("12:5 2:4..0");
const SHAMT = immediate("2:4..0", false);
const UPPER = immediate("12:17 2:16..12");
const WORD_OFFSET = immediate("5:6 10:5..3 6:2", false);
const SP_LOAD = immediate("2:7..6 12:5 4:4..2", false);
const SP_STORE = immediate("7:7..6 9:5..2", false);
const SP_ADD = immediate("12:9 3:8..7 5:6 2:5 6:4");
const SP_NEAR = immediate("7:9..6 11:5..4 5:3 6:2", false);
const JUMP = immediate("12:11 8:10 9:9..8 6:7 7:6 2:5 11:4 3:3..1");
const BRANCH = immediate("12:8 5:7..6 2:5 10:4..3 3:2..1");

interface Fields {
  readonly rd?: RegisterField;
  readonly rs1?: RegisterField;
  readonly rs2?: RegisterField;
  readonly imm?: ImmediateField;
}

const ALWAYS = (): boolean => true;
const registerNotZero = (half: number): boolean => (half & 0xf80) !== 0;

function row(
  mnemonic: string, match: number, mask: number, base: string, text: string, fields: Fields, allowed: Compressed["allowed"] = ALWAYS,
): Compressed {
  const instruction = INSTRUCTIONS.find((item) => item.mnemonic === base);
  if (!instruction) throw new Error(`isa: ${mnemonic} expands to ${base}, which is not in the table`);
  const { rd = null, rs1 = null, rs2 = null, imm = null } = fields;
  return { mnemonic, match, mask, base: instruction, rd, rs1, rs2, imm, text, allowed };
}

/** funct3 and quadrant. */
const QUADRANT = 0xe003;
/** Also funct2 of bits 11:10. */
const FUNCT2 = 0xec03;
const FUNCT6_2 = 0xfc63;
/** funct4, and both registers. */
const FUNCT4 = 0xf003;
const FUNCT4_NO_RS2 = 0xf07f;
/** Shifts: bit 12, the sixth bit of the amount, is reserved on RV32. */
const SHIFT = 0xf003;
const SHIFT2 = 0xfc03;

const shift64 = (mnemonic: string, match: number, mask: number, base: string, register: RegisterField): Compressed =>
  row(mnemonic, match, mask | 0x7c, base, "rd", { rd: register, rs1: register });
const shift = (mnemonic: string, match: number, mask: number, base: string, register: RegisterField): Compressed =>
  row(mnemonic, match, mask, base, "rd,hex", { rd: register, rs1: register, imm: SHAMT });
const arithmetic = (mnemonic: string, match: number, base: string): Compressed =>
  row(mnemonic, match, FUNCT6_2, base, "rd,rs2", { rd: RD_SHORT, rs1: RD_SHORT, rs2: RS2_SHORT });
const nonZero = (imm: ImmediateField) => (half: number): boolean => immediateOf(imm, half) !== 0;

export const COMPRESSED: readonly Compressed[] = [
  row("c.addi4spn", 0x0000, QUADRANT, "addi", "rd,rs1,imm", { rd: RS2_SHORT, rs1: fixed(SP), imm: SP_NEAR }, nonZero(SP_NEAR)),
  row("c.lw", 0x4000, QUADRANT, "lw", "rd,imm(rs1)", { rd: RS2_SHORT, rs1: RD_SHORT, imm: WORD_OFFSET }),
  row("c.sw", 0xc000, QUADRANT, "sw", "rs2,imm(rs1)", { rs1: RD_SHORT, rs2: RS2_SHORT, imm: WORD_OFFSET }),

  row("c.addi", 0x0001, QUADRANT, "addi", "rd,imm", { rd: RD, rs1: RD, imm: IMM6 }),
  row("c.jal", 0x2001, QUADRANT, "jal", "target", { rd: fixed(1), imm: JUMP }),
  row("c.li", 0x4001, QUADRANT, "addi", "rd,imm", { rd: RD, rs1: fixed(0), imm: IMM6 }),
  row("c.addi16sp", 0x6101, 0xef83, "addi", "rd,imm", { rd: fixed(SP), rs1: fixed(SP), imm: SP_ADD }, nonZero(SP_ADD)),
  row("c.lui", 0x6001, QUADRANT, "lui", "rd,upper", { rd: RD, imm: UPPER }, (half) => (half & 0xf80) !== 0x100 && nonZero(UPPER)(half)),
  shift64("c.srli64", 0x8001, SHIFT2, "srli", RD_SHORT),
  shift("c.srli", 0x8001, SHIFT2, "srli", RD_SHORT),
  shift64("c.srai64", 0x8401, SHIFT2, "srai", RD_SHORT),
  shift("c.srai", 0x8401, SHIFT2, "srai", RD_SHORT),
  row("c.andi", 0x8801, FUNCT2, "andi", "rd,imm", { rd: RD_SHORT, rs1: RD_SHORT, imm: IMM6 }),
  arithmetic("c.sub", 0x8c01, "sub"),
  arithmetic("c.xor", 0x8c21, "xor"),
  arithmetic("c.or", 0x8c41, "or"),
  arithmetic("c.and", 0x8c61, "and"),
  row("c.j", 0xa001, QUADRANT, "jal", "target", { rd: fixed(0), imm: JUMP }),
  row("c.beqz", 0xc001, QUADRANT, "beq", "rs1,target", { rs1: RD_SHORT, rs2: fixed(0), imm: BRANCH }),
  row("c.bnez", 0xe001, QUADRANT, "bne", "rs1,target", { rs1: RD_SHORT, rs2: fixed(0), imm: BRANCH }),

  shift64("c.slli64", 0x0002, SHIFT, "slli", RD),
  shift("c.slli", 0x0002, SHIFT, "slli", RD),
  row("c.lwsp", 0x4002, QUADRANT, "lw", "rd,imm(rs1)", { rd: RD, rs1: fixed(SP), imm: SP_LOAD }, registerNotZero),
  row("c.jr", 0x8002, FUNCT4_NO_RS2, "jalr", "rs1", { rd: fixed(0), rs1: RD }, registerNotZero),
  row("c.mv", 0x8002, FUNCT4, "add", "rd,rs2", { rd: RD, rs1: fixed(0), rs2: RS2 }),
  row("c.ebreak", 0x9002, 0xffff, "ebreak", "", {}),
  row("c.jalr", 0x9002, FUNCT4_NO_RS2, "jalr", "rs1", { rd: fixed(1), rs1: RD }, registerNotZero),
  row("c.add", 0x9002, FUNCT4, "add", "rd,rs2", { rd: RD, rs1: RD, rs2: RS2 }),
  row("c.swsp", 0xc002, QUADRANT, "sw", "rs2,imm(rs1)", { rs1: fixed(SP), rs2: RS2, imm: SP_STORE }),
];

/** Number of the register that a field names. */
export function registerOf(field: RegisterField, half: number): number {
  if ("fixed" in field) return field.fixed;
  return field.bits === 5 ? (half >>> field.at) & 31 : 8 + ((half >>> field.at) & 7);
}

export function immediateOf(field: ImmediateField, half: number): number {
  let value = 0;
  for (const { at, high, low } of field.parts) value |= ((half >>> at) & ((2 << (high - low)) - 1)) << low;
  const shift = 31 - field.high;
  return field.signed ? (value << shift) >> shift : value;
}

/** By quadrant and funct3, in the table's order. */
const BY_QUADRANT: readonly (readonly Compressed[])[] = Array.from({ length: 32 }, (_, at) =>
  COMPRESSED.filter((item) => (item.match & 3) === (at & 3) && item.match >>> 13 === at >>> 2),
);

/** null: not an instruction of this machine. Only the low half of `word` counts. */
export function decodeCompressed(word: number): Compressed | null {
  const half = word & 0xffff;
  for (const item of BY_QUADRANT[(half & 3) | ((half >>> 13) << 2)]!) {
    if ((half & item.mask) === item.match) return item.allowed(half) ? item : null;
  }
  return null;
}

/** The word of the base instruction that the low half of `word` stands for, or null. */
export function expand(word: number): number | null {
  const half = word & 0xffff;
  const row = decodeCompressed(half);
  if (!row) return null;
  const register = (field: RegisterField | null): number => (field ? registerOf(field, half) : 0);
  const imm = row.imm ? immediateOf(row.imm, half) : 0;
  return encode(row.base.mnemonic, { rd: register(row.rd), rs1: register(row.rs1), rs2: register(row.rs2), imm });
}

const BY_MNEMONIC: ReadonlyMap<string, Compressed> = new Map(COMPRESSED.map((item) => [item.mnemonic, item]));

/** The field's bits, or null when the register cannot be named there. */
function registerBits(field: RegisterField | null, number: number): number | null {
  if (!field) return 0;
  if ("fixed" in field) return number === field.fixed ? 0 : null;
  if (field.bits === 5) return number >= 0 && number < 32 ? number << field.at : null;
  return number >= 8 && number < 16 ? (number - 8) << field.at : null;
}

function immediateBits(field: ImmediateField | null, imm: number): number | null {
  if (!field) return imm === 0 ? 0 : null;
  let bits = 0;
  for (const { at, high, low } of field.parts) bits |= ((imm >> low) & ((2 << (high - low)) - 1)) << at;
  return immediateOf(field, bits) === (imm | 0) ? bits : null;
}

/**
 * The halfword; null when there is no such mnemonic or an operand does not fit. Operands that the instruction fixes or
 * that equal another one (rs1 of c.add) may be left out; `c.jr` and `c.jalr` take rs1, all others rd where there is one.
 */
export function encodeCompressed(mnemonic: string, operands: Operands = {}): number | null {
  const row = BY_MNEMONIC.get(mnemonic);
  if (!row) return null;
  const number = (given: number | undefined, field: RegisterField | null): number =>
    given ?? (field && "fixed" in field ? field.fixed : 0);
  const same = row.rd === row.rs1;
  const parts = [
    registerBits(row.rd, number(operands.rd, row.rd)),
    registerBits(row.rs1, same ? number(operands.rs1 ?? operands.rd, row.rs1) : number(operands.rs1, row.rs1)),
    registerBits(row.rs2, number(operands.rs2, row.rs2)),
    immediateBits(row.imm, operands.imm ?? 0),
  ];
  if (parts.includes(null)) return null;
  if (same && operands.rs1 !== undefined && operands.rd !== undefined && operands.rs1 !== operands.rd) return null;
  const half = parts.reduce<number>((sum, part) => sum | part!, row.match);
  return decodeCompressed(half) === row ? half : null;
}
