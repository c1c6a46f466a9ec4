/** Variables, fields and elements: finding them, reading, writing, taking their address. */
import type { AccessKind, Value } from "../../ir.ts";
import { convert } from "./convert.ts";
import { lowerExpression } from "./expressions.ts";
import { fieldType, findField, layoutOf, strideOf } from "../types/layout.ts";
import { type Lowering, type Scope, findVariable } from "./lowering.ts";
import { unknownName } from "./names.ts";
import { memberHint } from "../spelling.ts";
import type { Operand, Place, Variable } from "./operand.ts";
import { reachStatic } from "../constants/statics.ts";
import {
  I32,
  type Type,
  U32,
  isAddress,
  pointerType,
  typeName,
  valueTypeOf,
  wordsOf,
} from "../types/types.ts";
import { ts } from "../typescript.ts";
import type TS from "typescript";

export function memoryPlace(
  f: Lowering,
  base: Value,
  offset: number,
  type: Type,
): Place & { kind: "memory" } {
  const b = f.b.find(base);
  if (b.op === "binary" && b.x.op === "add") {
    const right = f.b.constantOf(b.args[1]!);
    if (right !== null) return { kind: "memory", base: b.args[0]!, offset: offset + right, type };
  }
  return { kind: "memory", base: b, offset, type };
}

export function placeType(place: Place): Type {
  return place.kind === "variable" ? place.variable.type : place.type;
}

/** The place that an expression names. */
export function lowerPlace(f: Lowering, node: TS.Expression, scope: Scope): Place {
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node))
    return lowerPlace(f, node.expression, scope);
  if (ts.isIdentifier(node)) return namedPlace(f, node, scope);
  if (ts.isPropertyAccessExpression(node)) return fieldPlace(f, node, scope);
  if (ts.isElementAccessExpression(node)) return elementPlace(f, node, scope);
  return f.diagnostics.fail(node, "K062");
}

export function namedPlace(f: Lowering, node: TS.Identifier, scope: Scope): Place {
  const variable = findVariable(scope, node.text);
  if (variable) return variablePlace(f, variable);
  const symbol = f.unit.modules.lookup(scope.activation.module, node.text);
  if (symbol?.kind !== "static")
    return symbol ? f.diagnostics.fail(node, "K062") : unknownName(f, node, scope);
  const { initializer } = symbol.node;
  const storage =
    initializer && (ts.isNewExpression(initializer) || ts.isArrayLiteralExpression(initializer));
  if (symbol.isConst && !storage) return f.diagnostics.fail(node, "K060", node.text);
  const reached = reachStatic(f.unit, symbol);
  return { kind: "memory", base: f.b.symbol(reached.symbol), offset: 0, type: reached.type };
}

export function variablePlace(f: Lowering, variable: Variable): Place {
  if (variable.type.kind === "error") f.diagnostics.stop();
  return variable.slot
    ? { kind: "memory", base: variable.slot, offset: 0, type: variable.type }
    : { kind: "variable", variable };
}

export function fieldPlace(
  f: Lowering,
  node: TS.PropertyAccessExpression,
  scope: Scope,
  object = lowerExpression(f, node.expression, scope),
): Place {
  const name = node.name.text;
  if (object.type.kind !== "class") {
    const hint =
      object.type.kind === "pointer"
        ? "a Ptr is followed by `p[0]`"
        : object.type.kind === "string"
          ? "strlen() and strcmp() are in kernel/lib/string.ts"
          : object.type.kind === "int" && object.type.bytes === 4
            ? "an address is a number: `cast<T>(address)` makes a pointer of it"
            : "only class values have fields";
    return f.diagnostics.fail(node.name, "K021", typeName(object.type), name, hint);
  }
  const field = findField(f.unit, object.type, name);
  if (!field) {
    if (object.type.cls.methods.has(name))
      f.diagnostics.fail(node, "K085", `${object.type.cls.name}.${name}`);
    const fields = layoutOf(f.unit, object.type.cls).fields.keys();
    return f.diagnostics.fail(
      node.name,
      "K021",
      object.type.cls.name,
      name,
      memberHint(name, fields),
    );
  }
  f.at(node, scope);
  return memoryPlace(f, object.words[0]!, field.offset, fieldType(f.unit, object.type, field));
}

function elementPlace(f: Lowering, node: TS.ElementAccessExpression, scope: Scope): Place {
  const base = lowerExpression(f, node.expression, scope);
  if (ts.isStringLiteralLike(node.argumentExpression))
    f.diagnostics.fail(node.argumentExpression, "K105", node.argumentExpression.text);
  const { type } = base;
  if (type.kind !== "pointer" && type.kind !== "array") {
    const hint =
      type.kind === "string"
        ? "walk it as `cast<Ptr<u8>>(addr(s))`"
        : "only Ptr, FixedArray and StructArray have elements";
    return f.diagnostics.fail(node, "K045", "an index", typeName(type), hint);
  }
  const element = type.kind === "pointer" ? type.to : type.of;
  if (element.kind === "void")
    f.diagnostics.fail(node, "K045", "an index", "object", "cast it to a Ptr first");
  const address = indexed(
    f,
    base.words[0]!,
    node.argumentExpression,
    strideOf(f.unit, element, node),
    scope,
    type.kind === "array" ? type.length : null,
  );
  f.at(node, scope);
  return memoryPlace(f, address, 0, element);
}

/** `base + index * stride`; a constant index is held to the array's length, where that is known. */
export function indexed(
  f: Lowering,
  base: Value,
  index: TS.Expression,
  stride: number,
  scope: Scope,
  length: number | null = null,
): Value {
  const i = lowerExpression(f, index, scope);
  if (i.literal && length !== null && (i.literal.value < 0n || i.literal.value >= BigInt(length)))
    f.diagnostics.fail(index, "K069", String(i.literal.value), length);
  if (i.type.kind === "int" && i.type.bytes === 8)
    f.diagnostics.fail(index, "K040", i.type.key, "u32", "convert it: `u32(...)`");
  const word = i.literal
    ? convert(f, i, i.literal.value < 0n ? I32 : U32, index).words[0]!
    : i.type.kind === "int"
      ? i.words[0]!
      : convert(f, i, U32, index).words[0]!;
  f.at(index, scope);
  return f.b.binary("add", base, f.b.binary("mul", word, f.b.constant(stride)));
}

/** The value in a place; storage in place is named by its address. */
export function loadPlace(f: Lowering, place: Place, access: AccessKind = f.access): Operand {
  if (place.kind === "variable") {
    const { variable } = place;
    return (
      variable.constant ?? { type: variable.type, words: variable.words.map((w) => f.b.read(w)) }
    );
  }
  const { type, base, offset } = place;
  if (type.kind === "struct" || type.kind === "array")
    return { type: valueTypeOf(type), words: [addressOf(f, place)] };
  if (type.kind === "percpu" && f.b.find(base).op === "symbol")
    return { type, words: [addressOf(f, place)] };
  if (type.kind === "int" && type.bytes < 4) {
    const width = type.bytes as 1 | 2;
    return {
      type,
      words: [f.b.emit("load", [base], { width, signed: type.signed, offset, access })],
    };
  }
  if (type.kind === "bool")
    return { type, words: [f.b.emit("load", [base], { width: 1, signed: false, offset, access })] };
  const words: Value[] = [];
  for (let i = 0; i < wordsOf(type); i++) {
    words.push(
      f.b.emit("load", [base], { width: 4, signed: false, offset: offset + 4 * i, access }),
    );
  }
  return { type, words };
}

export function addressOf(f: Lowering, place: Place & { kind: "memory" }): Value {
  return f.b.binary("add", place.base, f.b.constant(place.offset));
}

/** Stores a value that has the place's type already. */
export function storePlace(
  f: Lowering,
  place: Place,
  value: Operand,
  access: AccessKind = f.access,
): void {
  if (place.kind === "variable") {
    place.variable.words.forEach((w, i) => {
      f.b.write(w, value.words[i]!);
    });
    return;
  }
  const { type, base, offset } = place;
  const width =
    type.kind === "bool" ? 1 : type.kind === "int" && type.bytes < 4 ? (type.bytes as 1 | 2) : 4;
  value.words.forEach((word, i) => {
    f.b.emit("store", [base, word], { width, offset: offset + 4 * i, access });
  });
}

/** Refuses to assign constants and storage in place. */
export function checkAssignable(
  f: Lowering,
  place: Place,
  node: TS.Expression,
  scope: Scope,
): void {
  const type = placeType(place);
  if (type.kind === "struct" || type.kind === "array" || type.kind === "percpu")
    f.diagnostics.fail(node, "K061", node.getText());
  let root = node;
  while (ts.isParenthesizedExpression(root) || ts.isNonNullExpression(root)) root = root.expression;
  if (!ts.isIdentifier(root)) return;
  if (findVariable(scope, root.text)?.isConst) f.diagnostics.fail(node, "K060", root.text);
}

export function assignPlace(
  f: Lowering,
  place: Place,
  value: Operand,
  node: TS.Node,
  access: AccessKind = f.access,
): Operand {
  const converted = convert(f, value, placeType(place), node);
  storePlace(f, place, converted, access);
  return converted;
}

/** `addressOf(lvalue)`. */
export function lowerAddressOf(f: Lowering, node: TS.Expression, scope: Scope): Operand {
  const place = lowerPlace(f, node, scope);
  const type = placeType(place);
  if (type.kind === "struct" || type.kind === "array")
    return f.diagnostics.fail(node, "K063", node.getText());
  if (place.kind === "variable") return f.diagnostics.fail(node, "K062");
  return { type: pointerType(type), words: [addressOf(f, place)] };
}

/** One word that is an address: of a structure, array, string, function; null is 0. */
export function isAddressOperand(a: Operand): boolean {
  return (
    isAddress(a.type) ||
    a.type.kind === "array" ||
    a.type.kind === "null" ||
    a.type.kind === "percpu"
  );
}
