/**
 * What a function is made of between parsing and encoding: pieces whose size is known but for
 * `far`.
 *
 * A piece of kind "word" is finished; all others need addresses. `far` only ever goes from false to
 * true.
 */
import type { AsmFunction } from "../../assembly.ts";
import type { AccessKind, LocationId } from "../../ir.ts";
import type { Problem } from "../../../base/result.ts";
import type { Expression } from "./expression.ts";

export interface Operands {
  readonly rd?: number | undefined;
  readonly rs1?: number | undefined;
  readonly rs2?: number | undefined;
  readonly imm?: number | undefined;
  readonly csr?: number | undefined;
}

/** Where a piece comes from: a location and, inside multi-line literal assembly, lines below it. */
export interface Origin {
  readonly loc: LocationId;
  readonly lineOffset: number;
  /** The line of assembly, when there is one. */
  readonly text: string | null;
  /** Of a compiled load or store that is not plain. */
  readonly access?: AccessKind;
}

export function originOf(loc: LocationId): Origin {
  return { loc, lineOffset: 0, text: null };
}

export type BranchMnemonic = "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu";

export type Piece =
  | { readonly kind: "label"; readonly label: number }
  | { readonly kind: "word"; readonly word: number; readonly origin: Origin }
  /**
   * An instruction whose immediate depends on addresses; `lui` and `auipc` take the upper value.
   */
  | {
      readonly kind: "insn";
      readonly mnemonic: string;
      readonly operands: Operands;
      readonly imm: Expression;
      readonly origin: Origin;
    }
  /** Far: the inverse branch around a `jal`. */
  | {
      readonly kind: "branch";
      readonly mnemonic: BranchMnemonic;
      readonly rs1: number;
      readonly rs2: number;
      readonly target: Expression;
      readonly origin: Origin;
      far: boolean;
    }
  /** `jal rd`. Far: `auipc scratch` and `jalr rd, scratch`; with scratch null it may not be far. */
  | {
      readonly kind: "jump";
      readonly rd: number;
      readonly scratch: number | null;
      readonly target: Expression;
      readonly origin: Origin;
      far: boolean;
    }
  | {
      readonly kind: "data";
      readonly width: 1 | 2 | 4;
      readonly values: readonly Expression[];
      readonly origin: Origin;
    }
  | { readonly kind: "space"; readonly count: number; readonly fill: number }
  | { readonly kind: "align"; readonly alignment: number };

/** What `.debug_info` says of a compiled function. */
export interface CodeDebug extends Pick<AsmFunction, "variables" | "scopes" | "returns" | "interrupt"> {
  /** Index of the first piece of each item, and the number of pieces. */
  readonly itemStarts: readonly number[];
}

/** One function (or naked function) on its way into a section. */
export interface Code {
  readonly symbol: string;
  readonly name: string;
  readonly section: string;
  readonly exported: boolean;
  readonly loc: LocationId;
  /** As in AsmFunction; null for naked functions, whose frames nobody knows. */
  readonly frameBytes: number | null;
  /** Null for naked functions. */
  readonly debug: CodeDebug | null;
  readonly pieces: readonly Piece[];
  /** Labels made visible to other functions by `.globl`. */
  readonly globals: readonly { readonly name: string; readonly label: number }[];
  readonly alignment: number;
  /** Byte offset of each label inside the function. */
  readonly labelOffsets: Int32Array;
  /** Set by placement. */
  address: number;
  size: number;
}

/** Collects problems; each has a place when its origin has one. */
export interface ProblemSink {
  add(message: string, origin: Origin | null, hint?: string): void;
  readonly problems: readonly Problem[];
}

/** Bytes of a piece that starts at `offset`. */
export function pieceSize(piece: Piece, offset: number): number {
  switch (piece.kind) {
    case "label":
      return 0;
    case "word":
    case "insn":
      return 4;
    case "branch":
    case "jump":
      return piece.far ? 8 : 4;
    case "data":
      return piece.width * piece.values.length;
    case "space":
      return piece.count;
    case "align":
      return -offset & (piece.alignment - 1);
  }
}
