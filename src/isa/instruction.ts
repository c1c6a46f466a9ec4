/**
 * What one row of the instruction table says.
 *
 * `semantics` is the only description of what an instruction does: value computations are WebAssembly emitters
 * (wasm/code.ts), memory accesses and control transfers are data that the engine wraps in its own paths. Emitters may
 * evaluate an operand more than once, so they must be given operands that are cheap and without effect (locals).
 */
import type { Value } from "./wasm/code.ts";

/**
 * Operands in the word:
 * r rd rs1 rs2; i rd rs1 imm; shift rd rs1 shamt; load rd imm(rs1); jalr like load; s rs2 imm(rs1); b rs1 rs2 target;
 * u rd imm; j rd target; amo rd rs2 (rs1) with aq rl; lr rd (rs1) with aq rl; csr rd csr rs1; csri rd csr uimm;
 * fence pred succ; sfence rs1 rs2; none.
 */
export type Format =
  | "r" | "i" | "shift" | "load" | "jalr" | "s" | "b" | "u" | "j"
  | "amo" | "lr" | "csr" | "csri" | "fence" | "sfence" | "none";

/** Key into the cost table of `machine/timing/`. */
export type CostClass =
  | "alu" | "mul" | "div" | "load" | "store" | "branch" | "jump" | "jumpRegister"
  | "atomic" | "fence" | "csr" | "system";

export type Semantics =
  /** rd = value(rs1, rs2 or imm) */
  | { readonly kind: "alu"; readonly value: (a: Value, b: Value) => Value }
  | { readonly kind: "lui" }
  | { readonly kind: "auipc" }
  | { readonly kind: "jal" }
  | { readonly kind: "jalr" }
  | { readonly kind: "branch"; readonly taken: (a: Value, b: Value) => Value }
  | { readonly kind: "load"; readonly bytes: 1 | 2 | 4; readonly signed: boolean }
  | { readonly kind: "store"; readonly bytes: 1 | 2 | 4 }
  | { readonly kind: "lr" }
  | { readonly kind: "sc" }
  /** memory = value(memory, rs2), rd = old memory */
  | { readonly kind: "amo"; readonly value: (old: Value, b: Value) => Value }
  | { readonly kind: "fence" }
  | { readonly kind: "pause" }
  | { readonly kind: "csr"; readonly operation: "write" | "set" | "clear" }
  /** Done by the privileged-architecture code outside the engine. */
  | { readonly kind: "system" };

export interface Instruction {
  readonly mnemonic: string;
  readonly format: Format;
  /** A word is this instruction when (word & mask) === match, both unsigned. */
  readonly match: number;
  readonly mask: number;
  readonly cost: CostClass;
  readonly semantics: Semantics;
}

/** Where fields of a word are; the word is any 32-bit number. */
export const fieldRd = (word: number): number => (word >>> 7) & 31;
export const fieldRs1 = (word: number): number => (word >>> 15) & 31;
export const fieldRs2 = (word: number): number => (word >>> 20) & 31;
export const fieldCsr = (word: number): number => word >>> 20;

/** The immediate as `encode` takes it: sign-extended, a byte distance for jumps, the upper value for lui and auipc. */
export function fieldImmediate(word: number, format: Format): number {
  switch (format) {
    case "i":
    case "load":
    case "jalr":
      return word >> 20;
    case "shift":
      return (word >>> 20) & 31;
    case "s":
      return ((word >> 25) << 5) | ((word >>> 7) & 31);
    case "b":
      return ((word >> 31) << 12) | ((word << 4) & 0x800) | ((word >>> 20) & 0x7e0) | ((word >>> 7) & 0x1e);
    case "u":
      return word & 0xfffff000;
    case "j":
      return ((word >> 31) << 20) | (word & 0xff000) | ((word >>> 9) & 0x800) | ((word >>> 20) & 0x7fe);
    case "csri":
      return (word >>> 15) & 31;
    case "fence":
      return (word >>> 20) & 0xff;
    default:
      return 0;
  }
}
