/**
 * The types of kernel TypeScript.
 *
 * Types are compared by `key`; whether a pointer may be null is kept beside the key, because null safety is tsc's gate and
 * the compiler only refuses a literal `null`. A class-typed value is a pointer (`class`); the storage itself is `struct`.
 */
import type { ClassSymbol } from "./symbols.ts";

export interface IntType {
  readonly kind: "int";
  readonly key: string;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly signed: boolean;
}
export interface SimpleType {
  /** `literal`: an untyped constant. `error`: something already reported. `varargs`: pointer and count. */
  readonly kind: "bool" | "void" | "never" | "null" | "literal" | "varargs" | "error";
  readonly key: string;
}
export interface StringType {
  readonly kind: "string";
  readonly key: string;
  readonly nullable: boolean;
}
/** A pointer to a structure. */
export interface ClassType {
  readonly kind: "class";
  readonly key: string;
  readonly cls: ClassSymbol;
  readonly args: readonly Type[];
  readonly nullable: boolean;
}
/** The structure itself, in place. */
export interface StructType {
  readonly kind: "struct";
  readonly key: string;
  readonly cls: ClassSymbol;
  readonly args: readonly Type[];
}
/** `Ptr<T>` (`to` is a value type) or `StructArray<T>` (`to` is a struct). */
export interface PointerType {
  readonly kind: "pointer";
  readonly key: string;
  readonly to: Type;
  readonly nullable: boolean;
}
/** The elements themselves, in place. */
export interface ArrayType {
  readonly kind: "array";
  readonly key: string;
  readonly of: Type;
  readonly length: number;
}
export interface FunctionType {
  readonly kind: "function";
  readonly key: string;
  readonly params: readonly Type[];
  readonly result: Type;
  readonly nullable: boolean;
}
export interface PerCpuType {
  readonly kind: "percpu";
  readonly key: string;
  readonly of: ClassType;
}
/** A class or a field name as an argument: exists at compile time only. */
export interface NameType {
  readonly kind: "classvalue" | "fieldname";
  readonly key: string;
}
export type Type =
  | IntType
  | SimpleType
  | StringType
  | ClassType
  | StructType
  | PointerType
  | ArrayType
  | FunctionType
  | PerCpuType
  | NameType;

function int(key: string, bytes: 1 | 2 | 4 | 8, signed: boolean): IntType {
  return { kind: "int", key, bytes, signed };
}
function simple(kind: SimpleType["kind"], key: string): SimpleType {
  return { kind, key };
}

export const U8 = int("u8", 1, false);
export const I8 = int("i8", 1, true);
export const U16 = int("u16", 2, false);
export const I16 = int("i16", 2, true);
export const U32 = int("u32", 4, false);
export const I32 = int("i32", 4, true);
export const U64 = int("u64", 8, false);
export const I64 = int("i64", 8, true);
export const BOOL = simple("bool", "boolean");
export const VOID = simple("void", "void");
export const NEVER = simple("never", "never");
export const NULL = simple("null", "null");
export const LITERAL = simple("literal", "a constant");
export const VARARGS = simple("varargs", "vararg[]");
export const ERROR = simple("error", "?");
export const STRING: StringType = { kind: "string", key: "string", nullable: false };
export const CLASS_VALUE: NameType = { kind: "classvalue", key: "a class" };
export const FIELD_NAME: NameType = { kind: "fieldname", key: "a field name" };

/** Names that are types by themselves. */
export const BASE_TYPES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ...[U8, I8, U16, I16, U32, I32, U64, I64].map((t) => [t.key, t] as const),
  ["usize", U32],
]);

function argumentKeys(args: readonly Type[]): string {
  return args.length ? `<${args.map((a) => a.key).join(",")}>` : "";
}

export function classType(
  cls: ClassSymbol,
  args: readonly Type[] = [],
  nullable = false,
): ClassType {
  return { kind: "class", key: `#${cls.id}${argumentKeys(args)}`, cls, args, nullable };
}

export function structType(cls: ClassSymbol, args: readonly Type[] = []): StructType {
  return { kind: "struct", key: `struct #${cls.id}${argumentKeys(args)}`, cls, args };
}

export function pointerType(to: Type, nullable = false): PointerType {
  return { kind: "pointer", key: `Ptr<${to.key}>`, to, nullable };
}

export function arrayType(of: Type, length: number): ArrayType {
  return { kind: "array", key: `${of.key}[${length}]`, of, length };
}

export function functionType(
  params: readonly Type[],
  result: Type,
  nullable = false,
): FunctionType {
  return {
    kind: "function",
    key: `(${params.map((p) => p.key).join(",")})=>${result.key}`,
    params,
    result,
    nullable,
  };
}

export function perCpuType(of: ClassType): PerCpuType {
  return { kind: "percpu", key: `PerCpu<${of.key}>`, of };
}

/** The same type, for a pointer that may be null. */
export function nullableOf(type: Type): Type {
  return "nullable" in type && !type.nullable ? { ...type, nullable: true } : type;
}

export function sameType(a: Type, b: Type): boolean {
  return a === b || a.key === b.key;
}

/** One machine word that holds an address. */
export function isAddress(type: Type): boolean {
  return (
    type.kind === "class" ||
    type.kind === "pointer" ||
    type.kind === "function" ||
    type.kind === "string"
  );
}

/** The type of the value that names this storage: a structure or an array is named by its address. */
export function valueTypeOf(storage: Type): Type {
  return storage.kind === "struct" ? classType(storage.cls, storage.args) : storage;
}

/** Words that a value occupies in registers. */
export function wordsOf(type: Type): 0 | 1 | 2 {
  switch (type.kind) {
    case "int":
      return type.bytes === 8 ? 2 : 1;
    case "varargs":
      return 2;
    case "void":
    case "never":
    case "literal":
    case "classvalue":
    case "fieldname":
      return 0;
    default:
      return 1;
  }
}

/** Operands below 32 bits widen before arithmetic. */
export function widened(type: IntType): IntType {
  if (type.bytes >= 4) return type;
  return type.signed ? I32 : U32;
}

/** As the source would write it. */
export function typeName(type: Type): string {
  const suffix = "nullable" in type && type.nullable ? " | null" : "";
  switch (type.kind) {
    case "class":
    case "struct":
      return (
        type.cls.name + (type.args.length ? `<${type.args.map(typeName).join(", ")}>` : "") + suffix
      );
    case "pointer":
      return `${type.to.kind === "struct" ? "StructArray" : "Ptr"}<${typeName(type.to)}>${suffix}`;
    case "array":
      return `${type.of.kind === "struct" ? "StructArray" : "FixedArray"}<${typeName(type.of)}>`;
    case "function": {
      const name = `(${type.params.map(typeName).join(", ")}) => ${typeName(type.result)}`;
      return suffix ? `(${name})${suffix}` : name;
    }
    case "percpu":
      return `PerCpu<${typeName(type.of)}>`;
    default:
      return type.key + suffix;
  }
}

/** As `.hartlab` and the debugger name it: `list_head`, `rb_node*`, `u32[16]`. */
export function storageName(type: Type): string {
  switch (type.kind) {
    case "struct":
      return type.cls.name;
    case "class":
      return `${type.cls.name}*`;
    case "pointer":
      return `${storageName(type.to)}*`;
    case "array":
      return `${storageName(type.of)}[${type.length}]`;
    case "percpu":
      return `${type.of.cls.name}*`;
    case "function":
      return "function*";
    default:
      return type.key;
  }
}
