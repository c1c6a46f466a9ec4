/**
 * Bit fields of a word, named by their mask: Linux's FIELD_GET, FIELD_PREP and u32_replace_bits. The mask is a constant of
 * neighbouring bits, so that what is left at run time is a shift and an `and`, or less:
 *
 *   FIELD_GET(0xf0, x)              ->  (x >>> 4) & 15        FIELD_GET(0xf0000000, x)  ->  x >>> 28
 *   FIELD_PREP(0xf0, v)             ->  (v & 15) << 4
 *   u32_replace_bits(x, v, 0xf0)    ->  (x & ~0xf0) | ((v & 15) << 4)
 *
 * A value that is a constant must fit; of others the upper bits are dropped.
 */
import type TS from "typescript";
import type { Value } from "../../ir.ts";
import { constantNumber } from "../lower/variables.ts";
import type { Operand } from "../lower/operand.ts";
import { type Call, type Intrinsic, u32Of, word } from "./intrinsics.ts";

interface Field {
  readonly shift: number;
  readonly bits: number;
  readonly node: TS.Expression;
}

function fieldOf(c: Call, index: number): Field {
  const node = c.args[index]!;
  const mask = constantNumber(c.f, node, c.scope, "the mask of a field");
  const word = Number(BigInt.asUintN(32, mask));
  const shift = word === 0 ? 0 : 31 - Math.clz32(word & -word);
  const bits = 32 - Math.clz32(word >>> shift);
  const isMask = word !== 0 && 2 ** bits - 1 === word >>> shift && (mask === BigInt(word) || mask < 0n);
  return isMask ? { shift, bits, node } : c.f.diagnostics.fail(node, "K145", node.getText());
}

function binary(c: Call, op: "and" | "or" | "sll" | "srl", value: Value, by: number): Value {
  c.f.at(c.node, c.scope);
  return c.f.b.binary(op, value, c.f.b.constant(by));
}

/** The lower bits of `value`, put into the field's place. */
function prepared(c: Call, { shift, bits, node }: Field, index: number): Value {
  const value = word(c, index);
  const known = c.f.b.constantOf(value);
  if (known !== null && (known >>> 0) >= 2 ** bits) c.f.diagnostics.report(c.args[index] ?? node, "K146", known >>> 0, bits);
  // Bits that the shift pushes out need no mask.
  const low = shift + bits === 32 ? value : binary(c, "and", value, 2 ** bits - 1);
  return shift === 0 ? low : binary(c, "sll", low, shift);
}

function lowerGet(c: Call, field: Field, value: Value): Operand {
  const { shift, bits } = field;
  const down = shift === 0 ? value : binary(c, "srl", value, shift);
  return u32Of(shift + bits === 32 ? down : binary(c, "and", down, 2 ** bits - 1));
}

function lowerReplace(c: Call): Operand {
  const old = word(c, 0);
  const field = fieldOf(c, 2);
  const mask = (2 ** field.bits - 1) * 2 ** field.shift;
  const rest = binary(c, "and", old, ~mask);
  const value = prepared(c, field, 1);
  return u32Of(c.f.b.binary("or", rest, value));
}

export const BIT_FIELDS: readonly (readonly [string, Intrinsic])[] = [
  ["FIELD_GET", { min: 2, max: 2, lower: (c) => lowerGet(c, fieldOf(c, 0), word(c, 1)) }],
  ["FIELD_PREP", { min: 2, max: 2, lower: (c) => u32Of(prepared(c, fieldOf(c, 0), 1)) }],
  ["u32_replace_bits", { min: 3, max: 3, lower: lowerReplace }],
];
