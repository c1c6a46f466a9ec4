/**
 * Random programs of kernel TypeScript as a small tree, which `print.ts` writes as dialect and as C.
 *
 * A program is a set of functions over its own globals; `main` returns a checksum of everything it computed. Expressions
 * have no effects, so that C's evaluation order does not matter, and nothing in a program is undefined in C: divisors and
 * shift counts are masked, indices wrap, loops are counted, i32 wraps (-fwrapv).
 */

export type TypeName = "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64";
export const TYPES: readonly TypeName[] = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"];
/** Types that operators compute in; the narrow ones widen to them. */
export type Wide = "u32" | "i32" | "u64" | "i64";
export const WIDE: readonly Wide[] = ["u32", "i32", "u64", "i64"];

export type Expression =
  | { readonly kind: "number"; readonly type: Wide; readonly value: bigint }
  | { readonly kind: "place"; readonly type: TypeName; readonly place: Place }
  | { readonly kind: "convert"; readonly type: TypeName; readonly of: Expression }
  | { readonly kind: "binary"; readonly type: Wide; readonly op: BinaryOperator; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "unary"; readonly type: Wide; readonly op: "-" | "~"; readonly of: Expression }
  | { readonly kind: "choose"; readonly type: Wide; readonly if: Condition; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "call"; readonly type: Wide; readonly name: string; readonly args: readonly Expression[] };

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>" | ">>>";

export type Condition =
  | { readonly kind: "compare"; readonly op: "<" | "<=" | ">" | ">=" | "===" | "!=="; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "and" | "or"; readonly a: Condition; readonly b: Condition }
  | { readonly kind: "not"; readonly of: Condition };

export type Place =
  | { readonly kind: "variable"; readonly name: string }
  /** A field of a structure, global or reached through a local pointer. */
  | { readonly kind: "field"; readonly of: string; readonly name: string }
  /** An element of an array of ELEMENTS, in a global, a field or behind a pointer. */
  | { readonly kind: "element"; readonly of: string; readonly index: Expression };
export const ELEMENTS = 8;

export type Statement =
  | { readonly kind: "let"; readonly name: string; readonly type: TypeName; readonly value: Expression }
  | { readonly kind: "assign"; readonly place: Place; readonly type: TypeName; readonly op: "" | "+" | "-" | "*" | "&" | "|" | "^"; readonly value: Expression }
  | { readonly kind: "step"; readonly place: Place; readonly type: TypeName; readonly op: "++" | "--" }
  | { readonly kind: "if"; readonly if: Condition; readonly then: readonly Statement[]; readonly else: readonly Statement[] }
  | { readonly kind: "loop"; readonly form: "for" | "while" | "do"; readonly id: number; readonly count: number; readonly body: readonly Statement[] }
  | { readonly kind: "walk"; readonly id: number; readonly generator: string; readonly item: string; readonly arg: Expression; readonly body: readonly Statement[] }
  | { readonly kind: "switch"; readonly on: Expression; readonly cases: readonly Case[] }
  | { readonly kind: "leave"; readonly how: "break" | "continue"; readonly id: number }
  /** `return` of the function's checksum, early. */
  | { readonly kind: "return"; readonly value: Expression };
export interface Case {
  /** Null: default. */
  readonly label: bigint | null;
  readonly body: readonly Statement[];
  readonly falls: boolean;
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: TypeName }[];
  readonly result: Wide;
  readonly directive: "" | "inline" | "noinline";
  readonly body: readonly Statement[];
  readonly value: Expression;
}

/** `function* name(limit: u32): Generator<u32>`: counts to `count`, runs `body`, yields `item` when `if` holds. */
export interface GeneratorDeclaration {
  readonly name: string;
  readonly param: string;
  readonly id: number;
  readonly index: string;
  readonly count: number;
  readonly if: Condition;
  readonly item: Expression;
}

export interface Program {
  /** Number in its batch, part of every global name. */
  readonly id: number;
  readonly fields: readonly { readonly name: string; readonly type: TypeName }[];
  readonly globals: readonly { readonly name: string; readonly type: TypeName; readonly value: bigint }[];
  readonly arrays: readonly { readonly name: string; readonly type: TypeName }[];
  readonly structs: readonly string[];
  readonly generators: readonly GeneratorDeclaration[];
  readonly functions: readonly FunctionDeclaration[];
  readonly main: readonly Statement[];
}

export const bitsOf = (type: TypeName): number => Number(type.slice(1));
export const isSigned = (type: TypeName): boolean => type[0] === "i";
export const widened = (type: TypeName): Wide => (bitsOf(type) === 64 ? (type as Wide) : isSigned(type) ? "i32" : "u32");
