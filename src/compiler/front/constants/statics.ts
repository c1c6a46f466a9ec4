/**
 * Module-level storage: constants without storage, images computed at compile time, relocations.
 *
 * A `const` of a scalar or pointer type is a compile-time value; `new T()`, array literals and every `let` have storage.
 * Storage without contents goes to .bss. A `this` initialiser in a per-CPU variable is the address in the template: the
 * kernel initialises such lists again for each CPU, as Linux does.
 */
import { type StaticValue, evaluate } from "./consteval.ts";
import { assignable, conversionHint, fits, wrap } from "../types/conversions.ts";
import { checkSpelling } from "../types/number-spelling.ts";
import type { Domain, FunctionSymbol, StaticSymbol } from "../types/symbols.ts";
import { NO_TYPE_ARGS, moduleContext, resolveType, storageTypeOfNew } from "../types/type-nodes.ts";
import {
  LITERAL,
  type Type,
  arrayType,
  functionType,
  typeName,
  valueTypeOf,
} from "../types/types.ts";
import { ts } from "../typescript.ts";
import type { Unit } from "../unit.ts";
import type TS from "typescript";

/** The value of a static that has no storage of its own, or the address of one that is named by it; null otherwise. */
export function staticValueOf(unit: Unit, symbol: StaticSymbol): StaticValue | null {
  const { node } = symbol;
  const { initializer } = node;
  if (!symbol.isConst || (initializer && hasStorage(initializer))) {
    const reached = reachStatic(unit, symbol);
    const named = ["struct", "array", "percpu"].includes(reached.type.kind);
    return named
      ? { type: valueTypeOf(reached.type), value: 0n, bits: false, symbol: reached.symbol }
      : null;
  }
  if (symbol.value === "busy") unit.diagnostics.fail(node, "K065", symbol.name);
  if (symbol.value) return symbol.value;
  symbol.value = "busy";
  try {
    const context = moduleContext(symbol.module);
    const value = initializer ? evaluate(unit, initializer, context) : null;
    if (!value || !initializer)
      return unit.diagnostics.fail(initializer ?? node, "K065", symbol.name);
    const type = node.type ? resolveType(unit, node.type, context) : null;
    const typed = type ? convertStatic(unit, value, type, initializer) : value;
    symbol.value = typed;
    return typed;
  } finally {
    if (symbol.value === "busy") symbol.value = null;
  }
}

function hasStorage(initializer: TS.Expression): boolean {
  return ts.isNewExpression(initializer) || ts.isArrayLiteralExpression(initializer);
}

/** Link name and storage type of a static; its image is computed later. */
export function reachStatic(
  unit: Unit,
  symbol: StaticSymbol,
): { readonly symbol: string; readonly type: Type } {
  if (symbol.storage) return symbol.storage;
  const type = storageTypeOfStatic(unit, symbol);
  const name = unit.linkName(symbol.name, symbol.exported);
  symbol.storage = { symbol: name, type };
  unit.pendingStatics.push({ symbol, name, type });
  return symbol.storage;
}

function storageTypeOfStatic(unit: Unit, symbol: StaticSymbol): Type {
  const { node, module } = symbol;
  const { initializer } = node;
  const context = moduleContext(module);
  if (initializer && ts.isNewExpression(initializer)) {
    if (!symbol.isConst) unit.diagnostics.fail(node, "K066", symbol.name);
    return storageTypeOfNew(unit, initializer, context);
  }
  if (!node.type) unit.diagnostics.fail(node, "K026", symbol.name, symbol.name);
  const type = resolveType(unit, node.type, context);
  if (initializer && ts.isArrayLiteralExpression(initializer)) {
    if (type.kind !== "pointer")
      return unit.diagnostics.fail(node.type, "K025", node.type.getText(), "write `T[]`");
    return arrayType(type.to, initializer.elements.length);
  }
  return type;
}

/** The address of a function as a value. */
export function reachFunction(unit: Unit, fn: FunctionSymbol, node: TS.Node): StaticValue {
  const symbol = functionSymbol(unit, fn, fn.module.domain, node);
  return { type: functionTypeOf(unit, fn, node), value: 0n, bits: false, symbol };
}

export function functionSymbol(
  unit: Unit,
  fn: FunctionSymbol,
  domain: Domain,
  node: TS.Node,
): string {
  if (fn.typeParams.length) unit.diagnostics.fail(node, "K086", fn.name);
  return unit.instance(fn, domain, NO_TYPE_ARGS, [], null).symbol;
}

export function functionTypeOf(unit: Unit, fn: FunctionSymbol, node: TS.Node): Type {
  const context = moduleContext(fn.module);
  const params = fn.node.parameters.map((p) =>
    p.type
      ? resolveType(unit, p.type, context)
      : unit.diagnostics.fail(p, "K026", p.name.getText(), p.name.getText()),
  );
  if (!fn.node.type) unit.diagnostics.fail(node, "K116", fn.name);
  return functionType(params, resolveType(unit, fn.node.type, context));
}

export function convertStatic(
  unit: Unit,
  value: StaticValue,
  type: Type,
  node: TS.Node,
): StaticValue {
  if (value.type === LITERAL) {
    if (type.kind !== "int") {
      return unit.diagnostics.fail(
        node,
        "K040",
        `the number ${value.value}`,
        typeName(type),
        conversionHint(value.type, type),
      );
    }
    checkSpelling(unit.diagnostics, node, type);
    if (!fits(value, type))
      unit.diagnostics.fail(
        node,
        "K041",
        String(value.value),
        type.key,
        "choose a wider type, or convert explicitly",
      );
    return { ...value, type, value: wrap(value.value, type) };
  }
  if (value.type.kind === "null" && !assignable(value.type, type))
    unit.diagnostics.fail(node, "K043", typeName(type));
  if (!assignable(value.type, type)) {
    unit.diagnostics.fail(
      node,
      "K040",
      typeName(value.type),
      typeName(type),
      conversionHint(value.type, type),
    );
  }
  return { ...value, type };
}

export function checkConstructorArguments(
  unit: Unit,
  name: string,
  params: readonly TS.ParameterDeclaration[],
  given: number,
  node: TS.Node,
): void {
  const required = params.filter((p) => !p.initializer).length;
  if (given < required || given > params.length)
    unit.diagnostics.fail(node, "K067", name, params.length, given);
}
