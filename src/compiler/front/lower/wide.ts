/** 64-bit integers as two words, low and high. */
import type TS from "typescript";
import type { Value } from "../../ir.ts";
import type { Comparison, LiteralOp } from "../types/conversions.ts";
import type { Lowering } from "./lowering.ts";
import { log2Of } from "../fold.ts";
import { NO_TYPE_ARGS } from "../types/type-nodes.ts";

export type Wide = readonly [low: Value, high: Value];

const DIVISION_MODULE = "kernel/lib/math64.ts";

export function wideArithmetic(
  f: Lowering,
  op: LiteralOp,
  a: Wide,
  b: Wide,
  signed: boolean,
  node: TS.Node,
): Wide {
  const { b: build } = f;
  switch (op) {
    case "+": {
      const low = build.binary("add", a[0], b[0]);
      const carry = build.binary("sltu", low, a[0]);
      return [low, build.binary("add", build.binary("add", a[1], b[1]), carry)];
    }
    case "-": {
      const borrow = build.binary("sltu", a[0], b[0]);
      return [
        build.binary("sub", a[0], b[0]),
        build.binary("sub", build.binary("sub", a[1], b[1]), borrow),
      ];
    }
    case "*": {
      const cross = build.binary(
        "add",
        build.binary("mul", a[0], b[1]),
        build.binary("mul", a[1], b[0]),
      );
      return [
        build.binary("mul", a[0], b[0]),
        build.binary("add", build.binary("mulhu", a[0], b[0]), cross),
      ];
    }
    case "&":
      return [build.binary("and", a[0], b[0]), build.binary("and", a[1], b[1])];
    case "|":
      return [build.binary("or", a[0], b[0]), build.binary("or", a[1], b[1])];
    case "^":
      return [build.binary("xor", a[0], b[0]), build.binary("xor", a[1], b[1])];
    case "/":
    case "%":
      return wideDivision(f, op, a, b, signed, node);
    case "<<":
    case ">>":
    case ">>>":
      return wideShift(f, op, a, b[0], signed && op === ">>");
  }
}

function wideDivision(
  f: Lowering,
  op: "/" | "%",
  a: Wide,
  b: Wide,
  signed: boolean,
  node: TS.Node,
): Wide {
  const [low, high] = [f.b.constantOf(b[0]), f.b.constantOf(b[1])];
  if (low === 0 && high === 0) f.diagnostics.fail(node, "K049");
  if (!signed && high === 0 && low !== null && log2Of(low) >= 0) {
    if (op === "/") return wideShift(f, ">>>", a, f.b.constant(log2Of(low)), false);
    return [f.b.binary("and", a[0], f.b.constant(low - 1)), f.b.constant(0)];
  }
  const name = `__${signed ? "" : "u"}${op === "/" ? "div" : "mod"}di3`;
  const module = f.unit.modules.load(DIVISION_MODULE);
  const fn = module?.names.get(name);
  if (fn?.kind !== "function") return f.diagnostics.fail(node, "K092", op, name);
  if (f.b.dead) return [f.b.constant(0), f.b.constant(0)];
  const { symbol } = f.unit.instance(fn, f.domain, NO_TYPE_ARGS, [], null);
  const quotient = f.b.emit("call", [...a, ...b], { target: symbol, results: 2, noreturn: false });
  return [quotient, f.b.emit("result1", [quotient], {})];
}

function wideShift(
  f: Lowering,
  op: "<<" | ">>" | ">>>",
  a: Wide,
  count: Value,
  signed: boolean,
): Wide {
  const n = f.b.constantOf(count);
  if (n !== null) return wideShiftBy(f, op, a, n & 63, signed);
  return op === "<<" ? wideShiftLeft(f, a, count) : wideShiftRight(f, a, count, signed);
}

function wideShiftBy(
  f: Lowering,
  op: "<<" | ">>" | ">>>",
  a: Wide,
  n: number,
  signed: boolean,
): Wide {
  const { b } = f;
  if (n === 0) return a;
  const by = (value: Value, how: "sll" | "srl" | "sra", count: number) =>
    b.binary(how, value, b.constant(count));
  const right = signed ? "sra" : "srl";
  const fill = signed ? by(a[1], "sra", 31) : b.constant(0);
  if (op === "<<") {
    if (n >= 32) return [b.constant(0), by(a[0], "sll", n - 32)];
    return [by(a[0], "sll", n), b.binary("or", by(a[1], "sll", n), by(a[0], "srl", 32 - n))];
  }
  if (n >= 32) return [by(a[1], right, n - 32), fill];
  return [b.binary("or", by(a[0], "srl", n), by(a[1], "sll", 32 - n)), by(a[1], right, n)];
}

/** All ones when the count is 32 or more, and its complement. */
function halfMasks(f: Lowering, count: Value): { far: Value; near: Value; back: Value } {
  const { b } = f;
  const bit = b.binary("and", b.binary("srl", count, b.constant(5)), b.constant(1));
  const far = b.binary("sub", b.constant(0), bit);
  // The shift by 32 - n in two steps, because a shift by 32 does nothing: by 1, then by 31 - n.
  return {
    far,
    near: b.binary("xor", far, b.constant(-1)),
    back: b.binary("xor", count, b.constant(-1)),
  };
}

function wideShiftLeft(f: Lowering, a: Wide, count: Value): Wide {
  const { b } = f;
  const { far, near, back } = halfMasks(f, count);
  const low = b.binary("sll", a[0], count);
  const carried = b.binary("srl", b.binary("srl", a[0], b.constant(1)), back);
  const high = b.binary("or", b.binary("sll", a[1], count), carried);
  return [
    b.binary("and", low, near),
    b.binary("or", b.binary("and", low, far), b.binary("and", high, near)),
  ];
}

function wideShiftRight(f: Lowering, a: Wide, count: Value, signed: boolean): Wide {
  const { b } = f;
  const { far, near, back } = halfMasks(f, count);
  const high = b.binary(signed ? "sra" : "srl", a[1], count);
  const carried = b.binary("sll", b.binary("sll", a[1], b.constant(1)), back);
  const low = b.binary("or", b.binary("srl", a[0], count), carried);
  const fill = signed ? b.binary("sra", a[1], b.constant(31)) : b.constant(0);
  return [
    b.binary("or", b.binary("and", high, far), b.binary("and", low, near)),
    b.binary("or", b.binary("and", fill, far), b.binary("and", high, near)),
  ];
}

/** The comparison as 0 or 1. */
export function wideComparison(
  f: Lowering,
  op: Comparison,
  a: Wide,
  b: Wide,
  signed: boolean,
): Value {
  const { b: build } = f;
  const not = (v: Value) => build.binary("xor", v, build.constant(1));
  switch (op) {
    case "===":
    case "!==": {
      const low = build.binary("xor", a[0], b[0]);
      const high = build.binary("xor", a[1], b[1]);
      const differ = build.binary("or", low, high);
      return op === "==="
        ? build.binary("sltu", differ, build.constant(1))
        : build.binary("sltu", build.constant(0), differ);
    }
    case "<":
      return wideLess(f, a, b, signed);
    case ">":
      return wideLess(f, b, a, signed);
    case "<=":
      return not(wideLess(f, b, a, signed));
    case ">=":
      return not(wideLess(f, a, b, signed));
  }
}

function wideLess(f: Lowering, a: Wide, b: Wide, signed: boolean): Value {
  const { b: build } = f;
  const highLess = build.binary(signed ? "slt" : "sltu", a[1], b[1]);
  const highSame = build.binary("sltu", build.binary("xor", a[1], b[1]), build.constant(1));
  const lowLess = build.binary("sltu", a[0], b[0]);
  return build.binary("or", highLess, build.binary("and", highSame, lowLess));
}
