/** Calls of known functions: who is called, with what, and whether its body is lowered in place. */
import { type Arguments, type Callee, parameterName } from "./arguments.ts";
import {
  type Activation,
  type Lowering,
  type Scope,
  activationScope,
  innerScope,
  isActive,
  variableWords,
} from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import { leave, lowerStatements } from "../lower/statement/statements.ts";
import type { FunctionSymbol, Module } from "../types/symbols.ts";
import { type TypeContext, resolveType } from "../types/type-nodes.ts";
import { type Type, VARARGS, VOID, typeName } from "../types/types.ts";
import { ts } from "../typescript.ts";
import { declareConstant, declareVariable } from "../lower/variables.ts";
import type TS from "typescript";

/** Bodies up to this many nodes are always lowered in place. */
const SMALL_BODY_NODES_MAX = 30;

/** Values and blocks of one function beyond which nothing more is inlined into it. */
const FUNCTION_VALUES_MAX = 50_000;
/** Bodies with a single use, up to this many. */
const SINGLE_USE_NODES_MAX = 400;

function bodySize(fn: FunctionSymbol): number {
  if (fn.size >= 0) return fn.size;
  let size = 0;
  const visit = (node: TS.Node): void => {
    size++;
    ts.forEachChild(node, visit);
  };
  visit(fn.body);
  fn.size = size;
  return size;
}

function identifierUses(module: Module, name: string): number {
  if (!module.identifierCounts) {
    const counts = new Map<string, number>();
    const visit = (node: TS.Node): void => {
      if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
      ts.forEachChild(node, visit);
    };
    visit(module.source);
    module.identifierCounts = counts;
  }
  return module.identifierCounts.get(name) ?? 0;
}

export function shouldInline(
  f: Lowering,
  fn: FunctionSymbol,
  call: TS.Node,
  scope: Scope,
): boolean {
  const { inline, noinline, naked, interrupt, section } = fn.directives;
  if (interrupt) f.diagnostics.fail(call, "K143", fn.name, interrupt);
  if (noinline || naked) return false;
  const recursive = isActive(scope.activation, fn);
  if (inline) return recursive ? f.diagnostics.fail(call, "K087", fn.name) : true;
  if (!f.unit.inlines || recursive || section !== null || fn.node.parameters.at(-1)?.dotDotDotToken) return false;
  if (bodySize(fn) <= SMALL_BODY_NODES_MAX) return true;
  const single = !fn.exported && !fn.owner && identifierUses(fn.module, fn.name) === 2;
  return single && bodySize(fn) <= SINGLE_USE_NODES_MAX;
}

export function enterActivation(
  f: Lowering,
  call: TS.Node,
  callee: Callee,
  args: Arguments,
  scope: Scope,
  returnTo: NonNullable<Activation["returnTo"]>,
  onYield: Activation["onYield"] = null,
): Activation {
  const { fn, self } = callee;
  f.at(call, scope);
  const inlinedAt = f.b.here();
  const typeContext: TypeContext = {
    module: fn.module,
    typeArgs: args.typeArgs,
    thisType: self?.type ?? null,
  };
  return {
    module: fn.module,
    typeArgs: args.typeArgs,
    thisType: typeContext.thisType,
    fn,
    self,
    functionName: fn.name,
    inlinedAt,
    locations: new Map(),
    result: resultType(f, fn, typeContext),
    returnTo,
    onYield,
    caller: scope.activation,
  };
}

export function resultType(f: Lowering, fn: FunctionSymbol, context: TypeContext): Type {
  if (!fn.node.type) return f.diagnostics.fail(fn.node.name ?? fn.node, "K116", fn.name);
  return resolveType(f.unit, fn.node.type, context);
}

/** A scope in which the parameters have the values of the arguments. */
export function bindParameters(
  f: Lowering,
  fn: FunctionSymbol,
  args: Arguments,
  activation: Activation,
): Scope {
  const scope = activationScope(activation);
  fn.node.parameters.forEach((p, i) => {
    const name = parameterName(p);
    if (p.dotDotDotToken) {
      declareVariable(f, scope, name, { type: VARARGS, words: args.rest! }, true, p);
      return;
    }
    const value = args.values[i]!;
    if (value.cls || args.types[i]!.kind === "fieldname") declareConstant(scope, name, value);
    else declareVariable(f, scope, name, value, false, p);
  });
  return innerScope(scope);
}

/** Lowers the body of the callee in place of the call. */
export function inlineCall(
  f: Lowering,
  call: TS.Node,
  callee: Callee,
  args: Arguments,
  scope: Scope,
): Operand {
  const { fn } = callee;
  if (f.b.size > FUNCTION_VALUES_MAX) {
    let outermost = scope.activation;
    while (outermost.caller) outermost = outermost.caller;
    f.diagnostics.abort(outermost.fn.node.name ?? call, "K094", outermost.functionName);
  }
  const end = f.b.block();
  const { loc, scope: names } = f.b;
  const context: TypeContext = {
    module: fn.module,
    typeArgs: args.typeArgs,
    thisType: callee.self?.type ?? null,
  };
  const type = resultType(f, fn, context);
  const words = variableWords(fn.name, type);
  const activation = enterActivation(f, call, callee, args, scope, { block: end, words });
  const own = bindParameters(f, fn, args, activation);
  lowerStatements(f, fn.body.statements, own);
  endBody(f, fn, type, own);
  f.b.startSealed(end);
  f.b.loc = loc;
  f.b.scope = names;
  if (f.b.dead) return { type, words: words.map(() => f.b.constant(0)) };
  return { type: type.kind === "never" ? VOID : type, words: words.map((w) => f.b.read(w)) };
}

/** What happens behind the last statement of a body. */
export function endBody(f: Lowering, fn: FunctionSymbol, type: Type, scope: Scope): void {
  if (f.b.dead) return;
  if (type.kind === "never") {
    f.b.unreachable();
    return;
  }
  if (type.kind !== "void" && !f.diagnostics.problems.length)
    f.diagnostics.report(fn.node.name ?? fn.node, "K088", fn.name, typeName(type));
  leave(
    f,
    variableWords("", type).map(() => f.b.constant(0)),
    scope,
  );
}
