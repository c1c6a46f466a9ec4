/** From a mnemonic and operands to the instruction word. */
import type { Instruction } from "./instruction.ts";
import { INSTRUCTIONS } from "./table.ts";

/** Operands a format does not have are ignored; those it has and that are left out are 0 (fence: iorw, iorw). */
export interface Operands {
  readonly rd?: number | undefined;
  readonly rs1?: number | undefined;
  readonly rs2?: number | undefined;
  /** Byte distance for branches and jal; upper value with twelve zero bits for lui and auipc. */
  readonly imm?: number | undefined;
  readonly csr?: number | undefined;
}

const BY_MNEMONIC: ReadonlyMap<string, Instruction> = new Map(INSTRUCTIONS.map((item) => [item.mnemonic, item]));
const AQ = 1 << 26;
const RL = 1 << 25;
const ORDER: readonly (readonly [suffix: string, bits: number])[] = [[".aqrl", AQ | RL], [".aq", AQ], [".rl", RL]];

/** The row of a mnemonic and the aq and rl bits that its suffix asks for. */
function lookUp(mnemonic: string): { instruction: Instruction; order: number } | null {
  const plain = BY_MNEMONIC.get(mnemonic);
  if (plain) return { instruction: plain, order: 0 };
  for (const [suffix, bits] of ORDER) {
    if (!mnemonic.endsWith(suffix)) continue;
    const instruction = BY_MNEMONIC.get(mnemonic.slice(0, -suffix.length));
    const ordered = instruction && (instruction.format === "amo" || instruction.format === "lr");
    return ordered ? { instruction, order: bits } : null;
  }
  return null;
}

const within = (value: number, low: number, high: number, step = 1): boolean =>
  Number.isInteger(value) && value >= low && value <= high && value % step === 0;

/** The immediate's bits at their places, or null when it does not fit. */
function immediateBits(instruction: Instruction, imm: number): number | null {
  switch (instruction.format) {
    case "i":
    case "load":
    case "jalr":
      return within(imm, -2048, 2047) ? imm << 20 : null;
    case "shift":
      return within(imm, 0, 31) ? imm << 20 : null;
    case "s":
      return within(imm, -2048, 2047) ? ((imm >> 5) << 25) | ((imm & 31) << 7) : null;
    case "b":
      if (!within(imm, -4096, 4094, 2)) return null;
      return ((imm >> 12) << 31) | (((imm >> 5) & 63) << 25) | (((imm >> 1) & 15) << 8) | (((imm >> 11) & 1) << 7);
    case "u":
      return within(imm, -0x80000000, 0xffffffff, 0x1000) ? imm | 0 : null;
    case "j":
      if (!within(imm, -0x100000, 0xffffe, 2)) return null;
      return ((imm >> 20) << 31) | (((imm >> 1) & 0x3ff) << 21) | (((imm >> 11) & 1) << 20) | (imm & 0xff000);
    case "csri":
      return within(imm, 0, 31) ? imm << 15 : null;
    case "fence":
      return within(imm, 0, 255) ? imm << 20 : null;
    default:
      return 0;
  }
}

/** The unsigned word; null when there is no such mnemonic or an operand does not fit. */
export function encode(mnemonic: string, operands: Operands = {}): number | null {
  const found = lookUp(mnemonic);
  if (!found) return null;
  const { instruction, order } = found;
  const { rd = 0, rs1 = 0, rs2 = 0, csr = 0 } = operands;
  const { format } = instruction;
  const imm = operands.imm ?? (format === "fence" ? 0xff : 0);
  if (![rd, rs1, rs2].every((register) => within(register, 0, 31)) || !within(csr, 0, 0xfff)) return null;
  const bits = immediateBits(instruction, imm);
  if (bits === null) return null;
  let word = instruction.match | order | bits;
  if (!["s", "b", "fence", "sfence", "none"].includes(format)) word |= rd << 7;
  if (!["u", "j", "csri", "fence", "none"].includes(format)) word |= rs1 << 15;
  if (["r", "s", "b", "amo", "sfence"].includes(format)) word |= rs2 << 20;
  if (format === "csr" || format === "csri") word |= csr << 20;
  return word >>> 0;
}
