/**
 * Where the fields of a class are, as C would lay them out: in the order of declaration, naturally aligned, 64-bit integers
 * on 8 bytes. Constructor parameter properties are fields at the constructor's place. A type parameter is a pointer.
 */
import type TS from "typescript";
import { assert } from "../../../base/assert.ts";
import type { StructInfo } from "../../../base/hartlab-section.ts";
import { hasModifier } from "./modules.ts";
import type { ClassSymbol } from "./symbols.ts";
import { ts } from "../typescript.ts";
import {
  VOID,
  pointerType,
  storageName,
  type ClassType,
  type StructType,
  type Type,
} from "./types.ts";
import { resolveType, storageTypeOfNew, type TypeContext } from "./type-nodes.ts";
import type { Unit } from "../unit.ts";

export interface Field {
  readonly name: string;
  readonly offset: number;
  /** Storage type: `struct` and `array` are in place. */
  readonly type: Type;
  readonly node: TS.PropertyDeclaration | TS.ParameterDeclaration;
  /** Position among the constructor's parameters, or -1. */
  readonly parameter: number;
}

export interface Layout {
  readonly size: number;
  readonly align: number;
  readonly fields: ReadonlyMap<string, Field>;
  readonly constructorParams: readonly TS.ParameterDeclaration[];
}

export function layoutOf(unit: Unit, cls: ClassSymbol): Layout {
  if (cls.layout === "busy")
    unit.diagnostics.fail(cls.node.name ?? cls.node, "K030", cls.name, "f");
  if (cls.layout) return cls.layout;
  cls.layout = "busy";
  try {
    const layout = computeLayout(unit, cls);
    cls.layout = layout;
    unit.structs.set(cls.name, structInfo(unit, layout));
    return layout;
  } finally {
    if (cls.layout === "busy") cls.layout = null;
  }
}

function computeLayout(unit: Unit, cls: ClassSymbol): Layout {
  const anyObject = pointerType(VOID);
  const context: TypeContext = {
    module: cls.module,
    typeArgs: new Map(cls.typeParams.map((p) => [p, anyObject])),
    thisType: null,
  };
  const fields = new Map<string, Field>();
  let constructorParams: readonly TS.ParameterDeclaration[] = [];
  let offset = 0;
  let align = 1;
  const put = (name: string, type: Type, node: Field["node"], parameter: number) => {
    if (fields.has(name)) unit.diagnostics.fail(node, "K006", name);
    const a = alignOf(unit, type, node);
    offset = (offset + a - 1) & -a;
    fields.set(name, { name, offset, type, node, parameter });
    offset += sizeOf(unit, type, node);
    align = Math.max(align, a);
  };
  for (const member of cls.node.members) {
    if (ts.isConstructorDeclaration(member)) {
      constructorParams = member.parameters;
      checkConstructor(unit, member);
      member.parameters.forEach((p, i) => {
        if (!p.type) unit.diagnostics.fail(p, "K026", p.name.getText(), p.name.getText());
        put(p.name.getText(), resolveType(unit, p.type, context), p, i);
      });
    } else if (
      ts.isPropertyDeclaration(member) &&
      !hasModifier(member, ts.SyntaxKind.DeclareKeyword)
    ) {
      put(member.name.getText(), fieldStorage(unit, member, context), member, -1);
    }
  }
  return { size: (offset + align - 1) & -align, align, fields, constructorParams };
}

function checkConstructor(unit: Unit, node: TS.ConstructorDeclaration): void {
  if (node.body?.statements.length) {
    unit.diagnostics.report(
      node.body.statements[0]!,
      "K101",
      "a constructor body",
      "write an init function and call it",
    );
  }
  for (const p of node.parameters) {
    if (!ts.getModifiers(p)?.length)
      unit.diagnostics.report(
        p,
        "K101",
        "a constructor parameter that is no field",
        `write \`readonly ${p.getText()}\``,
      );
  }
}

function fieldStorage(unit: Unit, member: TS.PropertyDeclaration, context: TypeContext): Type {
  const { initializer } = member;
  const name = member.name.getText();
  if (hasModifier(member, ts.SyntaxKind.StaticKeyword))
    unit.diagnostics.fail(member, "K101", "a static field", "write a module-level variable");
  if (member.questionToken) unit.diagnostics.fail(member, "K113");
  if (initializer && ts.isNewExpression(initializer))
    return storageTypeOfNew(unit, initializer, context);
  if (!member.type) unit.diagnostics.fail(member, "K026", name, name);
  const type = resolveType(unit, member.type, context);
  if (type.kind === "void" || type.kind === "never" || type.kind === "varargs") {
    unit.diagnostics.fail(member.type, "K032", member.type.getText());
  }
  return type;
}

function structInfo(unit: Unit, layout: Layout): StructInfo {
  const fields = [...layout.fields.values()].map((f) => ({
    name: f.name,
    offset: f.offset,
    type: storageName(f.type),
    size: sizeOf(unit, f.type, f.node),
  }));
  return { size: layout.size, fields };
}

/**
 * An object of no bytes: which one it is makes no difference, so a direct call does not pass it. Asked of classes that consist of
 * arrays only, because a class that is just pointed at need not have a layout.
 */
export function isNothing(unit: Unit, type: Type): boolean {
  if (type.kind !== "class" || type.nullable) return false;
  const { members } = type.cls.node;
  const arrays = members.every((m) => ts.isPropertyDeclaration(m) && m.initializer && ts.isNewExpression(m.initializer));
  return members.length > 0 && arrays && layoutOf(unit, type.cls).size === 0;
}

/** Bytes of storage of this type. */
export function sizeOf(unit: Unit, type: Type, node: TS.Node): number {
  switch (type.kind) {
    case "struct":
      return layoutOf(unit, type.cls).size;
    case "array":
      return strideOf(unit, type.of, node) * type.length;
    case "int":
      return type.bytes;
    case "bool":
      return 1;
    case "class":
    case "pointer":
    case "function":
    case "string":
    case "percpu":
    case "null":
      return 4;
    default:
      return unit.diagnostics.fail(node, "K032", type.key);
  }
}

export function alignOf(unit: Unit, type: Type, node: TS.Node): number {
  if (type.kind === "struct") return layoutOf(unit, type.cls).align;
  if (type.kind === "array") return alignOf(unit, type.of, node);
  return sizeOf(unit, type, node);
}

/** Distance between elements. */
export function strideOf(unit: Unit, type: Type, node: TS.Node): number {
  return sizeOf(unit, type, node);
}

export function findField(unit: Unit, type: ClassType | StructType, name: string): Field | null {
  return layoutOf(unit, type.cls).fields.get(name) ?? null;
}

/** Type of a field with the class's type arguments filled in. */
export function fieldType(unit: Unit, type: ClassType | StructType, field: Field): Type {
  if (!type.cls.typeParams.length || field.type.kind === "array" || field.type.kind === "struct")
    return field.type;
  const { cls, args } = type;
  const node = field.node.type;
  if (!node) return field.type;
  assert(
    args.length === 0 || args.length === cls.typeParams.length,
    "layout: type arguments match parameters",
  );
  const bound = new Map(cls.typeParams.map((p, i) => [p, args[i] ?? pointerType(VOID)]));
  return resolveType(unit, node, { module: cls.module, typeArgs: bound, thisType: null });
}
