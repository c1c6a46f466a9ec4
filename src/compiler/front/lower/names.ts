/** Names as values: variables, statics, functions, fields, enum members, configuration keys. */
import { configValue, enumMember, evaluate } from "../constants/consteval.ts";
import { lowerExpression } from "./expressions.ts";
import {
  type Lowering,
  type Scope,
  constContext,
  findVariable,
  staticOperand,
} from "./lowering.ts";
import { intrinsicNames } from "../call/intrinsics.ts";
import { closestName } from "../spelling.ts";
import type { Operand } from "./operand.ts";
import { fieldPlace, loadPlace, namedPlace, variablePlace } from "./places.ts";
import { CLASS_VALUE, LITERAL, U32, typeName } from "../types/types.ts";
import { ts } from "../typescript.ts";
import type TS from "typescript";

export function unknownName(f: Lowering, node: TS.Identifier, scope: Scope): never {
  if (node.text === "undefined") f.diagnostics.fail(node, "K113");
  return f.diagnostics.fail(node, "K020", node.text, unknownNameHint(f, node.text, scope));
}

const NO_LIBRARY = "JavaScript's own library does not exist here: see kernel/lib/";
/** Names that JavaScript programs take for granted, and what to use. */
const JAVASCRIPT: ReadonlyMap<string, string> = new Map([
  ["console", "print with pr_info() of kernel/lib/printk.ts"],
  ["setTimeout", "sleep with msleep() of kernel/sched/timer.ts, in a kthread"],
  ["Math", "compare: `a < b ? a : b`"],
  ["NaN", "integers are always a number; return an error number"],
  ["Infinity", "use the largest value of the type, such as ~0"],
  ["arguments", "name the parameters; `...args: vararg[]` takes any number"],
  ["eval", "all code is compiled beforehand"],
  ...[
    "Array",
    "Map",
    "Set",
    "Object",
    "JSON",
    "Date",
    "Promise",
    "Error",
    "Number",
    "String",
    "BigInt",
    "Uint8Array",
  ].map((name) => [name, NO_LIBRARY] as const),
]);

/** Where the name can be imported from, or what was probably meant. */
function unknownNameHint(f: Lowering, name: string, scope: Scope): string {
  const instead = JAVASCRIPT.get(name);
  if (instead) return instead;
  for (const module of f.unit.modules.all) {
    const symbol = module.names.get(name);
    if (symbol && "exported" in symbol && symbol.exported)
      return `import { ${name} } from "${module.path}"`;
  }
  const known = [...scope.activation.module.names.keys(), ...intrinsicNames()];
  for (let s: Scope | null = scope; s; s = s.up) known.unshift(...s.names.keys());
  const meant = closestName(name, known);
  return meant === null
    ? "declare it, or import it from the module that exports it"
    : `did you mean ${meant}?`;
}

/** An identifier as a value. */
export function lowerIdentifier(f: Lowering, node: TS.Identifier, scope: Scope): Operand {
  const variable = findVariable(scope, node.text);
  if (variable) {
    if (variable.type.kind === "error") f.diagnostics.stop();
    if (variable.constant) return variable.constant;
    return loadPlace(f, variablePlace(f, variable));
  }
  const symbol = f.unit.modules.lookup(scope.activation.module, node.text);
  switch (symbol?.kind) {
    case "class":
      return { type: CLASS_VALUE, words: [], cls: symbol };
    case "static": {
      const value = evaluate(f.unit, node, constContext(scope));
      return value ? staticOperand(f, value) : loadPlace(f, namedPlace(f, node, scope));
    }
    case "function": {
      if (symbol.generator) f.diagnostics.fail(node, "K083", symbol.name);
      return staticOperand(f, evaluate(f.unit, node, constContext(scope))!);
    }
    case "enum":
    case "alias":
    case "config":
      return f.diagnostics.fail(node, "K029", node.text, "name one of its members");
    default:
      return unknownName(f, node, scope);
  }
}

/** `a.b` as a value: a field, an enum member or a configuration key. */
export function lowerProperty(
  f: Lowering,
  node: TS.PropertyAccessExpression,
  scope: Scope,
): Operand {
  if (node.questionDotToken) f.diagnostics.fail(node, "K101", "`?.`", "test for null first");
  let root: TS.Expression = node.expression;
  while (ts.isPropertyAccessExpression(root)) root = root.expression;
  if (ts.isIdentifier(root) && !findVariable(scope, root.text)) {
    const symbol = f.unit.modules.lookup(scope.activation.module, root.text);
    if (symbol?.kind === "config") {
      const value = configValue(f.unit, node, constContext(scope));
      if (value) return staticOperand(f, value);
    }
    if (symbol?.kind === "enum" && root === node.expression) {
      return {
        type: LITERAL,
        words: [],
        literal: { value: enumMember(f.unit, symbol, node), bits: false },
      };
    }
  }
  const object = lowerExpression(f, node.expression, scope);
  const length = node.name.text === "length" ? lengthOf(f, node, object) : null;
  return length ?? loadPlace(f, fieldPlace(f, node, scope, object));
}

/** `.length` of an array whose length is known, or of a rest parameter. */
function lengthOf(f: Lowering, node: TS.PropertyAccessExpression, object: Operand): Operand | null {
  if (object.type.kind === "array") return { type: U32, words: [f.b.constant(object.type.length)] };
  if (object.type.kind === "varargs") return { type: U32, words: [object.words[1]!] };
  if (object.type.kind === "pointer") {
    return f.diagnostics.fail(
      node.name,
      "K021",
      typeName(object.type),
      "length",
      "pass the length along: a pointer does not know it",
    );
  }
  return null;
}
