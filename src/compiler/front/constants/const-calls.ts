/** Calls that are compile-time values: conversions, sizeof, offsetOf, addr, addressOf, cast, linkerSymbol, GENMASK. */
import {
  type ConstContext,
  type StaticValue,
  evaluate,
  literalValue,
  placeValue,
  typedValue,
} from "./consteval.ts";
import { wrap } from "../types/conversions.ts";
import { memberHint } from "../spelling.ts";
import { findField, layoutOf, sizeOf } from "../types/layout.ts";
import { resolveType } from "../types/type-nodes.ts";
import {
  BASE_TYPES,
  NULL,
  type Type,
  U32,
  classType,
  isAddress,
  pointerType,
} from "../types/types.ts";
import { ts } from "../typescript.ts";
import type { Unit } from "../unit.ts";
import type TS from "typescript";

export function callValue(
  unit: Unit,
  node: TS.CallExpression,
  context: ConstContext,
): StaticValue | null {
  if (!ts.isIdentifier(node.expression)) return null;
  const name = node.expression.text;
  const base = BASE_TYPES.get(name);
  const first = node.arguments[0];
  if (base?.kind === "int" && first) {
    const a = evaluate(unit, first, context);
    if (!a || (a.symbol && base !== U32)) return null;
    return a.symbol ? a : typedValue(base, wrap(a.value, base));
  }
  switch (name) {
    case "sizeof": {
      const type = node.typeArguments?.[0]
        ? resolveType(unit, node.typeArguments[0], context)
        : null;
      return type ? literalValue(BigInt(sizeofType(unit, type, node))) : null;
    }
    case "offsetOf":
      return first && node.arguments[1]
        ? offsetValue(unit, first, node.arguments[1], context)
        : null;
    case "addr": {
      const a = first && evaluate(unit, first, context);
      return a && (isAddress(a.type) || a.type.kind === "array" || a.type === NULL)
        ? { ...a, type: U32 }
        : null;
    }
    case "addressOf": {
      const a = first && placeValue(unit, first, context);
      return a && a.type.kind !== "struct" && a.type.kind !== "array"
        ? { ...a, type: pointerType(a.type) }
        : null;
    }
    case "cast":
    case "castOrNull": {
      const a = first && evaluate(unit, first, context);
      const to = node.typeArguments?.[0];
      return a && to ? { ...a, type: resolveType(unit, to, context), bits: false } : null;
    }
    case "linkerSymbol":
      return first && ts.isStringLiteralLike(first) ? typedValue(U32, 0n, first.text) : null;
    case "GENMASK": {
      const [high, low] = [first, node.arguments[1]].map((a) => a && evaluate(unit, a, context));
      return high && low && high.symbol === null && low.symbol === null
        ? maskValue(unit, node, high.value, low.value)
        : null;
    }
    case "likely":
    case "unlikely":
      return first ? evaluate(unit, first, context) : null;
    default:
      return null;
  }
}

/** Bits low to high of a word, both included. */
function maskValue(unit: Unit, node: TS.Node, high: bigint, low: bigint): StaticValue {
  if (low < 0n || high < low || high > 31n) unit.diagnostics.fail(node, "K145", node.getText());
  return { ...literalValue((1n << (high + 1n)) - (1n << low)), bits: true };
}

/** `sizeof<T>()`: of a class its storage, of anything else the value. */
export function sizeofType(unit: Unit, type: Type, node: TS.Node): number {
  const storage =
    type.kind === "class"
      ? ({ kind: "struct", key: "", cls: type.cls, args: type.args } as const)
      : type;
  return sizeOf(unit, storage, node);
}

function offsetValue(
  unit: Unit,
  type: TS.Expression,
  field: TS.Expression,
  context: ConstContext,
): StaticValue | null {
  const cls = ts.isIdentifier(type) ? unit.modules.lookup(context.module, type.text) : null;
  if (cls?.kind !== "class" || !ts.isStringLiteralLike(field)) return null;
  const found = findField(unit, classType(cls), field.text);
  if (!found) {
    const hint = memberHint(field.text, layoutOf(unit, cls).fields.keys());
    unit.diagnostics.fail(field, "K021", cls.name, field.text, hint);
  }
  return literalValue(BigInt(found.offset));
}
