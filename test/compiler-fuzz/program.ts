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
  /** `member`: of the program's const enum. */
  | { readonly kind: "number"; readonly type: Wide; readonly value: bigint; readonly member?: string }
  | { readonly kind: "place"; readonly type: TypeName; readonly place: Place }
  | { readonly kind: "convert"; readonly type: TypeName; readonly of: Expression }
  | { readonly kind: "binary"; readonly type: Wide; readonly op: BinaryOperator; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "unary"; readonly type: Wide; readonly op: "-" | "~"; readonly of: Expression }
  /** `generic`: by the program's generic function, which evaluates both. */
  | { readonly kind: "choose"; readonly type: Wide; readonly generic?: boolean; readonly if: Condition; readonly a: Expression; readonly b: Expression }
  /** `pointer`: through a variable that holds the function; `struct`: what its structure parameter points to. */
  | { readonly kind: "call"; readonly type: Wide; readonly name: string; readonly pointer?: boolean; readonly struct?: string; readonly args: readonly Expression[] };

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>" | ">>>";

export type Condition =
  | { readonly kind: "compare"; readonly op: "<" | "<=" | ">" | ">=" | "===" | "!=="; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "and" | "or"; readonly a: Condition; readonly b: Condition }
  | { readonly kind: "not"; readonly of: Condition };

export type Place =
  | { readonly kind: "variable"; readonly name: string }
  /** A field of a structure: a global one, or behind a local pointer (`q...`). */
  | { readonly kind: "field"; readonly of: string; readonly name: string }
  /** An element of an array of ELEMENTS: a global one, or a field of a structure (`s.inner`). */
  | { readonly kind: "element"; readonly of: string; readonly index: Expression }
  /** What a local Ptr<T> points to. */
  | { readonly kind: "target"; readonly of: string };
export const ELEMENTS = 8;

export type Statement =
  | { readonly kind: "let"; readonly name: string; readonly type: TypeName; readonly value: Expression }
  | { readonly kind: "assign"; readonly place: Place; readonly type: TypeName; readonly op: "" | "+" | "-" | "*" | "&" | "|" | "^"; readonly value: Expression }
  | { readonly kind: "step"; readonly place: Place; readonly type: TypeName; readonly op: "++" | "--" }
  | { readonly kind: "if"; readonly if: Condition; readonly then: readonly Statement[]; readonly else: readonly Statement[] }
  | { readonly kind: "loop"; readonly form: "for" | "while" | "do"; readonly id: number; readonly count: number; readonly body: readonly Statement[] }
  | { readonly kind: "walk"; readonly id: number; readonly generator: string; readonly item: string; readonly arg: Expression; readonly body: readonly Statement[] }
  | { readonly kind: "switch"; readonly on: Expression; readonly cases: readonly Case[] }
  /** `const q: S = if ? a : b`. */
  | { readonly kind: "point"; readonly name: string; readonly if: Condition; readonly a: string; readonly b: string }
  /** `const r: Ptr<T> = addressOf(place)`. */
  | { readonly kind: "refer"; readonly name: string; readonly type: TypeName; readonly place: Place }
  /** A block that mixes `value` into the program's trail when it is left, by whatever way. */
  | { readonly kind: "using"; readonly name: string; readonly value: Expression; readonly body: readonly Statement[] }
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
  /** Name of its structure parameter, or null. */
  readonly struct: string | null;
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
  /** An array within each structure. */
  readonly inner: { readonly name: string; readonly type: TypeName };
  readonly members: readonly { readonly name: string; readonly value: bigint }[];
  /** Of the generic function. */
  readonly directive: "" | "inline" | "noinline";
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
/** Global that blocks with `using` mix their value into. */
export const trailOf = (program: Program): string => `trail_${program.id}`;
