/** Contents of statics: field initialisers run at compile time, addresses become relocations. */
import { assert } from "../../../base/assert.ts";
import { type ConstContext, type StaticValue, evaluate } from "./consteval.ts";
import { alignOf, fieldType, layoutOf, sizeOf, strideOf } from "../types/layout.ts";
import { checkConstructorArguments, convertStatic } from "./statics.ts";
import type { Domain, StaticSymbol } from "../types/symbols.ts";
import { moduleContext } from "../types/type-nodes.ts";
import {
  type ClassType,
  type StructType,
  type Type,
  classType,
  storageName,
  structType,
} from "../types/types.ts";
import { ts } from "../typescript.ts";
import type { PendingStatic, Unit } from "../unit.ts";
import type TS from "typescript";

/** Storage of one static. */
const STATIC_BYTES_MAX = 64 << 20;

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
  const size = sizeOf(unit, storage, node);
  if (size > STATIC_BYTES_MAX) {
    unit.diagnostics.fail(
      node,
      "K033",
      symbol.name,
      size,
      STATIC_BYTES_MAX,
      "allocate it from the page allocator",
    );
  }
  const image: Image = {
    name,
    bytes: new Uint8Array(size),
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
  if (domain !== "kernel") unit.diagnostics.fail(node, "K068");
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
  if (!value && ts.isIdentifier(node) && !unit.modules.lookup(context.module, node.text))
    unit.diagnostics.fail(node, "K020", node.text, "declare it in this module, or import it");
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
