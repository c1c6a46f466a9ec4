/** Integer operators: typing rules, then words. */
import type TS from "typescript";
import type { BinaryOp } from "../../ir.ts";
import { commonInt, foldLiterals, type LiteralOp } from "../types/conversions.ts";
import { convert } from "./convert.ts";
import { lowerExpression } from "./expressions.ts";
import type { Lowering, Scope } from "./lowering.ts";
import { operators } from "../types/operators.ts";
import type { Operand } from "./operand.ts";
import {
  assignPlace,
  checkAssignable,
  loadPlace,
  lowerPlace,
  placeType,
  storePlace,
} from "./places.ts";
import { truncateTo } from "./convert.ts";
import { ts } from "../typescript.ts";
import {
  LITERAL,
  U32,
  isAddress,
  typeName,
  widened,
  type IntType,
  type Type,
} from "../types/types.ts";
import { wideArithmetic, type Wide } from "./wide.ts";

function isShift(op: LiteralOp): boolean {
  return op === "<<" || op === ">>" || op === ">>>";
}

export function arithmetic(
  f: Lowering,
  op: LiteralOp,
  a: Operand,
  b: Operand,
  node: TS.Node,
): Operand {
  if (a.literal && b.literal) {
    const folded = foldLiterals(op, a.literal, b.literal);
    return folded
      ? { type: LITERAL, words: [], literal: folded }
      : f.diagnostics.fail(node, "K049");
  }
  const type = arithmeticType(f, op, a, b, node);
  const x = convert(f, a, type, ts.isBinaryExpression(node) ? node.left : node);
  if (isShift(op)) return shift(f, op, x, b, type, node);
  const y = convert(f, b, type, ts.isBinaryExpression(node) ? node.right : node);
  if (type.bytes === 8) {
    return {
      type,
      words: wideArithmetic(
        f,
        op,
        x.words as unknown as Wide,
        y.words as unknown as Wide,
        type.signed,
        node,
      ),
    };
  }
  if ((op === "/" || op === "%") && f.b.constantOf(y.words[0]!) === 0)
    f.diagnostics.fail(node, "K049");
  return { type, words: [f.b.binary(machineOp(op, type.signed), x.words[0]!, y.words[0]!)] };
}

function shift(
  f: Lowering,
  op: LiteralOp,
  x: Operand,
  b: Operand,
  type: IntType,
  node: TS.Node,
): Operand {
  if (!b.literal && b.type.kind !== "int") return refuse(f, op, b.type, node);
  const bits = type.bytes === 8 ? 64 : 32;
  if (b.literal && (b.literal.value < 0n || b.literal.value >= bits))
    f.diagnostics.fail(node, "K052", type.key, String(b.literal.value), String(BigInt.asUintN(type.bytes === 8 ? 6 : 5, b.literal.value)), bits - 1);
  const count = b.literal ? convert(f, b, U32, node).words[0]! : b.words[0]!;
  if (type.bytes === 8) {
    const wide = wideArithmetic(
      f,
      op,
      x.words as unknown as Wide,
      [count, f.b.constant(0)],
      type.signed,
      node,
    );
    return { type, words: wide };
  }
  return { type, words: [f.b.binary(machineOp(op, type.signed), x.words[0]!, count)] };
}

function machineOp(op: LiteralOp, signed: boolean): BinaryOp {
  switch (op) {
    case "+":
      return "add";
    case "-":
      return "sub";
    case "*":
      return "mul";
    case "/":
      return signed ? "div" : "divu";
    case "%":
      return signed ? "rem" : "remu";
    case "&":
      return "and";
    case "|":
      return "or";
    case "^":
      return "xor";
    case "<<":
      return "sll";
    case ">>":
      return signed ? "sra" : "srl";
    case ">>>":
      return "srl";
  }
}

function arithmeticType(
  f: Lowering,
  op: LiteralOp,
  a: Operand,
  b: Operand,
  node: TS.Node,
): IntType {
  const bad = a.literal || a.type.kind === "int" ? b.type : a.type;
  if (isShift(op)) {
    if (a.literal) return U32;
    return a.type.kind === "int" ? widened(a.type) : refuse(f, op, a.type, node);
  }
  if (a.literal && b.type.kind === "int") return widened(b.type);
  if (b.literal && a.type.kind === "int") return widened(a.type);
  if (a.type.kind !== "int" || b.type.kind !== "int") return refuse(f, op, bad, node);
  const type = commonInt(a.type, b.type);
  if (type) return type;
  return f.diagnostics.fail(
    node,
    "K042",
    a.type.key,
    b.type.key,
    a.type.bytes === 8 || b.type.signed ? a.type.key : b.type.key,
  );
}

function refuse(f: Lowering, op: string, type: Type, node: TS.Node): never {
  if (type.kind === "error") f.diagnostics.stop();
  if (type.kind === "string") return f.diagnostics.fail(node, "K106");
  if (type.kind === "void") return f.diagnostics.fail(node, "K047", "this call");
  const hint =
    type.kind === "pointer" || type.kind === "array"
      ? "move a pointer with p.add(n); its address is addr(p)"
      : isAddress(type)
        ? "take the address with addr(x)"
        : type.kind === "bool"
          ? "combine conditions with && and ||, or convert: u32(x)"
          : "arithmetic is for integers";
  return f.diagnostics.fail(node, "K045", `the operator ${op}`, typeName(type), hint);
}

/** `-x`, `~x`, `+x`. */
export function lowerSign(
  f: Lowering,
  node: TS.PrefixUnaryExpression,
  scope: Scope,
  want: Type | null,
): Operand {
  const a = lowerExpression(f, node.operand, scope, want);
  const invert = node.operator === ts.SyntaxKind.TildeToken;
  if (node.operator === ts.SyntaxKind.PlusToken)
    return f.diagnostics.fail(node, "K101", "unary +", "drop it");
  if (a.literal) {
    const { value, bits } = a.literal;
    return {
      type: LITERAL,
      words: [],
      literal: invert ? { value: ~value, bits: true } : { value: -value, bits },
    };
  }
  if (a.type.kind !== "int") return refuse(f, invert ? "~" : "-", a.type, node);
  f.at(node, scope);
  const zero: Operand = {
    type: LITERAL,
    words: [],
    literal: { value: invert ? -1n : 0n, bits: true },
  };
  return invert ? arithmetic(f, "^", a, zero, node) : arithmetic(f, "-", zero, a, node);
}

/** `x += y` and its kin: the sum is truncated to what it is stored in. */
export function lowerCompound(
  f: Lowering,
  op: LiteralOp,
  node: TS.BinaryExpression,
  scope: Scope,
): Operand {
  const place = lowerPlace(f, node.left, scope);
  checkAssignable(f, place, node.left, scope);
  const type = placeType(place);
  if (type.kind !== "int") return refuse(f, `${op}=`, type, node);
  const old = loadPlace(f, place);
  const right = lowerExpression(f, node.right, scope, type);
  f.at(node, scope);
  const result = truncateTo(f, arithmetic(f, op, old, right, node), type, node);
  storePlace(f, place, result);
  return result;
}

/** `++x`, `x--` ... */
export function lowerStep(
  f: Lowering,
  node: TS.PrefixUnaryExpression | TS.PostfixUnaryExpression,
  scope: Scope,
): Operand {
  const place = lowerPlace(f, node.operand, scope);
  checkAssignable(f, place, node.operand, scope);
  const type = placeType(place);
  const op = node.operator === ts.SyntaxKind.PlusPlusToken ? "+" : "-";
  if (type.kind !== "int") return refuse(f, op + op, type, node);
  const old = loadPlace(f, place);
  f.at(node, scope);
  const one: Operand = { type: LITERAL, words: [], literal: { value: 1n, bits: false } };
  const now = truncateTo(f, arithmetic(f, op, old, one, node), type, node);
  storePlace(f, place, now);
  return ts.isPrefixUnaryExpression(node) ? now : old;
}

export function lowerAssignment(f: Lowering, node: TS.BinaryExpression, scope: Scope): Operand {
  if (ts.isArrayLiteralExpression(node.left) || ts.isObjectLiteralExpression(node.left))
    f.diagnostics.fail(node.left, "K104");
  const place = lowerPlace(f, node.left, scope);
  checkAssignable(f, place, node.left, scope);
  const value = lowerExpression(f, node.right, scope, placeType(place));
  f.at(node, scope);
  return assignPlace(f, place, value, node.right);
}

export function lowerBinaryArithmetic(
  f: Lowering,
  node: TS.BinaryExpression,
  scope: Scope,
  want: Type | null,
): Operand {
  const op = operators().arithmetic.get(node.operatorToken.kind)!;
  const context = want?.kind === "int" ? want : null;
  const a = lowerExpression(f, node.left, scope, context);
  const b = lowerExpression(f, node.right, scope, a.type.kind === "int" ? a.type : context);
  f.at(node, scope);
  return arithmetic(f, op, a, b, node);
}
