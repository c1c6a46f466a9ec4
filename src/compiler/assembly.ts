/**
 * The form between `back/` (code generation) and `link/` (assembler and linker): instructions with symbolic operands.
 * `link/` expands pseudo-instructions, relaxes branches and encodes through `src/isa`.
 */
import type { LocalVariable, LocationId } from "./ir.ts";

/** 0..31. */
export type Register = number;

/** A constant, or part of a symbol's address. */
export type Immediate =
  | number
  | { readonly part: "hi" | "lo" | "absolute" | "percpu"; readonly symbol: string; readonly addend: number };

export type AsmItem =
  /** A label of this function; numbers are unique within it. */
  | { readonly kind: "label"; readonly label: number }
  /** A real instruction by its manual's mnemonic (`addi`, `lw`, `amoadd.w.aqrl`, `csrrw`, `lr.w.aq`, `fence` ...). */
  | {
      readonly kind: "insn";
      readonly mnemonic: string;
      readonly rd?: Register;
      readonly rs1?: Register;
      readonly rs2?: Register;
      readonly imm?: Immediate;
      readonly csr?: number;
      readonly loc: LocationId;
    }
  /** beq, bne, blt, bge, bltu, bgeu to a label; a far one becomes the inverse around a jump. */
  | {
      readonly kind: "branch";
      readonly mnemonic: "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu";
      readonly rs1: Register;
      readonly rs2: Register;
      readonly label: number;
      readonly loc: LocationId;
    }
  | { readonly kind: "jump"; readonly label: number; readonly loc: LocationId }
  /** `call symbol` (rd = ra); auipc + jalr when too far. */
  | { readonly kind: "call"; readonly symbol: string; readonly loc: LocationId }
  /** `li rd, value`: one or two instructions. */
  | { readonly kind: "li"; readonly rd: Register; readonly value: number; readonly loc: LocationId }
  /** `la rd, symbol + addend`: lui + addi. */
  | { readonly kind: "la"; readonly rd: Register; readonly symbol: string; readonly addend: number; readonly loc: LocationId }
  /** Lines of literal assembly (numeric labels `1:` `1b` `1f` allowed), parsed by `link/`. */
  | { readonly kind: "text"; readonly text: string; readonly loc: LocationId };

export interface AsmFunction {
  readonly symbol: string;
  readonly name: string;
  readonly section: string;
  readonly exported: boolean;
  readonly loc: LocationId;
  readonly items: readonly AsmItem[];
  /** Frame size in bytes; s0 = caller's sp, ra at s0-4, caller's s0 at s0-8, as gcc lays frames out with -fno-omit-frame-pointer. Zero: a leaf without a frame. */
  readonly frameBytes: number;
  readonly variables: readonly PlacedVariable[];
}

/** A variable on the frame, at an offset from s0 (the caller's sp). */
export interface PlacedVariable extends LocalVariable {
  readonly size: number;
  readonly offset: number;
}
