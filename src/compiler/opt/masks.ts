/**
 * Masks too wide for an immediate become two shifts, and shifts of shifts become one where they cut off the same bits.
 * Runs after everything that understands masks.
 *
 *   before: v2 = and v1, 0xfffff                     after: v3 = sll v1, 12; v2 = srl v3, 12
 *   before: v2 = srl v1, 8; v3 = and v2, 0xfffff     after: v4 = sll v1, 4; v3 = srl v4, 12
 *   before: v2 = and v1, 0xfffff; v3 = sll v2, 4     after: v4 = sll v1, 12; v3 = srl v4, 8
 */
import type { BinaryOp, IrFunction, Value, ValueOf } from "../ir.ts";
import { Replacements, constantOf, makeValue } from "./values.ts";

const IMMEDIATE_MAX = 2047;

export function lowerMasks(fn: IrFunction): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    const out: Value[] = [];
    const make = (op: BinaryOp, source: Value, amount: number, loc: number): Value => {
      const by = makeValue(fn, "const", [], { value: amount }, loc);
      const value = makeValue(fn, "binary", [source, by], { op }, loc);
      out.push(by, value);
      return value;
    };
    for (const value of block.values) {
      replaced.inArgs(value.args);
      const better = value.op === "binary" ? lower(value, make) : null;
      if (better) replaced.set(value, better);
      else out.push(value);
    }
    block.values = out;
  }
  replaced.apply(fn);
}

type Make = (op: BinaryOp, source: Value, amount: number, loc: number) => Value;

function lower(value: ValueOf<"binary">, make: Make): Value | null {
  const [source, by] = value.args;
  const n = constantOf(by);
  if (n === null) return null;
  if (value.x.op === "and" && n > IMMEDIATE_MAX && (n & (n + 1)) === 0) {
    const cut = Math.clz32(n);
    const inner = shiftBy(source, "srl");
    const shifted = inner !== null && inner.amount <= cut && inner.amount > 0
      ? (inner.amount === cut ? inner.source : make("sll", inner.source, cut - inner.amount, value.loc))
      : make("sll", source, cut, value.loc);
    return make("srl", shifted, cut, value.loc);
  }
  if (value.x.op !== "sll" || n <= 0 || n > 31) return null;
  // sll (srl (sll x, cut), cut), n with n < cut keeps the same bits, n places higher.
  const down = shiftBy(source, "srl");
  const up = down === null ? null : shiftBy(down.source, "sll");
  if (down === null || up === null || up.amount !== down.amount || n >= down.amount) return null;
  return make("srl", down.source, down.amount - n, value.loc);
}

function shiftBy(value: Value, op: BinaryOp): { source: Value; amount: number } | null {
  if (value.op !== "binary" || value.x.op !== op) return null;
  const amount = constantOf(value.args[1]);
  return amount === null || amount < 0 || amount > 31 ? null : { source: value.args[0], amount };
}
