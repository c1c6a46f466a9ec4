/** From an instruction word to its row in the table, and to text as binutils prints it without aliases. */
import { fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "./instruction.ts";
import type { Instruction } from "./instruction.ts";
import { CSR, REGISTER_NAMES } from "./registers.ts";
import { INSTRUCTIONS } from "./table.ts";

/** Rows by the low seven bits, in the table's order. */
const BY_OPCODE: readonly (readonly Instruction[])[] = Array.from({ length: 128 }, (_, opcode) =>
  INSTRUCTIONS.filter((item) => (item.match & 0x7f) === opcode),
);
const CSR_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(CSR).map(([name, number]) => [number, name]));

/** null: not an instruction of this machine. */
export function decode(word: number): Instruction | null {
  for (const row of BY_OPCODE[word & 0x7f]!) {
    if ((word & row.mask) >>> 0 === row.match) return row;
  }
  return null;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const fenceSet = (bits: number): string =>
  [..."iorw"].filter((_, at) => bits & (8 >> at)).join("") || "unknown";

/** `addi a0,a1,-4`; jump targets are absolute; an unknown word is `.word 0x…`. */
export function disassemble(word: number, pc: number): string {
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
