/** Conversions of operands: the implicit ones, the calls `u8(x)` .. `i64(x)`, and the narrowing behind `+=`. */
import type TS from "typescript";
import type { Value } from "../../ir.ts";
import { checkSpelling } from "../types/number-spelling.ts";
import { assignable, conversionHint, fits, wrap } from "../types/conversions.ts";
import { constantWords, type Lowering } from "./lowering.ts";
import type { Operand } from "./operand.ts";
import { I32, LITERAL, typeName, wordsOf, type IntType, type Type } from "../types/types.ts";

/** The operand as a value of `type`, or a problem. */
export function convert(f: Lowering, a: Operand, type: Type, node: TS.Node): Operand {
  if (a.type.kind === "error") return f.diagnostics.stop();
  if (a.literal) {
    const { value } = a.literal;
    if (type.kind !== "int") {
      return f.diagnostics.fail(
        node,
        "K040",
        `the number ${value}`,
        typeName(type),
        literalHint(type),
      );
    }
    if (!fits(a.literal, type))
      f.diagnostics.fail(node, "K041", String(value), type.key, rangeHint(value, type));
    checkSpelling(f.diagnostics, node, type);
    return { type, words: constantWords(f, wrap(value, type), wordsOf(type)) };
  }
  if (a.type.kind === "null" && "nullable" in type && !type.nullable)
    f.diagnostics.fail(node, "K043", typeName(type));
  if (a.type.kind === "void") return f.diagnostics.fail(node, "K047", "this call");
  if (!assignable(a.type, type)) {
    return f.diagnostics.fail(
      node,
      "K040",
      describe(a),
      typeName(type),
      conversionHint(a.type, type),
    );
  }
  if (a.type.kind === "int" && type.kind === "int") return { type, words: a.words };
  if (a.type.kind === "never") return { type, words: constantWords(f, 0n, wordsOf(type)) };
  return { ...a, type };
}

function describe(a: Operand): string {
  return a.type.kind === "classvalue" && a.cls ? `the class ${a.cls.name}` : typeName(a.type);
}

function literalHint(type: Type): string {
  if (type.kind === "bool") return "write true or false";
  return conversionHint(I32, type);
}

function rangeHint(value: bigint, type: IntType): string {
  if (value < 0n && !type.signed) return `write the bit pattern (\`~0${type.bytes === 8 ? "n" : ""}\` has all bits set), or subtract`;
  return `${type.key} holds ${type.signed ? -(1n << BigInt(type.bytes * 8 - 1)) : 0n} to ${(1n << BigInt(type.bytes * 8 - (type.signed ? 1 : 0))) - 1n}`;
}

/** A value that stands by itself: a literal becomes the smallest type that mixes with most. */
export function materialize(f: Lowering, a: Operand, node: TS.Node): Operand {
  if (a.type.kind === "void") return f.diagnostics.fail(node, "K047", "this call");
  return a.literal ? convert(f, a, I32, node) : a;
}

/** Keeps the low bits of a word and extends them to 32. */
export function narrow(f: Lowering, word: Value, type: IntType): Value {
  if (type.bytes >= 4) return word;
  if (!type.signed) return f.b.binary("and", word, f.b.constant(type.bytes === 1 ? 0xff : 0xffff));
  const shift = f.b.constant(32 - 8 * type.bytes);
  return f.b.binary("sra", f.b.binary("sll", word, shift), shift);
}

/** `u8(x)`, `i64(x)` ...: truncates or extends. */
export function convertExplicitly(f: Lowering, a: Operand, type: IntType, node: TS.Node): Operand {
  if (a.literal)
    return { type, words: constantWords(f, wrap(a.literal.value, type), wordsOf(type)) };
  if (a.type.kind === "error") return f.diagnostics.stop();
  if (a.type.kind !== "int" && a.type.kind !== "bool") {
    return f.diagnostics.fail(
      node,
      "K040",
      typeName(a.type),
      type.key,
      conversionHint(a.type, type),
    );
  }
  const low = a.words[0]!;
  if (type.bytes < 8) {
    const same =
      a.type.kind === "int" && a.type.bytes <= type.bytes && a.type.signed === type.signed;
    const widening =
      a.type.kind !== "int" || (a.type.bytes < type.bytes && (!a.type.signed || type.bytes === 4));
    return { type, words: [same || widening ? low : narrow(f, low, type)] };
  }
  if (a.type.kind === "int" && a.type.bytes === 8) return { type, words: a.words };
  const signed = a.type.kind === "int" && a.type.signed;
  return {
    type,
    words: [low, signed ? f.b.binary("sra", low, f.b.constant(31)) : f.b.constant(0)],
  };
}

/** The operand truncated to the type of what it is stored in, for compound assignment and `++`. */
export function truncateTo(f: Lowering, a: Operand, type: IntType, node: TS.Node): Operand {
  if (a.type === LITERAL || a.type.kind !== "int" || (a.type.bytes === 8) !== (type.bytes === 8))
    return convert(f, a, type, node);
  return { type, words: type.bytes === 8 ? a.words : [narrow(f, a.words[0]!, type)] };
}
