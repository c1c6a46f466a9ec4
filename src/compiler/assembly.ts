/**
 * The form between `back/` (code generation) and `link/` (assembler and linker): instructions with symbolic operands.
 * `link/` expands pseudo-instructions, relaxes branches and encodes through `src/isa`.
 */
import type { AccessKind, LocalVariable, LocationId } from "./ir.ts";

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
      /** Of a load or store; absent: plain. */
      readonly access?: AccessKind;
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
  /** Blocks of names: the scope around each (or -1), and which scope a location is in; others are in none. */
  readonly scopes: {
    readonly parents: readonly number[];
    readonly of: readonly { readonly loc: LocationId; readonly scope: number }[];
  };
  /** Type name of the result, as in DataObject; absent for none. */
  readonly returns?: string;
  /** A trap enters it. */
  readonly interrupt?: "sret" | "mret";
}

/** A step of DWARF's stack machine: pushes, then operations on what was pushed. */
export type DebugOperation =
  | { readonly op: "const"; readonly value: number }
  | { readonly op: "register"; readonly register: Register }
  /** The word at an offset from the CFA; its address. */
  | { readonly op: "load" | "frame"; readonly offset: number }
  | { readonly op: "address"; readonly symbol: string; readonly addend: number }
  | { readonly op: DebugOperator };
export type DebugOperator = "plus" | "minus" | "mul" | "and" | "or" | "xor" | "shl" | "shr" | "shra" | "lt";

/** Where a word (or a variable on the frame) is found: `memory` at an offset from the CFA, `value` nowhere but computed. */
export type VariableWord =
  | { readonly kind: "register"; readonly register: Register }
  | { readonly kind: "memory"; readonly offset: number }
  | { readonly kind: "value"; readonly expression: readonly DebugOperation[] };

/**
 * From the start of one item up to another. `end` "start": the start of item `to`; "first": behind its first instruction;
 * "call": one byte before its end, so that the place of a return address is out.
 */
export interface VariableRange {
  readonly from: number;
  readonly to: number;
  readonly end: "start" | "first" | "call";
  /** Low word first; one for a variable on the frame. */
  readonly words: readonly VariableWord[];
}

/** A variable and where it is; in no range it is optimised away. */
export interface PlacedVariable extends LocalVariable {
  readonly size: number;
  /** Index in `scopes.parents`, or -1: of the whole body. */
  readonly scope: number;
  readonly ranges: readonly VariableRange[];
}
