/**
 * Module-level storage: constants without storage, images computed at compile time, relocations.
 *
 * A `const` of a scalar or pointer type is a compile-time value; `new T()`, array literals and every `let` have storage.
 * Storage without contents goes to .bss. A `this` initialiser in a per-CPU variable is the address in the template: the
 * kernel initialises such lists again for each CPU, as Linux does.
 */
import type TS from "typescript";
import { assert } from "../../base/assert.ts";
import { assignable, conversionHint, fits, wrap } from "./conversions.ts";
import { evaluate, type ConstContext, type StaticValue } from "./consteval.ts";
import { alignOf, fieldType, layoutOf, sizeOf, strideOf } from "./layout.ts";
import type { Domain, FunctionSymbol, StaticSymbol } from "./symbols.ts";
import { ts } from "./typescript.ts";
import {
  LITERAL,
  arrayType,
  classType,
  functionType,
  storageName,
  structType,
  typeName,
  valueTypeOf,
  type ClassType,
  type StructType,
  type Type,
} from "./types.ts";
import { NO_TYPE_ARGS, moduleContext, resolveType, storageTypeOfNew } from "./type-nodes.ts";
import type { PendingStatic, Unit } from "./unit.ts";

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
  return {
    type: functionTypeOf(unit, fn, node),
    value: 0n,
    bits: false,
    symbol: functionSymbol(unit, fn, fn.module.domain, node),
  };
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

interface Image {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly relocations: { offset: number; symbol: string; addend: number }[];
}

/** Computes the contents of a static and adds it to the unit. */
export function buildStatic(unit: Unit, pending: PendingStatic): void {
  const { symbol, name, type } = pending;
  const { node, module } = symbol;
  const storage: Type = type.kind === "percpu" ? structType(type.of.cls, type.of.args) : type;
  const image: Image = {
    name,
    bytes: new Uint8Array(sizeOf(unit, storage, node)),
    relocations: [],
  };
  const { initializer } = node;
  const context = moduleContext(module);
  if (storage.kind === "struct") {
    const args =
      type.kind !== "percpu" && initializer && ts.isNewExpression(initializer)
        ? (initializer.arguments ?? [])
        : null;
    fillStruct(unit, image, 0, storage, args, initializer ?? node, context);
  } else if (storage.kind === "array") {
    fillArray(unit, image, storage, initializer ?? node, context);
  } else if (initializer) {
    fillScalar(unit, image, 0, storage, initializer, context);
  }
  addData(unit, image, storage, module.domain, type.kind === "percpu", symbol);
}

function addData(
  unit: Unit,
  image: Image,
  type: Type,
  domain: Domain,
  perCpu: boolean,
  symbol: StaticSymbol,
): void {
  const empty = image.relocations.length === 0 && image.bytes.every((b) => b === 0);
  const prefix = domain === "firmware" ? ".fw" : "";
  unit.data.push({
    symbol: image.name,
    name: symbol.name,
    section: perCpu ? ".data..percpu" : prefix + (empty ? ".bss" : ".data"),
    align: Math.max(4, alignOf(unit, type, symbol.node)),
    size: image.bytes.length,
    bytes: empty ? new Uint8Array(0) : image.bytes,
    relocations: image.relocations,
    type: storageName(type),
    loc: unit.locateDeclaration(symbol.node, symbol.name, symbol.module),
  });
}

function fillArray(
  unit: Unit,
  image: Image,
  type: Type & { kind: "array" },
  node: TS.Node,
  context: ConstContext,
): void {
  const stride = strideOf(unit, type.of, node);
  if (ts.isArrayLiteralExpression(node)) {
    node.elements.forEach((e, i) => {
      fillScalar(unit, image, i * stride, type.of, e, context);
    });
  } else if (type.of.kind === "struct") {
    for (let i = 0; i < type.length; i++)
      fillStruct(unit, image, i * stride, type.of, null, node, context);
  }
}

/** `args` is null where no constructor call is written (elements, per-CPU templates). */
function fillStruct(
  unit: Unit,
  image: Image,
  offset: number,
  type: StructType,
  args: readonly TS.Expression[] | null,
  node: TS.Node,
  outer: ConstContext,
): void {
  const { cls } = type;
  const layout = layoutOf(unit, cls);
  checkConstructorArguments(unit, cls.name, layout.constructorParams, args?.length ?? 0, node);
  const self: StaticValue = {
    type: classType(cls, type.args),
    value: BigInt(offset),
    bits: false,
    symbol: image.name,
  };
  const inner: ConstContext = { ...moduleContext(cls.module), thisAddress: self };
  for (const field of layout.fields.values()) {
    const at = offset + field.offset;
    const argument = field.parameter >= 0 ? args?.[field.parameter] : undefined;
    const initializer = argument ?? field.node.initializer;
    const own = fieldType(unit, type, field);
    if (own.kind === "struct") {
      const written =
        initializer && ts.isNewExpression(initializer) ? (initializer.arguments ?? []) : null;
      fillStruct(unit, image, at, own, written, initializer ?? node, inner);
    } else if (own.kind === "array") {
      const nested = new ImageWindow(image, at, sizeOf(unit, own, field.node));
      fillArray(unit, nested, own, initializer ?? node, inner);
      nested.finish();
    } else if (own.kind === "percpu") {
      put(image, at, 4, {
        type: own,
        value: 0n,
        bits: false,
        symbol: perCpuField(unit, image.name, field.name, own.of, field.node, cls.module.domain),
      });
    } else if (initializer) {
      fillScalar(unit, image, at, own, initializer, argument ? outer : inner);
    }
  }
}

/** An array within an image: offsets start at the array, addresses at the image. */
class ImageWindow implements Image {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly relocations: Image["relocations"] = [];
  private readonly outer: Image;
  private readonly offset: number;

  constructor(outer: Image, offset: number, size: number) {
    this.name = outer.name;
    this.outer = outer;
    this.offset = offset;
    this.bytes = outer.bytes.subarray(offset, offset + size);
  }

  finish(): void {
    for (const r of this.relocations) {
      const addend = r.symbol === this.name ? r.addend + this.offset : r.addend;
      this.outer.relocations.push({ offset: r.offset + this.offset, symbol: r.symbol, addend });
    }
  }
}

/** A field `new PerCpu(T)`: its template is a static of its own, the field holds the template's address. */
function perCpuField(
  unit: Unit,
  owner: string,
  field: string,
  of: ClassType,
  node: TS.Node,
  domain: Domain,
): string {
  assert(domain === "kernel", "statics: per-CPU data belongs to the kernel");
  const name = unit.linkName(`${owner}.${field}`, false);
  const type = structType(of.cls, of.args);
  const image: Image = { name, bytes: new Uint8Array(sizeOf(unit, type, node)), relocations: [] };
  fillStruct(unit, image, 0, type, null, node, moduleContext(of.cls.module));
  unit.data.push({
    symbol: name,
    name,
    section: ".data..percpu",
    align: Math.max(4, alignOf(unit, type, node)),
    size: image.bytes.length,
    bytes: image.bytes,
    relocations: image.relocations,
    type: storageName(type),
    loc: 0,
  });
  return name;
}

function fillScalar(
  unit: Unit,
  image: Image,
  offset: number,
  type: Type,
  node: TS.Expression,
  context: ConstContext,
): void {
  if (ts.isNewExpression(node)) unit.diagnostics.fail(node, "K064", node.expression.getText());
  const value = evaluate(unit, node, context);
  if (!value) unit.diagnostics.fail(node, "K065", node.getText());
  put(image, offset, sizeOf(unit, type, node), convertStatic(unit, value, type, node));
}

function put(image: Image, offset: number, size: number, value: StaticValue): void {
  if (value.symbol !== null) {
    assert(size === 4, "statics: an address takes one word");
    image.relocations.push({ offset, symbol: value.symbol, addend: Number(value.value) });
    return;
  }
  for (let i = 0; i < size; i++)
    image.bytes[offset + i] = Number((value.value >> BigInt(8 * i)) & 0xffn);
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
