/** From an instruction word to its row in the table, and to text as binutils prints it without aliases. */
import { decodeCompressed, immediateOf, registerOf } from "./compressed.ts";
import type { RegisterField } from "./compressed.ts";
import { fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "./instruction.ts";
import type { Instruction } from "./instruction.ts";
import { CSR, REGISTER_NAMES } from "./registers.ts";
import { INSTRUCTIONS } from "./table.ts";

/** Rows by the low seven bits, in the table's order. */
const BY_OPCODE: readonly (readonly Instruction[])[] = Array.from({ length: 128 }, (_, opcode) =>
  INSTRUCTIONS.filter((item) => (item.match & 0x7f) === opcode),
);
const CSR_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(CSR).map(([name, number]) => [number, name]));

/** Bytes of the instruction that begins with these bits. */
export const lengthOf = (word: number): 2 | 4 => ((word & 3) === 3 ? 4 : 2);

/** A four-byte instruction; null: not one of this machine. */
export function decode(word: number): Instruction | null {
  for (const row of BY_OPCODE[word & 0x7f]!) {
    if ((word & row.mask) >>> 0 === row.match) return row;
  }
  return null;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const fenceSet = (bits: number): string =>
  [..."iorw"].filter((_, at) => bits & (8 >> at)).join("") || "unknown";

/** The text of a two-byte instruction: `row.text` with its operands put in. */
function disassembleCompressed(half: number, pc: number): string {
  const row = decodeCompressed(half);
  if (!row) return half === 0 ? "c.unimp" : `.2byte ${hex(half)}`;
  const imm = row.imm ? immediateOf(row.imm, half) : 0;
  const register = (field: RegisterField | null): string => (field ? REGISTER_NAMES[registerOf(field, half)]! : "");
  const operands: Readonly<Record<string, string>> = {
    rd: register(row.rd), rs1: register(row.rs1), rs2: register(row.rs2),
    imm: String(imm), hex: hex(imm), upper: hex(imm >>> 12), target: hex(pc + imm),
  };
  const text = row.text.replace(/[a-z]+[12]?/g, (name) => operands[name]!);
  return text === "" ? row.mnemonic : `${row.mnemonic} ${text}`;
}

/** `addi a0,a1,-4`; jump targets are absolute; an unknown word is `.word 0x…`. Of a two-byte one only the low half counts. */
export function disassemble(word: number, pc: number): string {
  if (lengthOf(word) === 2) return disassembleCompressed(word & 0xffff, pc);
  const row = decode(word);
  if (!row) return `.word ${hex(word)}`;
  const rd = REGISTER_NAMES[fieldRd(word)]!;
  const rs1 = REGISTER_NAMES[fieldRs1(word)]!;
  const rs2 = REGISTER_NAMES[fieldRs2(word)]!;
  const imm = fieldImmediate(word, row.format);
  const order = ["", ".rl", ".aq", ".aqrl"][(word >>> 25) & 3]!;
  const csr = CSR_NAMES.get(fieldCsr(word)) ?? hex(fieldCsr(word));
  const name = row.mnemonic;
  switch (row.format) {
    case "r":
      return `${name} ${rd},${rs1},${rs2}`;
    case "i":
      return `${name} ${rd},${rs1},${imm}`;
    case "shift":
      return `${name} ${rd},${rs1},${hex(imm)}`;
    case "load":
    case "jalr":
      return `${name} ${rd},${imm}(${rs1})`;
    case "s":
      return `${name} ${rs2},${imm}(${rs1})`;
    case "b":
      return `${name} ${rs1},${rs2},${hex(pc + imm)}`;
    case "u":
      return `${name} ${rd},${hex(imm >>> 12)}`;
    case "j":
      return `${name} ${rd},${hex(pc + imm)}`;
    case "amo":
      return `${name}${order} ${rd},${rs2},(${rs1})`;
    case "lr":
      return `${name}${order} ${rd},(${rs1})`;
    case "csr":
      return `${name} ${rd},${csr},${rs1}`;
    case "csri":
      return `${name} ${rd},${csr},${imm}`;
    case "fence":
      return `${name} ${fenceSet(imm >> 4)},${fenceSet(imm & 15)}`;
    case "sfence":
      return `${name} ${rs1},${rs2}`;
    case "none":
      return name;
  }
}
