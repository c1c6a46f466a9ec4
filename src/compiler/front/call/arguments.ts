/** Arguments of a call of a known function: counted, evaluated from left to right, converted; type parameters inferred. */
import type { Value } from "../../ir.ts";
import { convert } from "../lower/convert.ts";
import { checkFormat, takesFormat, templateFormat } from "./format.ts";
import { lowerExpression, lowerString } from "../lower/expressions.ts";
import {
  type Activation,
  type Lowering,
  type Scope,
  activationScope,
  findVariable,
} from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import type { FunctionSymbol } from "../types/symbols.ts";
import { type TypeContext, resolveType } from "../types/type-nodes.ts";
import { type Type, U32, typeName } from "../types/types.ts";
import { ts } from "../typescript.ts";
import type TS from "typescript";

export interface Callee {
  readonly fn: FunctionSymbol;
  readonly self: Operand | null;
}

/** The function that a call names directly; null for a call through a pointer or of an intrinsic. */
export function findCallee(f: Lowering, call: TS.CallExpression, scope: Scope): Callee | null {
  const target = call.expression;
  if (ts.isIdentifier(target)) {
    if (findVariable(scope, target.text)) return null;
    const symbol = f.unit.modules.lookup(scope.activation.module, target.text);
    return symbol?.kind === "function" ? { fn: symbol, self: null } : null;
  }
  return null;
}

export interface Arguments {
  readonly values: readonly Operand[];
  readonly types: readonly Type[];
  readonly typeArgs: ReadonlyMap<string, Type>;
  /** Words behind the declared parameters, when the last one is a rest parameter. */
  readonly rest: readonly Value[] | null;
}

export function parameterName(p: TS.ParameterDeclaration): string {
  return p.name.getText();
}

/** Evaluates and converts the arguments of a call, from left to right. */
export function evaluateArguments(
  f: Lowering,
  call: TS.CallExpression,
  callee: Callee,
  scope: Scope,
): Arguments {
  const { fn, self } = callee;
  const params = fn.node.parameters;
  const last = params.at(-1);
  const hasRest = last?.dotDotDotToken !== undefined;
  const declared = hasRest ? params.slice(0, -1) : params;
  checkCount(f, call, fn, declared, hasRest);
  const typeArgs = explicitTypeArgs(f, call, fn, self, scope);
  const context: TypeContext = { module: fn.module, typeArgs, thisType: self?.type ?? null };
  const generic = fn.typeParams.some((t) => !typeArgs.has(t));

  let inTemplate: readonly Operand[] = [];
  const raw = declared.map((p, i) => {
    const written = call.arguments[i];
    const want = generic ? null : parameterType(f, p, context);
    if (i === declared.length - 1 && written && ts.isTemplateExpression(written) && takesFormat(params)) {
      inTemplate = written.templateSpans.map((span) => lowerExpression(f, span.expression, scope));
      return lowerString(f, templateFormat(f, written, inTemplate));
    }
    return written ? lowerExpression(f, written, scope, want) : defaultArgument(f, fn, p, scope);
  });
  if (generic) {
    declared.forEach((p, i) => {
      p.type && inferTypeArgs(f, p.type, raw[i]!, fn, typeArgs);
    });
    for (const t of fn.typeParams) {
      if (!typeArgs.has(t)) f.diagnostics.fail(call, "K028", t, fn.name);
    }
  }
  const types = declared.map((p) => parameterType(f, p, context));
  const values = raw.map((a, i) => bindable(f, a, types[i]!, call.arguments[i] ?? call));
  if (!hasRest) return { values, types, typeArgs, rest: null };
  const more = call.arguments.slice(declared.length);
  const node = call.arguments[declared.length - 1];
  const text = raw.at(-1)?.text;
  const known = node && (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node));
  const format = known && text !== undefined && takesFormat(params) ? { node, text } : null;
  const rest = lowerRest(f, call, more, format, inTemplate, scope);
  return { values, types, typeArgs, rest };
}

function checkCount(
  f: Lowering,
  call: TS.CallExpression,
  fn: FunctionSymbol,
  declared: readonly TS.ParameterDeclaration[],
  hasRest: boolean,
): void {
  for (const p of declared) if (p.questionToken) f.diagnostics.fail(p, "K107", parameterName(p));
  const required = declared.filter((p) => !p.initializer).length;
  const given = call.arguments.length;
  if (given >= required && (hasRest || given <= declared.length)) return;
  const expected =
    required === declared.length ? String(required) : `${required} to ${declared.length}`;
  const plural = expected === "1" ? "argument" : "arguments";
  const list = fn.node.parameters.map((p) => p.getText()).join(", ");
  f.diagnostics.fail(
    call,
    "K080",
    fn.name,
    `${hasRest ? "at least " : ""}${expected} ${plural}`,
    given,
    list,
  );
}

function parameterType(f: Lowering, p: TS.ParameterDeclaration, context: TypeContext): Type {
  if (p.type) return resolveType(f.unit, p.type, context);
  return f.diagnostics.fail(p, "K026", parameterName(p), parameterName(p));
}

function defaultArgument(
  f: Lowering,
  fn: FunctionSymbol,
  p: TS.ParameterDeclaration,
  scope: Scope,
): Operand {
  const activation: Activation = { ...scope.activation, module: fn.module, locations: new Map() };
  return lowerExpression(f, p.initializer!, activationScope(activation));
}

/** Type parameters of the class of `this`. */
export function classTypeArgs(self: Operand | null): Map<string, Type> {
  const typeArgs = new Map<string, Type>();
  if (self?.type.kind === "class") {
    const { cls, args } = self.type;
    cls.typeParams.forEach((t, i) => {
      args[i] && typeArgs.set(t, args[i]);
    });
  }
  return typeArgs;
}

function explicitTypeArgs(
  f: Lowering,
  call: TS.CallExpression,
  fn: FunctionSymbol,
  self: Operand | null,
  scope: Scope,
): Map<string, Type> {
  const typeArgs = classTypeArgs(self);
  const written = call.typeArguments ?? [];
  if (written.length && written.length !== fn.typeParams.length) {
    f.diagnostics.fail(call, "K027", fn.name, fn.typeParams.length, written.length);
  }
  written.forEach((t, i) => {
    typeArgs.set(fn.typeParams[i]!, resolveType(f.unit, t, scope.activation));
  });
  return typeArgs;
}

/** Binds type parameters that the parameter's type names to what the argument is. */
function inferTypeArgs(
  f: Lowering,
  node: TS.TypeNode,
  a: Operand,
  fn: FunctionSymbol,
  found: Map<string, Type>,
): void {
  if (ts.isParenthesizedTypeNode(node)) {
    inferTypeArgs(f, node.type, a, fn, found);
    return;
  }
  if (ts.isUnionTypeNode(node)) {
    for (const t of node.types) inferTypeArgs(f, t, a, fn, found);
    return;
  }
  if (!ts.isTypeReferenceNode(node)) return;
  const name = node.typeName.getText();
  if (fn.typeParams.includes(name)) {
    const type = a.literal ? U32 : a.type;
    if (!found.has(name) && type.kind !== "null") found.set(name, type);
    return;
  }
  const inner = node.typeArguments?.[0];
  if (!inner) return;
  const type =
    name === "Struct" && a.cls
      ? ({ kind: "class", key: `#${a.cls.id}`, cls: a.cls, args: [], nullable: false } as const)
      : a.type.kind === "pointer"
        ? a.type.to
        : a.type.kind === "array"
          ? a.type.of
          : a.type.kind === "class"
            ? a.type.args[0]
            : undefined;
  if (type) inferTypeArgs(f, inner, { type, words: [] }, fn, found);
}

/** An argument converted to its parameter; classes and field names stay what they are. */
function bindable(f: Lowering, a: Operand, type: Type, node: TS.Node): Operand {
  if (type.kind === "classvalue")
    return a.cls
      ? a
      : f.diagnostics.fail(node, "K040", typeName(a.type), "a class", "name the class");
  if (type.kind === "fieldname") {
    return a.text !== undefined
      ? a
      : f.diagnostics.fail(node, "K040", typeName(a.type), "a field name", "write it as a string");
  }
  return convert(f, a, type, node);
}

/** Pointer and count of the words of a rest parameter; `inTemplate` are those that the template `format` held. */
function lowerRest(
  f: Lowering,
  call: TS.CallExpression,
  args: readonly TS.Expression[],
  format: { readonly node: TS.Node; readonly text: string } | null,
  inTemplate: readonly Operand[],
  scope: Scope,
): Value[] {
  const first = args[0];
  if (first && ts.isSpreadElement(first)) {
    const passed = lowerExpression(f, first.expression, scope);
    if (passed.type.kind !== "varargs" || args.length > 1) f.diagnostics.fail(first, "K091");
    return [...passed.words];
  }
  const values = [...inTemplate, ...args.map((arg) => lowerExpression(f, arg, scope))];
  if (first && inTemplate.length > 0) f.diagnostics.fail(first, "K121");
  if (format) checkFormat(f, format.node, format.text, values);
  const words = values.flatMap((a, i) => restWords(f, a, args[i - inTemplate.length] ?? call));
  if (!words.length) return [f.b.constant(0), f.b.constant(0)];
  f.at(first ?? call, scope);
  const slot = f.argumentSlot(words.length);
  words.forEach((w, i) => {
    f.b.emit("store", [slot, w], { width: 4, offset: 4 * i, access: "plain" });
  });
  return [slot, f.b.constant(words.length)];
}

/** One argument: a word, or two of a 64-bit one. */
function restWords(f: Lowering, a: Operand, node: TS.Node): readonly Value[] {
  if (a.type.kind === "void" || a.type.kind === "varargs") f.diagnostics.fail(node, "K047", "this");
  return a.literal ? literalWords(f, a.literal.value, ts.isBigIntLiteral(node), node) : a.words;
}

function literalWords(f: Lowering, value: bigint, wide: boolean, node: TS.Node): Value[] {
  const low = f.b.constant(Number(BigInt.asIntN(32, value)));
  if (wide) return [low, f.b.constant(Number(BigInt.asIntN(32, value >> 32n)))];
  if (value >= 1n << 32n || value < -(1n << 31n))
    f.diagnostics.fail(node, "K041", String(value), "one word", "write `u64(...)`");
  return [low];
}
