/** What an expression is while it is lowered: values, constants, places. */
import type { Value } from "../../ir.ts";
import type { Literal } from "../types/conversions.ts";
import type { ClassSymbol } from "../types/symbols.ts";
import type { Type } from "../types/types.ts";

export interface Operand {
  readonly type: Type;
  /** Low word first; none for a literal, a class, a field name or void. */
  readonly words: readonly Value[];
  /** Of type `literal`. */
  readonly literal?: Literal;
  /** The text of a string literal, also usable as a field name. */
  readonly text?: string;
  /** The class that a class value names. */
  readonly cls?: ClassSymbol;
}

/** A place that can be read, assigned or have its address taken. */
export type Place =
  | { readonly kind: "variable"; readonly variable: Variable }
  | { readonly kind: "memory"; readonly base: Value; readonly offset: number; readonly type: Type };

/** Identity of an SSA variable: one for each word. */
export interface VariableWord {
  readonly name: string;
  /** Of a variable that the debugger knows: what is written to it is remembered (environment.ts). */
  tracked?: boolean;
}

export interface Variable {
  readonly name: string;
  readonly type: Type;
  readonly isConst: boolean;
  readonly words: readonly VariableWord[];
  /** Its place on the frame, when its address is taken. */
  readonly slot: Value | null;
  /** A compile-time value: literal, class, field name, or storage address. */
  readonly constant: Operand | null;
}
