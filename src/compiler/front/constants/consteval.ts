/**
 * Values that are known at compile time: numbers, and addresses as symbol plus offset.
 *
 * `evaluate` returns null for anything else; the caller says what that means. It serves module-level initialisers, array
 * lengths, enum members, `case` labels and CSR numbers; inside functions constants fold while code is built.
 */
import { configNumber } from "../config.ts";
import { callValue } from "./const-calls.ts";
import {
  type Comparison,
  type LiteralOp,
  commonInt,
  compareLiterals,
  foldLiterals,
  wrap,
} from "../types/conversions.ts";
import { fieldType, findField, strideOf, layoutOf } from "../types/layout.ts";
import { memberHint } from "../spelling.ts";
import { operators } from "../types/operators.ts";
import { reachFunction, reachStatic, staticValueOf } from "./statics.ts";
import type { EnumSymbol } from "../types/symbols.ts";
import { type TypeContext, moduleContext } from "../types/type-nodes.ts";
import {
  BOOL,
  type IntType,
  LITERAL,
  NULL,
  STRING,
  type Type,
  U32,
  valueTypeOf,
  widened,
} from "../types/types.ts";
import { ts } from "../typescript.ts";
import type { Unit } from "../unit.ts";
import type TS from "typescript";

export interface StaticValue {
  readonly type: Type;
  /** The number, or the offset from `symbol`. */
  readonly value: bigint;
  /** A literal written as a bit pattern. */
  readonly bits: boolean;
  readonly symbol: string | null;
}

export interface ConstContext extends TypeContext {
  /** What `this` is in a field initialiser. */
  readonly thisAddress?: StaticValue;
  /** Members of the enum being computed. */
  readonly enumSelf?: ReadonlyMap<string, bigint>;
  /** Names that a local hides. */
  readonly isLocal?: (name: string) => boolean;
}

export function literalValue(value: bigint, bits = false): StaticValue {
  return { type: LITERAL, value, bits, symbol: null };
}

export function typedValue(type: Type, value: bigint, symbol: string | null = null): StaticValue {
  return { type, value, bits: false, symbol };
}

/** The integer of a numeric literal. */
export function numberOf(unit: Unit, node: TS.NumericLiteral | TS.BigIntLiteral): bigint {
  const text = node.getText().replaceAll("_", "");
  if (ts.isBigIntLiteral(node)) return BigInt(text.slice(0, -1));
  if (/^0[xXbBoO]/.test(text) || /^\d+$/.test(text)) return BigInt(text);
  const value = Number(text);
  return Number.isInteger(value) ? BigInt(value) : unit.diagnostics.fail(node, "K115");
}

export function evaluate(
  unit: Unit,
  node: TS.Expression,
  context: ConstContext,
): StaticValue | null {
  const k = ts.SyntaxKind;
  switch (node.kind) {
    case k.TrueKeyword:
      return typedValue(BOOL, 1n);
    case k.FalseKeyword:
      return typedValue(BOOL, 0n);
    case k.NullKeyword:
      return typedValue(NULL, 0n);
    case k.ThisKeyword:
      return context.thisAddress ?? null;
  }
  if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node))
    return literalValue(numberOf(unit, node));
  if (ts.isStringLiteralLike(node))
    return typedValue(STRING, 0n, unit.string(node.text, context.module.domain));
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node))
    return evaluate(unit, node.expression, context);
  if (ts.isIdentifier(node)) return identifierValue(unit, node, context);
  if (ts.isPropertyAccessExpression(node)) return propertyValue(unit, node, context);
  if (ts.isElementAccessExpression(node)) return null;
  if (ts.isPrefixUnaryExpression(node)) return prefixValue(unit, node, context);
  if (ts.isBinaryExpression(node)) return binaryValue(unit, node, context);
  if (ts.isConditionalExpression(node)) {
    const condition = evaluate(unit, node.condition, context);
    if (condition?.type !== BOOL) return null;
    return evaluate(unit, condition.value ? node.whenTrue : node.whenFalse, context);
  }
  if (ts.isCallExpression(node)) return callValue(unit, node, context);
  return null;
}

function identifierValue(
  unit: Unit,
  node: TS.Identifier,
  context: ConstContext,
): StaticValue | null {
  const name = node.text;
  const member = context.enumSelf?.get(name);
  if (member !== undefined) return literalValue(member);
  if (context.isLocal?.(name)) return null;
  const symbol = unit.modules.lookup(context.module, name);
  if (symbol?.kind === "static") return staticValueOf(unit, symbol);
  if (symbol?.kind === "function" && !symbol.generator) return reachFunction(unit, symbol, node);
  return null;
}

function propertyValue(
  unit: Unit,
  node: TS.PropertyAccessExpression,
  context: ConstContext,
): StaticValue | null {
  const configured = configValue(unit, node, context);
  if (configured) return configured;
  if (ts.isIdentifier(node.expression) && !context.isLocal?.(node.expression.text)) {
    const symbol = unit.modules.lookup(context.module, node.expression.text);
    if (symbol?.kind === "enum") return literalValue(enumMember(unit, symbol, node));
  }
  const place = placeValue(unit, node, context);
  return place && (place.type.kind === "struct" || place.type.kind === "array")
    ? { ...place, type: valueTypeOf(place.type) }
    : null;
}

/** The address of a static's field or element, with the storage type found there. */
export function placeValue(
  unit: Unit,
  node: TS.Expression,
  context: ConstContext,
): StaticValue | null {
  if (ts.isParenthesizedExpression(node)) return placeValue(unit, node.expression, context);
  if (ts.isIdentifier(node)) {
    if (context.isLocal?.(node.text)) return null;
    const symbol = unit.modules.lookup(context.module, node.text);
    if (symbol?.kind !== "static") return null;
    const value = staticValueOf(unit, symbol);
    if (value) return value.type.kind === "array" ? value : null;
    const reached = reachStatic(unit, symbol);
    return typedValue(reached.type, 0n, reached.symbol);
  }
  if (ts.isPropertyAccessExpression(node)) {
    const base = evaluate(unit, node.expression, context);
    if (base?.type.kind !== "class" || base.symbol === null) return null;
    const field = findField(unit, base.type, node.name.text);
    if (!field)
      return unit.diagnostics.fail(
        node.name,
        "K021",
        base.type.cls.name,
        node.name.text,
        memberHint(node.name.text, layoutOf(unit, base.type.cls).fields.keys()),
      );
    return {
      ...base,
      type: fieldType(unit, base.type, field),
      value: base.value + BigInt(field.offset),
    };
  }
  if (ts.isElementAccessExpression(node)) {
    const base = evaluate(unit, node.expression, context);
    const index = evaluate(unit, node.argumentExpression, context);
    if (!base?.symbol || !index || index.symbol) return null;
    const of =
      base.type.kind === "array"
        ? base.type.of
        : base.type.kind === "pointer"
          ? base.type.to
          : null;
    if (!of) return null;
    return {
      ...base,
      type: of,
      value: base.value + index.value * BigInt(strideOf(unit, of, node)),
    };
  }
  return null;
}

/** `CONFIG.a.b` and `DESIGN.x`. */
export function configValue(
  unit: Unit,
  node: TS.PropertyAccessExpression,
  context: ConstContext,
): StaticValue | null {
  const path: string[] = [];
  let at: TS.Expression = node;
  while (ts.isPropertyAccessExpression(at)) {
    path.unshift(at.name.text);
    at = at.expression;
  }
  if (!ts.isIdentifier(at) || context.isLocal?.(at.text)) return null;
  const symbol = unit.modules.lookup(context.module, at.text);
  if (symbol?.kind !== "config") return null;
  if (symbol.name !== "CONFIG") {
    const value = unit.config.enums.get(symbol.name)?.get(path[0]!);
    if (value === undefined)
      unit.diagnostics.fail(
        node,
        "K021",
        symbol.name,
        path[0]!,
        "`hartlab config` lists the values",
      );
    return literalValue(BigInt(value));
  }
  const option = unit.config.options.get(path.join("."));
  if (!option)
    unit.diagnostics.fail(
      node,
      "K021",
      "CONFIG",
      path.join("."),
      "`hartlab config` lists the keys",
    );
  const value = BigInt(configNumber(unit.config, option));
  return option.type === "bool" ? typedValue(BOOL, value) : literalValue(value);
}

export function enumMember(
  unit: Unit,
  symbol: EnumSymbol,
  node: TS.PropertyAccessExpression,
): bigint {
  const value = enumValues(unit, symbol).get(node.name.text);
  if (value === undefined) {
    const hint = memberHint(node.name.text, enumValues(unit, symbol).keys());
    unit.diagnostics.fail(node.name, "K021", symbol.name, node.name.text, hint);
  }
  return value;
}

export function enumValues(unit: Unit, symbol: EnumSymbol): Map<string, bigint> {
  if (symbol.values) return symbol.values;
  const values = new Map<string, bigint>();
  symbol.values = values;
  let next = 0n;
  for (const member of symbol.node.members) {
    if (member.initializer) {
      const value = evaluate(unit, member.initializer, {
        ...moduleContext(symbol.module),
        enumSelf: values,
      });
      if (!value || value.symbol) unit.diagnostics.fail(member, "K065", member.name.getText());
      next = value.value;
    }
    values.set(member.name.getText(), next++);
  }
  return values;
}

function prefixValue(
  unit: Unit,
  node: TS.PrefixUnaryExpression,
  context: ConstContext,
): StaticValue | null {
  const a = evaluate(unit, node.operand, context);
  if (!a || a.symbol) return null;
  const k = ts.SyntaxKind;
  if (node.operator === k.ExclamationToken)
    return a.type === BOOL ? typedValue(BOOL, 1n - a.value) : null;
  if (a.type !== LITERAL && a.type.kind !== "int") return null;
  const value =
    node.operator === k.MinusToken ? -a.value : node.operator === k.TildeToken ? ~a.value : null;
  if (value === null) return null;
  if (a.type.kind !== "int") return literalValue(value, node.operator === k.TildeToken);
  const type = widened(a.type);
  return typedValue(type, wrap(value, type));
}

function binaryValue(
  unit: Unit,
  node: TS.BinaryExpression,
  context: ConstContext,
): StaticValue | null {
  const token = node.operatorToken.kind;
  const a = evaluate(unit, node.left, context);
  if (!a) return null;
  const k = ts.SyntaxKind;
  if (token === k.AmpersandAmpersandToken || token === k.BarBarToken) {
    if (a.type !== BOOL) return null;
    return (a.value === 1n) === (token === k.BarBarToken) ? a : evaluate(unit, node.right, context);
  }
  const b = evaluate(unit, node.right, context);
  if (!b) return null;
  const op = operators().arithmetic.get(token);
  if (op) return arithmeticValue(a, b, op);
  const comparison = operators().comparison.get(token);
  return comparison ? comparisonValue(a, b, comparison) : null;
}

function arithmeticValue(a: StaticValue, b: StaticValue, op: LiteralOp): StaticValue | null {
  const plusMinus = op === "+" || op === "-";
  if (a.symbol || b.symbol) {
    if (!plusMinus || b.symbol || a.type !== U32) return null;
    return { ...a, value: op === "+" ? a.value + b.value : a.value - b.value };
  }
  const type = resultType(a.type, b.type, op);
  if (!type) return null;
  const x = type === LITERAL ? a : { ...a, value: wrap(a.value, type as IntType) };
  const folded = foldLiterals(op, x, b);
  if (!folded) return null;
  return type === LITERAL
    ? literalValue(folded.value, folded.bits)
    : typedValue(type, wrap(folded.value, type as IntType));
}

function resultType(a: Type, b: Type, op: LiteralOp): Type | null {
  const shift = op === "<<" || op === ">>" || op === ">>>";
  if (a.kind === "int") {
    if (shift || b === LITERAL) return widened(a);
    return b.kind === "int" ? commonInt(a, b) : null;
  }
  if (a !== LITERAL) return null;
  if (b === LITERAL) return LITERAL;
  return b.kind === "int" ? (shift ? LITERAL : widened(b)) : null;
}

function comparisonValue(a: StaticValue, b: StaticValue, op: Comparison): StaticValue | null {
  const known = a.symbol === null && b.symbol === null;
  return known ? typedValue(BOOL, compareLiterals(op, a.value, b.value) ? 1n : 0n) : null;
}
