/** Local variables: SSA, on the frame when their address is taken, or compile-time names. */
import type TS from "typescript";
import type { Value } from "../../ir.ts";
import { evaluate } from "../constants/consteval.ts";
import { releaseAtEnd } from "./statement/cleanup.ts";
import { convert } from "./convert.ts";
import { lowerExpression } from "./expressions.ts";
import { alignOf, fieldType, layoutOf, sizeOf, strideOf } from "../types/layout.ts";
import {
  constContext,
  innerScope,
  staticOperand,
  variableWords,
  type Lowering,
  type Scope,
} from "./lowering.ts";
import type { Operand, Variable } from "./operand.ts";
import { memoryPlace, storePlace } from "./places.ts";
import { checkConstructorArguments } from "../constants/statics.ts";
import type { FunctionSymbol } from "../types/symbols.ts";
import { ts } from "../typescript.ts";
import {
  ERROR,
  classType,
  pointerType,
  storageName,
  valueTypeOf,
  type StructType,
  type Type,
} from "../types/types.ts";
import { moduleContext, resolveType, storageTypeOfNew } from "../types/type-nodes.ts";

/** Storage of one local. */
const LOCAL_BYTES_MAX = 4096;
const TAKES_LVALUE: ReadonlySet<string> = new Set([
  "addressOf",
  "READ_ONCE",
  "WRITE_ONCE",
  "CMPXCHG",
]);

/** Names of locals that live on the frame because an intrinsic takes their address. */
export function addressedNames(fn: FunctionSymbol): ReadonlySet<string> {
  if (fn.addressed) return fn.addressed;
  const names = new Set<string>();
  const visit = (node: TS.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isIdentifier(node.expression) &&
      TAKES_LVALUE.has(node.expression.text)
    ) {
      let target: TS.Expression | undefined = node.arguments[0];
      while (target && (ts.isParenthesizedExpression(target) || ts.isNonNullExpression(target)))
        target = target.expression;
      if (target && ts.isIdentifier(target)) names.add(target.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(fn.body);
  fn.addressed = names;
  return names;
}

/** Introduces a variable with a value of its type. */
export function declareVariable(
  f: Lowering,
  scope: Scope,
  name: string,
  value: Operand,
  isConst: boolean,
  node: TS.Node,
): void {
  const { type } = value;
  const { activation } = scope;
  const inMemory =
    addressedNames(activation.fn).has(name) || (f.unit.debug && type.kind !== "varargs");
  const shown = type.kind !== "varargs";
  const local = {
    name,
    type: storageName(type),
    loc: f.unit.locate(node, activation),
    isParameter: ts.isParameter(node),
  };
  const size = shown ? sizeOf(f.unit, type, node) : 0;
  const slot = inMemory ? f.localSlot(size, alignOf(f.unit, type, node), local, activation) : null;
  const variable: Variable = {
    name,
    type,
    isConst,
    words: slot ? [] : variableWords(name, type),
    slot,
    constant: null,
  };
  scope.names.set(name, variable);
  if (shown) for (const word of variable.words) word.tracked = true;
  if (slot) storePlace(f, memoryPlace(f, slot, 0, type), value);
  else
    variable.words.forEach((w, i) => {
      f.b.write(w, value.words[i]!);
    });
  if (shown) f.b.declare(variable, local, size);
}

/** A name for a compile-time value: a constant, a class, a field name, the address of storage. */
export function declareConstant(scope: Scope, name: string, constant: Operand): void {
  scope.names.set(name, {
    name,
    type: constant.type,
    isConst: true,
    words: [],
    slot: null,
    constant,
  });
}

function declareBroken(scope: Scope, name: string): void {
  declareConstant(scope, name, { type: ERROR, words: [] });
}

export function lowerVariables(f: Lowering, list: TS.VariableDeclarationList, scope: Scope): void {
  const scoped = list.flags & ts.NodeFlags.BlockScoped;
  const isUsing = scoped === ts.NodeFlags.Using;
  if (scoped === ts.NodeFlags.AwaitUsing) f.diagnostics.fail(list, "K101", "`await`", "write `using`");
  if (isUsing && !ts.isBlock(list.parent.parent)) f.diagnostics.fail(list, "K118");
  const isConst = isUsing || scoped === ts.NodeFlags.Const;
  if (scoped === 0)
    f.diagnostics.report(list, "K101", "var", "write let or const");
  for (const declaration of list.declarations) {
    if (!ts.isIdentifier(declaration.name)) {
      f.diagnostics.report(declaration.name, "K104");
      continue;
    }
    const name = declaration.name.text;
    const done = f.diagnostics.guarded(() => {
      lowerDeclaration(f, declaration, name, isConst, scope);
      if (isUsing) releaseAtEnd(f, scope, scope.names.get(name)!, declaration);
      return true;
    });
    if (!done) declareBroken(scope, name);
  }
}

function lowerDeclaration(
  f: Lowering,
  node: TS.VariableDeclaration,
  name: string,
  isConst: boolean,
  scope: Scope,
): void {
  const { initializer } = node;
  f.at(node, scope);
  if (initializer && ts.isNewExpression(initializer)) {
    if (!isConst) f.diagnostics.fail(node, "K066", name);
    const storage = lowerStorage(f, node, initializer, name, scope);
    declareConstant(scope, name, storage);
    f.b.declareStorage(scope.names.get(name)!, storage.words[0]!);
    return;
  }
  const type = node.type ? resolveType(f.unit, node.type, scope.activation) : null;
  if (!initializer) {
    if (!type) f.diagnostics.fail(node, "K026", name, name);
    declareVariable(f, scope, name, zeroOf(f, type), isConst, node);
    return;
  }
  const value = lowerExpression(f, initializer, scope, type);
  if (type) {
    declareVariable(f, scope, name, convert(f, value, type, initializer), isConst, node);
    return;
  }
  if (value.type.kind === "error") f.diagnostics.stop();
  if (value.type.kind === "void") f.diagnostics.fail(initializer, "K047", "this call");
  const compileTime =
    value.literal || value.type.kind === "classvalue" || value.type.kind === "fieldname";
  if (compileTime && isConst) {
    declareConstant(scope, name, value);
    return;
  }
  if (compileTime || value.type.kind === "null") f.diagnostics.fail(node, "K026", name, name);
  const kept = value.type.kind === "array" ? { ...value, type: pointerType(value.type.of) } : value;
  if (isConst && value.type.kind === "array") {
    declareConstant(scope, name, value);
    return;
  }
  declareVariable(f, scope, name, kept, isConst, node);
}

function zeroOf(f: Lowering, type: Type): Operand {
  return { type, words: variableWords("", type).map(() => f.b.constant(0)) };
}

/** `const x = new T()`: storage on this frame, initialised in place. Also what an "inline" function returns by `return new T()`. */
export function lowerStorage(
  f: Lowering,
  node: TS.Node,
  initializer: TS.NewExpression,
  name: string,
  scope: Scope,
): Operand {
  const type = storageTypeOfNew(f.unit, initializer, scope.activation);
  if (type.kind === "percpu") f.diagnostics.fail(initializer, "K068");
  const size = sizeOf(f.unit, type, node);
  if (size > LOCAL_BYTES_MAX) {
    f.diagnostics.fail(
      node,
      "K033",
      name,
      size,
      LOCAL_BYTES_MAX,
      "a kernel stack is small: declare it at module level, or allocate it",
    );
  }
  const align = Math.max(4, alignOf(f.unit, type, node));
  const loc = f.unit.locate(node, scope.activation);
  const variable = { name, type: storageName(type), loc, isParameter: false };
  if (size === 0) return { type: valueTypeOf(type), words: [f.b.constant(0)] };
  const base = f.localSlot(size, align, variable, scope.activation);
  if (type.kind === "struct")
    constructInPlace(f, base, 0, type, initializer.arguments ?? [], scope, initializer);
  if (type.kind === "array" && type.of.kind === "struct")
    constructElements(f, base, 0, type, initializer, scope);
  return { type: valueTypeOf(type), words: [base] };
}

function constructElements(
  f: Lowering,
  base: Value,
  offset: number,
  type: Type & { kind: "array" },
  node: TS.NewExpression,
  scope: Scope,
): void {
  const stride = strideOf(f.unit, type.of, node);
  if (type.of.kind !== "struct") return;
  for (let i = 0; i < type.length; i++)
    constructInPlace(f, base, offset + i * stride, type.of, [], scope, node);
}

/** Runs the field initialisers of a structure at `base + offset`; fields without one stay as they are. */
function constructInPlace(
  f: Lowering,
  base: Value,
  offset: number,
  type: StructType,
  args: readonly TS.Expression[],
  outer: Scope,
  node: TS.Node,
): void {
  const { cls } = type;
  const layout = layoutOf(f.unit, cls);
  checkConstructorArguments(f.unit, cls.name, layout.constructorParams, args.length, node);
  const self: Operand = {
    type: classType(cls, type.args),
    words: [f.b.binary("add", base, f.b.constant(offset))],
  };
  for (const field of layout.fields.values()) {
    const own = fieldType(f.unit, type, field);
    const at = offset + field.offset;
    const argument = field.parameter >= 0 ? args[field.parameter] : undefined;
    if (argument) {
      const value = convert(f, lowerExpression(f, argument, outer, own), own, argument);
      storePlace(f, memoryPlace(f, base, at, own), value);
      continue;
    }
    const { initializer } = field.node;
    if (!initializer) continue;
    if (ts.isNewExpression(initializer)) {
      if (own.kind === "struct")
        constructInPlace(f, base, at, own, initializer.arguments ?? [], outer, initializer);
      else if (own.kind === "array") constructElements(f, base, at, own, initializer, outer);
      else f.diagnostics.fail(initializer, "K068");
    } else if (initializer.kind === ts.SyntaxKind.ThisKeyword) {
      storePlace(f, memoryPlace(f, base, at, own), convert(f, self, own, initializer));
    } else {
      const value = evaluate(f.unit, initializer, moduleContext(cls.module));
      if (!value) f.diagnostics.fail(initializer, "K065", field.name);
      storePlace(
        f,
        memoryPlace(f, base, at, own),
        convert(f, staticOperand(f, value), own, initializer),
      );
    }
  }
}

/** A constant expression in a body: `case` labels, CSR numbers. */
export function constantNumber(
  f: Lowering,
  node: TS.Expression,
  scope: Scope,
  what: string,
): bigint {
  const value = evaluate(f.unit, node, constContext(scope));
  if (value && value.symbol === null) return value.value;
  const operand = lowerExpression(f, node, innerScope(scope));
  if (operand.literal) return operand.literal.value;
  return f.diagnostics.fail(node, "K090", what);
}
