/**
 * `kernel/config.ts` read as data, the values of one build, and the declaration that tsc sees (ABI.md section 4).
 *
 * In code `CONFIG.kmemleak.design` is the key `kmemleak.design`; an enum value is its index in the union of the values of
 * all keys with the same enum name; `-` in a value becomes `_`.
 */
import type TS from "typescript";
import type { Diagnostics } from "./diagnostics.ts";
import { ts } from "./typescript.ts";

export type ConfigValue = string | number | boolean;

export interface Option {
  readonly key: string;
  readonly type: "bool" | "u32" | "enum";
  /** Of an enum. */
  readonly values: readonly string[];
  readonly enumName: string;
  readonly min: number;
  readonly max: number;
  readonly default: ConfigValue;
  readonly doc: string;
  /** Keys with the values without which this one does nothing. */
  readonly needs: Readonly<Record<string, ConfigValue>>;
}

export interface Config {
  readonly options: ReadonlyMap<string, Option>;
  /** Every key with its value in this build. */
  readonly values: Readonly<Record<string, ConfigValue>>;
  /** Enum name -> member -> index. */
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export const CONFIG_PATH = "kernel/config.ts";
const MEMBER_PATTERN = /-/g;

/** The option table of the source text; null after reporting why it cannot be read. */
export function readOptions(text: string, diagnostics: Diagnostics): Map<string, Option> | null {
  const source = ts.createSourceFile(CONFIG_PATH, text, ts.ScriptTarget.Latest, true);
  let table: TS.ObjectLiteralExpression | null = null;
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const d of statement.declarationList.declarations) {
      if (ts.isIdentifier(d.name) && d.name.text === "OPTIONS" && d.initializer)
        table = objectIn(d.initializer);
    }
  }
  if (!table) {
    diagnostics.report(source, "K010", "kernel/config.ts has no object literal OPTIONS");
    return null;
  }
  const options = new Map<string, Option>();
  for (const property of table.properties) {
    const record = ts.isPropertyAssignment(property) ? objectIn(property.initializer) : null;
    const key =
      property.name && (ts.isStringLiteral(property.name) || ts.isIdentifier(property.name))
        ? property.name.text
        : "";
    if (!record || !key)
      diagnostics.report(property, "K010", 'an option is `"key": { type, default, doc }`');
    else options.set(key, optionOf(key, record));
  }
  return options;
}

function objectIn(node: TS.Expression): TS.ObjectLiteralExpression | null {
  if (
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isParenthesizedExpression(node)
  )
    return objectIn(node.expression);
  return ts.isObjectLiteralExpression(node) ? node : null;
}

function recordOf(record: TS.ObjectLiteralExpression): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const p of record.properties) {
    if (ts.isPropertyAssignment(p) && (ts.isIdentifier(p.name) || ts.isStringLiteral(p.name)))
      data[p.name.text] = plainValue(p.initializer);
  }
  return data;
}

function optionOf(key: string, record: TS.ObjectLiteralExpression): Option {
  const data = recordOf(record);
  const type = data.type === "bool" || data.type === "enum" ? data.type : "u32";
  return {
    key,
    type,
    values: Array.isArray(data.values) ? data.values.map(String) : [],
    enumName:
      typeof data.enum === "string" ? data.enum : key.toUpperCase().replace(/[^A-Z0-9]/g, "_"),
    min: typeof data.min === "number" ? data.min : 0,
    max: typeof data.max === "number" ? data.max : 0xffff_ffff,
    default: data.default as ConfigValue,
    doc: typeof data.doc === "string" ? data.doc : "",
    needs: (data.needs ?? {}) as Record<string, ConfigValue>,
  };
}

function plainValue(node: TS.Expression): unknown {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isArrayLiteralExpression(node)) return node.elements.map(plainValue);
  if (ts.isObjectLiteralExpression(node)) return recordOf(node);
  if (ts.isAsExpression(node)) return plainValue(node.expression);
  return null;
}

/** Defaults overlaid with what this build sets; unknown keys, wrong values and keys that would do nothing are problems. */
export function resolveConfig(
  options: ReadonlyMap<string, Option>,
  given: Readonly<Record<string, ConfigValue>>,
  diagnostics: Diagnostics,
): Config {
  const values: Record<string, ConfigValue> = {};
  for (const option of options.values()) values[option.key] = option.default;
  for (const key of Object.keys(given).sort()) {
    const option = options.get(key);
    const wrong = option
      ? valueProblem(option, given[key]!)
      : `there is no configuration key ${key}`;
    if (wrong) diagnostics.report(null, "K010", wrong);
    else values[key] = given[key]!;
  }
  for (const option of options.values()) {
    if (values[option.key] === option.default) continue;
    const missing = Object.entries(option.needs).find(([other, value]) => values[other] !== value);
    if (missing) diagnostics.report(null, "K010", `${option.key} does nothing without ${missing.join("=")}`);
  }
  return { options, values, enums: enumsOf(options) };
}

function valueProblem(option: Option, value: ConfigValue): string | null {
  const { key, type } = option;
  if (type === "bool")
    return typeof value === "boolean" ? null : `${key} is true or false, not ${value}`;
  if (type === "enum")
    return option.values.includes(String(value))
      ? null
      : `${key} is one of ${option.values.join(", ")}, not ${value}`;
  const fits =
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= option.min &&
    value <= option.max;
  return fits ? null : `${key} is an integer from ${option.min} to ${option.max}, not ${value}`;
}

function enumsOf(options: ReadonlyMap<string, Option>): Map<string, Map<string, number>> {
  const enums = new Map<string, Map<string, number>>();
  for (const option of options.values()) {
    if (option.type !== "enum") continue;
    let members = enums.get(option.enumName);
    if (!members) enums.set(option.enumName, (members = new Map()));
    for (const value of option.values) {
      const member = value.replace(MEMBER_PATTERN, "_");
      if (!members.has(member)) members.set(member, members.size);
    }
  }
  return enums;
}

/** The number that a key's value has in code. */
export function configNumber(config: Config, option: Option): number {
  const value = config.values[option.key]!;
  if (option.type !== "enum") return Number(value);
  return config.enums.get(option.enumName)?.get(String(value).replace(MEMBER_PATTERN, "_")) ?? 0;
}

interface Tree {
  [name: string]: Tree | Option;
}

function isOption(node: Tree | Option): node is Option {
  return typeof (node as Option).key === "string" && "doc" in node;
}

/** Contents of kernel/config.generated.d.ts. */
export function configDeclaration(options: ReadonlyMap<string, Option>): string {
  const tree: Tree = {};
  for (const option of options.values()) {
    const path = option.key.split(".");
    let at = tree;
    for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Tree;
    at[path.at(-1)!] = option;
  }
  const lines = [
    "// Generated by the compiler from kernel/config.ts; do not edit.",
    'declare module "config" {',
  ];
  for (const [name, members] of enumsOf(options)) {
    lines.push(
      `  export const enum ${name} { ${[...members].map(([m, i]) => `${m} = ${i}`).join(", ")} }`,
    );
  }
  lines.push("  export const CONFIG: {", ...declarationOf(tree, "    "), "  };", "}");
  return `${lines.join("\n")}\n`;
}

function declarationOf(tree: Tree, indent: string): string[] {
  const lines: string[] = [];
  for (const [name, node] of Object.entries(tree)) {
    if (isOption(node)) {
      const type = node.type === "bool" ? "boolean" : node.type === "u32" ? "u32" : node.enumName;
      lines.push(`${indent}/** ${node.doc} */`, `${indent}readonly ${name}: ${type};`);
    } else {
      lines.push(
        `${indent}readonly ${name}: {`,
        ...declarationOf(node, `${indent}  `),
        `${indent}};`,
      );
    }
  }
  return lines;
}
