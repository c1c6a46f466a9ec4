/** Which values convert to which types without a call, and arithmetic on constants. No nodes, no code: pure rules. */
import { I32, isAddress, sameType, widened, type IntType, type Type } from "./types.ts";

/** An untyped constant. `bits`: written as a bit pattern (`~3`), which also fits an unsigned type when negative. */
export interface Literal {
  readonly value: bigint;
  readonly bits: boolean;
}

export function wrap(value: bigint, type: IntType): bigint {
  return type.signed ? BigInt.asIntN(type.bytes * 8, value) : BigInt.asUintN(type.bytes * 8, value);
}

export function fits(literal: Literal, type: IntType): boolean {
  const width = BigInt(type.bytes * 8);
  const { value, bits } = literal;
  const high = type.signed ? 1n << (width - 1n) : 1n << width;
  const low = type.signed || bits ? -(1n << (width - 1n)) : 0n;
  return value >= low && value < high;
}

/** The type in which two integers meet; null when they do not mix. */
export function commonInt(a: IntType, b: IntType): IntType | null {
  if ((a.bytes === 8) !== (b.bytes === 8)) return null;
  const x = widened(a);
  const y = widened(b);
  if (x.signed === y.signed) return x;
  if (a.bytes < 4 && b.bytes < 4) return I32;
  if (a.bytes < 4 && !a.signed) return y;
  if (b.bytes < 4 && !b.signed) return x;
  return null;
}

/** Whether a value of type `from` (no literal) may stand where `to` is wanted. */
export function assignable(from: Type, to: Type): boolean {
  if (sameType(from, to) || from.kind === "error" || to.kind === "error" || from.kind === "never")
    return true;
  if (from.kind === "int" && to.kind === "int") {
    if (from.bytes === 8 || to.bytes === 8) return false;
    return from.bytes < to.bytes && (!from.signed || to.signed);
  }
  if (from.kind === "null") return isAddress(to) && "nullable" in to && to.nullable;
  if (isAnyObject(to)) return isAddress(from) || from.kind === "array";
  if (from.kind === "array" && to.kind === "pointer") return sameType(from.of, to.to);
  if (from.kind === "class" && to.kind === "class") {
    return from.cls === to.cls && (from.args.length === 0 || to.args.length === 0);
  }
  if (from.kind === "function" && to.kind === "function") {
    const enough = from.params.length <= to.params.length;
    const result = to.result.kind === "void" || assignable(from.result, to.result);
    return enough && result && from.params.every((p, i) => assignable(to.params[i]!, p));
  }
  return false;
}

/** `object`: the address of anything. */
export function isAnyObject(type: Type): boolean {
  return type.kind === "pointer" && type.to.kind === "void";
}

/** What to write instead, when `from` does not convert to `to`. */
export function conversionHint(from: Type, to: Type): string {
  if (to.kind === "int" && (from.kind === "int" || from.kind === "bool"))
    return `convert it: \`${to.key}(...)\``;
  if (to.kind === "int" && (isAddress(from) || from.kind === "array"))
    return "the address of an object is `addr(x)`";
  if (to.kind === "bool" && from.kind === "int") return "compare it: `x !== 0`";
  if (to.kind === "string") return "a string is a literal or a `string` value";
  if (isAddress(to) && from.kind === "int")
    return "an address becomes a pointer by `cast<T>(address)`";
  if (to.kind === "class" && from.kind === "class")
    return "two classes never convert, even with equal fields; `cast<T>(addr(x))` says so on purpose";
  if (from.kind === "null") return "write 0: only a pointer can be null";
  if (from.kind === "function" && to.kind === "function") return `write a function with these parameters that calls it`;
  if (from.kind === "pointer" && to.kind === "pointer") return `a pointer keeps what it points to; \`cast<${to.key.replace(/ \| null$/, "")}>(addr(p))\` says otherwise on purpose`;
  return "the types must agree";
}

export type LiteralOp = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>" | ">>>";

/** The result, or null for a division by zero or an absurd shift. */
export function foldLiterals(op: LiteralOp, a: Literal, b: Literal): Literal | null {
  const bitwise = op === "&" || op === "|" || op === "^" || op === "<<" || op === ">>";
  const bits = bitwise && (a.bits || b.bits);
  const x = a.value;
  const y = b.value;
  switch (op) {
    case "+":
      return { value: x + y, bits: a.bits || b.bits };
    case "-":
      return { value: x - y, bits: false };
    case "*":
      return { value: x * y, bits };
    case "/":
      return y === 0n ? null : { value: x / y, bits };
    case "%":
      return y === 0n ? null : { value: x % y, bits };
    case "&":
      return { value: x & y, bits };
    case "|":
      return { value: x | y, bits };
    case "^":
      return { value: x ^ y, bits };
    case "<<":
      return y < 0n || y > 63n ? null : { value: x << y, bits };
    case ">>":
    case ">>>":
      return y < 0n || y > 63n ? null : { value: x >> y, bits };
  }
}

export type Comparison = "===" | "!==" | "<" | "<=" | ">" | ">=";

export function compareLiterals(op: Comparison, x: bigint, y: bigint): boolean {
  switch (op) {
    case "===":
      return x === y;
    case "!==":
      return x !== y;
    case "<":
      return x < y;
    case "<=":
      return x <= y;
    case ">":
      return x > y;
    case ">=":
      return x >= y;
  }
}
