/** Comparisons, `&&`, `||`, `!`: as control flow (`lowerCondition`) and as values (`lowerTruth`). */
import type TS from "typescript";
import type { Block, Condition, Value } from "../../ir.ts";
import { assignable, commonInt, compareLiterals, type Comparison } from "../types/conversions.ts";
import { convert } from "./convert.ts";
import { lowerExpression } from "./expressions.ts";
import type { Lowering, Scope } from "./lowering.ts";
import { operators } from "../types/operators.ts";
import type { Operand } from "./operand.ts";
import { ts } from "../typescript.ts";
import {
  BOOL,
  STRING,
  isAddress,
  nullableOf,
  sameType,
  typeName,
  widened,
  type IntType,
  type Type,
} from "../types/types.ts";
import { wideComparison, type Wide } from "./wide.ts";

export type Hint = "then" | "else" | null;

function opposite(hint: Hint): Hint {
  return hint === "then" ? "else" : hint === "else" ? "then" : null;
}

/** `likely(x)` and `unlikely(x)`: the condition and which way it goes. */
function hinted(node: TS.Expression): { condition: TS.Expression; hint: Hint } | null {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || !node.arguments[0])
    return null;
  const name = node.expression.text;
  if (name !== "likely" && name !== "unlikely") return null;
  return { condition: node.arguments[0], hint: name === "likely" ? "then" : "else" };
}

/** Goes to `then` or `otherwise`; the place after it is dead. */
export function lowerCondition(
  f: Lowering,
  node: TS.Expression,
  then: Block,
  otherwise: Block,
  scope: Scope,
  hint: Hint = null,
): void {
  if (f.b.dead) return;
  const k = ts.SyntaxKind;
  if (ts.isParenthesizedExpression(node)) {
    lowerCondition(f, node.expression, then, otherwise, scope, hint);
    return;
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === k.ExclamationToken) {
    lowerCondition(f, node.operand, otherwise, then, scope, opposite(hint));
    return;
  }
  const marked = hinted(node);
  if (marked) {
    lowerCondition(f, marked.condition, then, otherwise, scope, marked.hint);
    return;
  }
  if (ts.isBinaryExpression(node)) {
    const token = node.operatorToken.kind;
    if (token === k.AmpersandAmpersandToken || token === k.BarBarToken) {
      const middle = f.b.block();
      if (token === k.AmpersandAmpersandToken)
        lowerCondition(f, node.left, middle, otherwise, scope, hint === "then" ? hint : null);
      else lowerCondition(f, node.left, then, middle, scope, hint === "else" ? hint : null);
      f.b.startSealed(middle);
      lowerCondition(f, node.right, then, otherwise, scope, hint);
      return;
    }
    const op = operators().comparison.get(token);
    if (op) {
      branchOnComparison(f, op, node, then, otherwise, scope, hint);
      return;
    }
  }
  const value = truthOperand(f, node, scope);
  f.at(node, scope);
  f.b.branch("ne", value, f.b.constant(0), then, otherwise, hint);
}

/** A word that is non-zero when the condition holds. */
function truthOperand(f: Lowering, node: TS.Expression, scope: Scope): Value {
  const a = lowerExpression(f, node, scope, BOOL);
  if (a.literal) return f.b.constant(a.literal.value === 0n ? 0 : 1);
  const { type } = a;
  if (type.kind === "error") return f.diagnostics.stop();
  if (type.kind === "int" && type.bytes === 8) return f.b.binary("or", a.words[0]!, a.words[1]!);
  if (type.kind === "bool" || type.kind === "int" || type.kind === "null") return a.words[0]!;
  if (type.kind === "never") return f.b.constant(0);
  if (isAddress(type) && type.kind !== "string") return a.words[0]!;
  const hint = type.kind === "void" ? "the function returns nothing" : "compare it: `=== ...`";
  return f.diagnostics.fail(
    node,
    "K046",
    type.kind === "void" ? "a call without a value" : typeName(type),
    hint,
  );
}

interface Compared {
  readonly a: Operand;
  readonly b: Operand;
  readonly signed: boolean;
}

function branchOnComparison(
  f: Lowering,
  op: Comparison,
  node: TS.BinaryExpression,
  then: Block,
  otherwise: Block,
  scope: Scope,
  hint: Hint,
): void {
  const compared = compareOperands(f, op, node, scope);
  f.at(node, scope);
  if (typeof compared === "boolean") {
    f.b.jump(compared ? then : otherwise);
    return;
  }
  const { a, b, signed } = compared;
  if (a.words.length === 2) {
    const truth = wideComparison(
      f,
      op,
      a.words as unknown as Wide,
      b.words as unknown as Wide,
      signed,
    );
    f.b.branch("ne", truth, f.b.constant(0), then, otherwise, hint);
    return;
  }
  const [x, y] = [a.words[0]!, b.words[0]!];
  const less: Condition = signed ? "lt" : "ltu";
  const atLeast: Condition = signed ? "ge" : "geu";
  switch (op) {
    case "===":
      f.b.branch("eq", x, y, then, otherwise, hint);
      return;
    case "!==":
      f.b.branch("ne", x, y, then, otherwise, hint);
      return;
    case "<":
      f.b.branch(less, x, y, then, otherwise, hint);
      return;
    case ">":
      f.b.branch(less, y, x, then, otherwise, hint);
      return;
    case "<=":
      f.b.branch(atLeast, y, x, then, otherwise, hint);
      return;
    case ">=":
      f.b.branch(atLeast, x, y, then, otherwise, hint);
      return;
  }
}

/** Both operands in the type they meet in; the answer itself, when both are constants. */
function compareOperands(
  f: Lowering,
  op: Comparison,
  node: TS.BinaryExpression,
  scope: Scope,
): Compared | boolean {
  const a = lowerExpression(f, node.left, scope);
  const b = lowerExpression(f, node.right, scope, a.type.kind === "int" ? a.type : null);
  if (a.literal && b.literal) return compareLiterals(op, a.literal.value, b.literal.value);
  if (a.type.kind === "error" || b.type.kind === "error") return f.diagnostics.stop();
  if (a.type.kind === "void" || b.type.kind === "void")
    return f.diagnostics.fail(node, "K047", "this call");
  const type = comparisonType(f, op, a, b, node);
  if (type.kind === "int" && !type.signed) refuseBelowZero(f, op, node, a.literal ? b.type : a.type);
  if (type.kind === "int")
    return {
      a: convert(f, a, type, node.left),
      b: convert(f, b, type, node.right),
      signed: type.signed,
    };
  return { a, b, signed: false };
}

/** An unsigned number against a 0 that is written as such; one that has a name may be another number in another configuration. */
function refuseBelowZero(f: Lowering, op: Comparison, node: TS.BinaryExpression, type: Type): void {
  const zero = (side: TS.Expression) => (ts.isNumericLiteral(side) || ts.isBigIntLiteral(side)) && /^0n?$/.test(side.text);
  const below = (op === "<" && zero(node.right)) || (op === ">" && zero(node.left));
  const atLeast = (op === ">=" && zero(node.right)) || (op === "<=" && zero(node.left));
  if (below || atLeast) f.diagnostics.fail(node, "K053", typeName(type), String(atLeast));
}

function comparisonType(
  f: Lowering,
  op: Comparison,
  a: Operand,
  b: Operand,
  node: TS.BinaryExpression,
): Type {
  const equality = op === "===" || op === "!==";
  const x = a.type;
  const y = b.type;
  if (a.literal && y.kind === "int") return widened(y);
  if (b.literal && x.kind === "int") return widened(x);
  if (x.kind === "int" && y.kind === "int") {
    const common = commonInt(x, y);
    return common ?? f.diagnostics.fail(node, "K042", x.key, y.key, conversionOf(x, y));
  }
  if (!equality)
    return f.diagnostics.fail(
      node,
      "K044",
      nameOf(a),
      nameOf(b),
      "only integers have an order; addresses are compared through addr(x)",
    );
  if (x.kind === "bool" && y.kind === "bool") return BOOL;
  if (x.kind === "string" && y.kind === "string") return f.diagnostics.fail(node, "K048");
  const nullable = (t: Type) => (t.kind === "array" ? t : nullableOf(t));
  const addresses =
    (isAddress(x) || x.kind === "null" || x.kind === "array") &&
    (isAddress(y) || y.kind === "null" || y.kind === "array");
  if (addresses && (sameType(x, y) || assignable(x, nullable(y)) || assignable(y, nullable(x))))
    return x;
  const hint =
    x.kind === "class" && y.kind === "class"
      ? "they are different classes"
      : "the types must agree";
  return f.diagnostics.fail(node, "K044", nameOf(a), nameOf(b), hint);
}

function conversionOf(x: IntType, y: IntType): string {
  return x.bytes === 8 ? x.key : y.bytes === 8 ? y.key : x.signed ? y.key : x.key;
}

function nameOf(a: Operand): string {
  return a.literal ? String(a.literal.value) : a.type === STRING ? "a string" : typeName(a.type);
}

/** The condition as 0 or 1. */
export function lowerTruth(f: Lowering, node: TS.Expression, scope: Scope): Operand {
  const k = ts.SyntaxKind;
  const op = ts.isBinaryExpression(node)
    ? operators().comparison.get(node.operatorToken.kind)
    : undefined;
  if (op && ts.isBinaryExpression(node))
    return { type: BOOL, words: [comparisonValue(f, op, node, scope)] };
  if (ts.isPrefixUnaryExpression(node) && node.operator === k.ExclamationToken) {
    const value = truthOperand(f, node.operand, scope);
    f.at(node, scope);
    return { type: BOOL, words: [f.b.binary("sltu", value, f.b.constant(1))] };
  }
  return shortCircuit(f, node, scope);
}

function comparisonValue(
  f: Lowering,
  op: Comparison,
  node: TS.BinaryExpression,
  scope: Scope,
): Value {
  const compared = compareOperands(f, op, node, scope);
  f.at(node, scope);
  const { b: build } = f;
  if (typeof compared === "boolean") return build.constant(compared ? 1 : 0);
  const { a, b, signed } = compared;
  if (a.words.length === 2)
    return wideComparison(f, op, a.words as unknown as Wide, b.words as unknown as Wide, signed);
  const [x, y] = [a.words[0]!, b.words[0]!];
  const less = signed ? "slt" : "sltu";
  const not = (v: Value) => build.binary("xor", v, build.constant(1));
  switch (op) {
    case "===":
      return build.binary("sltu", build.binary("xor", x, y), build.constant(1));
    case "!==":
      return build.binary("sltu", build.constant(0), build.binary("xor", x, y));
    case "<":
      return build.binary(less, x, y);
    case ">":
      return build.binary(less, y, x);
    case "<=":
      return not(build.binary(less, y, x));
    case ">=":
      return not(build.binary(less, x, y));
  }
}

function shortCircuit(f: Lowering, node: TS.Expression, scope: Scope): Operand {
  const yes = f.b.block();
  const no = f.b.block();
  const end = f.b.block();
  const result = { name: "&&" };
  lowerCondition(f, node, yes, no, scope);
  for (const [block, value] of [
    [yes, 1],
    [no, 0],
  ] as const) {
    f.b.startSealed(block);
    if (f.b.dead) continue;
    f.b.write(result, f.b.constant(value));
    f.b.jump(end);
  }
  f.b.startSealed(end);
  return { type: BOOL, words: [f.b.dead ? f.b.constant(0) : f.b.read(result)] };
}
