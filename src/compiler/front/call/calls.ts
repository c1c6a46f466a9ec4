/** Calls: of functions and methods, through pointers, of conversions and intrinsics. */
import type TS from "typescript";
import type { Value } from "../../ir.ts";
import { convert, convertExplicitly } from "../lower/convert.ts";
import { lowerExpression, NO_VALUE } from "../lower/expressions.ts";
import { inlineCall, resultType, shouldInline } from "./inline.ts";
import {
  classTypeArgs,
  evaluateArguments,
  findCallee,
  type Arguments,
  type Callee,
} from "./arguments.ts";
import { lowerIntrinsic } from "./intrinsics.ts";
import { noteContracts } from "./note-contracts.ts";
import { findField, isNothing, strideOf } from "../types/layout.ts";
import { findVariable, type Lowering, type Scope } from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import { indexed } from "../lower/places.ts";
import { lowerProperty, unknownName } from "../lower/names.ts";
import type { FunctionSymbol } from "../types/symbols.ts";
import { reachStatic } from "../constants/statics.ts";
import { ts } from "../typescript.ts";
import {
  BASE_TYPES,
  typeName,
  wordsOf,
  type ClassType,
  type PerCpuType,
  type Type,
} from "../types/types.ts";

export const PERCPU_OFFSET_MODULE = "kernel/arch/percpu.ts";
export const PERCPU_OFFSETS = "__per_cpu_offset";

export function lowerCall(
  f: Lowering,
  node: TS.CallExpression,
  scope: Scope,
  dropped: boolean,
): Operand {
  if (node.questionDotToken) f.diagnostics.fail(node, "K101", "`?.`", "test for null first");
  const direct = findCallee(f, node, scope);
  if (direct) return invoke(f, node, direct, scope, dropped);
  let target: TS.Expression = node.expression;
  while (ts.isParenthesizedExpression(target) || ts.isNonNullExpression(target))
    target = target.expression;
  if (ts.isPropertyAccessExpression(target)) return lowerMethodCall(f, node, target, scope, dropped);
  if (ts.isIdentifier(target) && !findVariable(scope, target.text)) {
    const base = BASE_TYPES.get(target.text);
    if (base?.kind === "int") return lowerConversion(f, node, base, scope);
    const symbol = f.unit.modules.lookup(scope.activation.module, target.text);
    if (!symbol)
      return lowerIntrinsic(f, target.text, node, scope, dropped) ?? unknownName(f, target, scope);
  }
  return callThroughPointer(f, node, lowerExpression(f, target, scope), scope);
}

function lowerConversion(
  f: Lowering,
  node: TS.CallExpression,
  type: Type & { kind: "int" },
  scope: Scope,
): Operand {
  const argument = node.arguments[0];
  if (!argument || node.arguments.length !== 1)
    return f.diagnostics.fail(node, "K080", type.key, "1 argument", node.arguments.length, "x");
  const value = lowerExpression(f, argument, scope);
  f.at(node, scope);
  return convertExplicitly(f, value, type, argument);
}

function lowerMethodCall(
  f: Lowering,
  node: TS.CallExpression,
  target: TS.PropertyAccessExpression,
  scope: Scope,
  dropped: boolean,
): Operand {
  const object = lowerExpression(f, target.expression, scope);
  const name = target.name.text;
  const { type } = object;
  if ((type.kind === "pointer" || type.kind === "array") && (name === "add" || name === "sub")) {
    return movePointer(f, node, object, name, scope);
  }
  if (type.kind === "percpu") return lowerPerCpu(f, node, object, type, name, scope);
  if (type.kind === "class") {
    const method = type.cls.methods.get(name);
    if (method) return invoke(f, node, { fn: method, self: object }, scope, dropped);
    if (findField(f.unit, type, name))
      return callThroughPointer(f, node, lowerProperty(f, target, scope), scope);
    const known = [...type.cls.methods.keys()].join(", ");
    return f.diagnostics.fail(
      target.name,
      "K082",
      type.cls.name,
      name,
      known ? `it has ${known}` : `write a function ${name}(x: ${type.cls.name})`,
    );
  }
  if (type.kind === "string") return f.diagnostics.fail(target.name, "K106");
  return f.diagnostics.fail(target.name, "K082", typeName(type), name, "only classes have methods");
}

function movePointer(
  f: Lowering,
  node: TS.CallExpression,
  object: Operand,
  name: string,
  scope: Scope,
): Operand {
  const { type } = object;
  if (type.kind !== "pointer" && type.kind !== "array") return object;
  const [distance] = node.arguments;
  if (!distance || node.arguments.length !== 1)
    return f.diagnostics.fail(node, "K080", name, "1 argument", node.arguments.length, "n");
  const to = type.kind === "pointer" ? type.to : type.of;
  const stride = strideOf(f.unit, to, node);
  const result: Type =
    type.kind === "pointer"
      ? { ...type, nullable: false }
      : { kind: "pointer", key: `Ptr<${to.key}>`, to, nullable: false };
  if (name === "add")
    return { type: result, words: [indexed(f, object.words[0]!, distance, stride, scope)] };
  const zero = f.b.constant(0);
  const back = indexed(f, zero, distance, stride, scope);
  return { type: result, words: [f.b.binary("sub", object.words[0]!, back)] };
}

/** `.current()` and `.of(cpu)` of a per-CPU variable. */
function lowerPerCpu(
  f: Lowering,
  node: TS.CallExpression,
  object: Operand,
  type: PerCpuType,
  name: string,
  scope: Scope,
): Operand {
  const template = f.b.find(object.words[0]!);
  if (name === "current") {
    f.at(node, scope);
    if (template.op === "symbol") {
      return {
        type: type.of,
        words: [f.b.emit("percpu", [], { name: template.x.name, offset: template.x.offset })],
      };
    }
    const start = f.b.emit("percpu", [], { name: "__per_cpu_start", offset: 0 });
    const offset = f.b.binary("sub", template, f.b.symbol("__per_cpu_start"));
    return { type: type.of, words: [f.b.binary("add", start, offset)] };
  }
  const [cpu] = node.arguments;
  if (name !== "of" || !cpu)
    return f.diagnostics.fail(node, "K082", "PerCpu", name, "it has current() and of(cpu)");
  const table = f.unit.modules.load(PERCPU_OFFSET_MODULE)?.names.get(PERCPU_OFFSETS);
  if (table?.kind !== "static")
    return f.diagnostics.fail(
      node,
      "K003",
      PERCPU_OFFSET_MODULE,
      PERCPU_OFFSETS,
      "PerCpu.of() needs it",
    );
  const offsets = f.b.symbol(reachStatic(f.unit, table).symbol);
  const slot = f.b.find(indexed(f, offsets, cpu, 4, scope));
  f.at(node, scope);
  const offset = f.b.emit("load", [slot], { width: 4, signed: false, offset: 0, access: "plain" });
  return { type: type.of, words: [f.b.binary("add", template, offset)] };
}

/** A call of a known function: in place, or by its symbol. */
function invoke(
  f: Lowering,
  node: TS.CallExpression,
  callee: Callee,
  scope: Scope,
  dropped: boolean,
): Operand {
  const { fn } = callee;
  if (fn.generator) return f.diagnostics.fail(node, "K083", fn.name);
  if ((dropped || f.dropped.has(node)) && fn.tags.mustUse) f.diagnostics.report(node, "K122", fn.name);
  const args = evaluateArguments(f, node, callee, scope);
  return enter(f, node, callee, args, scope);
}

/** `[Symbol.dispose]` of a class, or null. */
export function disposeMethod(type: Type): FunctionSymbol | null {
  return type.kind === "class" ? (type.cls.methods.get("[Symbol.dispose]") ?? null) : null;
}

/** A call, not written in the source, of a method without parameters. */
export function invokeMethod(f: Lowering, node: TS.Node, callee: Callee, scope: Scope): void {
  const typeArgs = classTypeArgs(callee.self);
  enter(f, node, callee, { values: [], types: [], typeArgs, rest: null }, scope);
}

function enter(
  f: Lowering,
  node: TS.Node,
  callee: Callee,
  args: Arguments,
  scope: Scope,
): Operand {
  const { fn } = callee;
  if (f.b.dead) return deadResult(f, callee, args);
  f.at(node, scope);
  const inlined = shouldInline(f, fn, node, scope);
  noteContracts(f, { node, fn, args, scope, inlined });
  if (inlined) return inlineCall(f, node, callee, args, scope);
  const bound = args.values.map((v, i) =>
    v.cls || args.types[i]!.kind === "fieldname" || isNothing(f.unit, args.types[i]!) ? v : null,
  );
  const thisType = callee.self?.type.kind === "class" ? (callee.self.type as ClassType) : null;
  const instance = f.unit.instance(fn, f.domain, args.typeArgs, bound, thisType);
  const words: Value[] = callee.self ? [...callee.self.words] : [];
  args.values.forEach((v, i) => {
    if (!bound[i]) words.push(...v.words);
  });
  if (args.rest) words.push(...args.rest);
  const type = resultType(f, fn, { module: fn.module, typeArgs: args.typeArgs, thisType });
  return emitCall(f, instance.symbol, words, type);
}

function deadResult(f: Lowering, callee: Callee, args: Arguments): Operand {
  const context = {
    module: callee.fn.module,
    typeArgs: args.typeArgs,
    thisType: callee.self?.type ?? null,
  };
  const type = resultType(f, callee.fn, context);
  return { type, words: Array.from({ length: wordsOf(type) }, () => f.b.constant(0)) };
}

function emitCall(
  f: Lowering,
  target: string | null,
  words: readonly Value[],
  type: Type,
): Operand {
  const results = wordsOf(type);
  const noreturn = type.kind === "never";
  const call = f.b.emit("call", words, { target, results, noreturn });
  if (noreturn) {
    f.b.unreachable();
    return { type, words: [] };
  }
  if (results === 0) return { ...NO_VALUE, type };
  return { type, words: results === 2 ? [call, f.b.emit("result1", [call], {})] : [call] };
}

function callThroughPointer(
  f: Lowering,
  node: TS.CallExpression,
  target: Operand,
  scope: Scope,
): Operand {
  const { type } = target;
  if (type.kind === "error") return f.diagnostics.stop();
  if (type.kind !== "function") {
    return f.diagnostics.fail(
      node,
      "K081",
      node.expression.getText(),
      `it is ${type.kind === "classvalue" ? "a class: storage is `new T()`" : `of type ${typeName(type)}`}`,
    );
  }
  if (node.arguments.length !== type.params.length) {
    const list = type.params.map(typeName).join(", ");
    f.diagnostics.fail(
      node,
      "K080",
      node.expression.getText(),
      `${type.params.length} arguments`,
      node.arguments.length,
      list,
    );
  }
  const words = node.arguments.flatMap((a, i) => {
    const want = type.params[i]!;
    return [...convert(f, lowerExpression(f, a, scope, want), want, a).words];
  });
  f.at(node, scope);
  return emitCall(f, null, [...words, target.words[0]!], type.result);
}
