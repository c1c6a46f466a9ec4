/** From a type as written to a `Type`. */
import type TS from "typescript";
import type { Module } from "./symbols.ts";
import { ts } from "../typescript.ts";
import {
  BASE_TYPES,
  BOOL,
  CLASS_VALUE,
  FIELD_NAME,
  I32,
  NEVER,
  NULL,
  STRING,
  U32,
  VARARGS,
  VOID,
  arrayType,
  classType,
  functionType,
  nullableOf,
  perCpuType,
  pointerType,
  structType,
  type ClassType,
  type Type,
} from "./types.ts";
import type { Unit } from "../unit.ts";
import { enumValues, evaluate } from "../constants/consteval.ts";

/** What names in a type refer to. */
export interface TypeContext {
  readonly module: Module;
  readonly typeArgs: ReadonlyMap<string, Type>;
  readonly thisType: Type | null;
}

export const NO_TYPE_ARGS: ReadonlyMap<string, Type> = new Map();

export function moduleContext(module: Module): TypeContext {
  return { module, typeArgs: NO_TYPE_ARGS, thisType: null };
}

/** The type of a value declared with `node`; class names mean pointers. */
export function resolveType(unit: Unit, node: TS.TypeNode, context: TypeContext): Type {
  const k = ts.SyntaxKind;
  switch (node.kind) {
    case k.BooleanKeyword:
      return BOOL;
    case k.VoidKeyword:
      return VOID;
    case k.NeverKeyword:
      return NEVER;
    case k.StringKeyword:
      return STRING;
    case k.ObjectKeyword:
      return pointerType(VOID);
    case k.NumberKeyword:
      return unit.diagnostics.fail(node, "K023");
    case k.ThisType:
      return context.thisType ?? unit.diagnostics.fail(node, "K025", "`this`", "name the class");
    case k.UndefinedKeyword:
      return unit.diagnostics.fail(node, "K113");
    case k.AnyKeyword:
    case k.UnknownKeyword:
    case k.BigIntKeyword:
    case k.SymbolKeyword:
      return unit.diagnostics.fail(
        node,
        "K025",
        `\`${node.getText()}\``,
        "name an integer type or a class; `object` is the address of anything",
      );
  }
  if (ts.isParenthesizedTypeNode(node)) return resolveType(unit, node.type, context);
  if (ts.isLiteralTypeNode(node)) {
    if (node.literal.kind === k.NullKeyword) return NULL;
    return unit.diagnostics.fail(node, "K025", "a literal type", "use u32 and a const enum");
  }
  if (ts.isUnionTypeNode(node)) return unionType(unit, node, context);
  if (ts.isFunctionTypeNode(node)) {
    const params = node.parameters.map((p) =>
      p.type
        ? resolveType(unit, p.type, context)
        : unit.diagnostics.fail(p, "K026", p.name.getText(), p.name.getText()),
    );
    return functionType(params, resolveType(unit, node.type, context));
  }
  if (ts.isArrayTypeNode(node)) {
    if (node.elementType.getText() === "vararg") return VARARGS;
    return pointerType(resolveType(unit, node.elementType, context));
  }
  if (ts.isTypeOperatorNode(node)) {
    return node.operator === k.KeyOfKeyword ? FIELD_NAME : resolveType(unit, node.type, context);
  }
  if (ts.isTypeReferenceNode(node)) return namedType(unit, node, context);
  return unit.diagnostics.fail(node, "K025", `\`${node.getText()}\``, "declare a class for it");
}

function unionType(unit: Unit, node: TS.UnionTypeNode, context: TypeContext): Type {
  const isNull = (t: TS.TypeNode) =>
    ts.isLiteralTypeNode(t) && t.literal.kind === ts.SyntaxKind.NullKeyword;
  const parts = node.types.filter((t) => !isNull(t));
  if (parts.length !== 1 || parts.length === node.types.length) unit.diagnostics.fail(node, "K024");
  const type = resolveType(unit, parts[0]!, context);
  if (!("nullable" in type))
    unit.diagnostics.fail(node, "K025", `\`${node.getText()}\``, "only pointers can be null");
  return nullableOf(type);
}

function namedType(unit: Unit, node: TS.TypeReferenceNode, context: TypeContext): Type {
  const name = node.typeName.getText();
  const bound = context.typeArgs.get(name);
  if (bound) return bound;
  const base = BASE_TYPES.get(name);
  if (base) return base;
  const args = node.typeArguments ?? [];
  const arg = (i: number) =>
    args[i]
      ? resolveType(unit, args[i], context)
      : unit.diagnostics.fail(node, "K027", name, 1, args.length);
  switch (name) {
    case "Ptr":
    case "FixedArray":
      return pointerType(arg(0));
    case "StructArray":
      return pointerType(embedded(unit, args[0] ?? node, arg(0)));
    case "PerCpu":
      return perCpuType(classOnly(unit, args[0] ?? node, arg(0)));
    case "Struct":
      return CLASS_VALUE;
    case "FieldOf":
      return FIELD_NAME;
    case "NoInfer":
      return arg(0);
    case "vararg":
      return U32;
    case "Generator":
      return arg(0);
  }
  const symbol = unit.modules.lookup(context.module, name);
  switch (symbol?.kind) {
    case "class":
      if (args.length !== symbol.typeParams.length) {
        unit.diagnostics.fail(node, "K027", name, symbol.typeParams.length, args.length);
      }
      return classType(
        symbol,
        args.map((a) => resolveType(unit, a, context)),
      );
    case "alias": {
      const typeArgs = new Map(symbol.typeParams.map((p, i) => [p, arg(i)]));
      if (unit.openAliases.has(symbol)) unit.diagnostics.fail(node, "K034", name);
      unit.openAliases.add(symbol);
      try {
        return resolveType(unit, symbol.node.type, {
          module: symbol.module,
          typeArgs,
          thisType: null,
        });
      } finally {
        unit.openAliases.delete(symbol);
      }
    }
    case "enum":
      return [...enumValues(unit, symbol).values()].some((v) => v < 0n) ? I32 : U32;
    case "config":
      return U32;
    default:
      return unit.diagnostics.fail(node, "K022", name);
  }
}

function classOnly(unit: Unit, node: TS.Node, type: Type): ClassType {
  return type.kind === "class"
    ? type
    : unit.diagnostics.fail(node, "K025", `\`${node.getText()}\``, "name a class here");
}

function embedded(unit: Unit, node: TS.Node, type: Type): Type {
  const { cls, args } = classOnly(unit, node, type);
  return structType(cls, args);
}

/** The storage that `new X(...)` names. */
export function storageTypeOfNew(unit: Unit, node: TS.NewExpression, context: TypeContext): Type {
  const name = node.expression.getText();
  const args = node.arguments ?? [];
  if (name === "FixedArray") {
    const element = node.typeArguments?.[0];
    if (!element) unit.diagnostics.fail(node, "K027", name, 1, 0);
    return arrayType(
      resolveType(unit, element, context),
      lengthOf(unit, args[0] ?? node, name, context),
    );
  }
  if (name === "StructArray" || name === "PerCpu") {
    const cls = args[0] ? unit.modules.lookup(context.module, args[0].getText()) : null;
    if (cls?.kind !== "class")
      return unit.diagnostics.fail(
        args[0] ?? node,
        "K025",
        `\`${args[0]?.getText() ?? name}\``,
        "name a class here",
      );
    if (name === "PerCpu") return perCpuType(classType(cls));
    return arrayType(structType(cls), lengthOf(unit, args[1] ?? node, name, context));
  }
  const cls = unit.modules.lookup(context.module, name);
  if (cls?.kind !== "class") return unit.diagnostics.fail(node.expression, "K064", name);
  const written = node.typeArguments?.map((a) => resolveType(unit, a, context)) ?? [];
  if (written.length !== cls.typeParams.length) {
    unit.diagnostics.fail(node, "K027", name, cls.typeParams.length, written.length);
  }
  return structType(cls, written);
}

function lengthOf(unit: Unit, node: TS.Node, name: string, context: TypeContext): number {
  const value = ts.isExpression(node) ? evaluate(unit, node, context) : null;
  if (!value || value.symbol || value.value < 0n || value.value > 0x1000_0000n)
    unit.diagnostics.fail(node, "K031", name);
  return Number(value.value);
}
