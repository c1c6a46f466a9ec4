/** Statements. A problem abandons one statement; the next is looked at. */
import type TS from "typescript";
import type { Block, Value } from "../../../ir.ts";
import { release, releaseActivation, releaseLoop } from "./cleanup.ts";
import { lowerCondition } from "../conditions.ts";
import { convert } from "../convert.ts";
import { lowerExpression } from "../expressions.ts";
import { lowerForOf } from "../../call/generators.ts";
import { innerScope, type Loop, type Lowering, type Scope } from "../lowering.ts";
import { lowerDo, lowerFor, lowerWhile } from "./loops.ts";
import { lowerSwitch } from "./switch.ts";
import { ts } from "../../typescript.ts";
import { typeName } from "../../types/types.ts";
import type { Operand } from "../operand.ts";
import { lowerStorage, lowerVariables } from "../variables.ts";

export function lowerStatements(
  f: Lowering,
  statements: readonly TS.Statement[],
  scope: Scope,
): void {
  for (const statement of statements) lowerStatement(f, statement, scope);
  release(f, scope);
}

export function lowerBlock(f: Lowering, block: TS.Block, scope: Scope): void {
  lowerStatements(f, block.statements, innerScope(scope));
}

export function lowerStatement(f: Lowering, node: TS.Statement, scope: Scope): void {
  if (f.b.dead) return;
  f.diagnostics.guarded(() => dispatch(f, node, scope));
}

function dispatch(f: Lowering, node: TS.Statement, scope: Scope): void {
  if (ts.isBlock(node)) {
    lowerBlock(f, node, scope);
    return;
  }
  if (node.kind === ts.SyntaxKind.EmptyStatement) return;
  f.at(node, scope);
  if (ts.isExpressionStatement(node)) {
    if (ts.isStringLiteral(node.expression)) return;
    noteDropped(f, node.expression);
    lowerExpression(f, node.expression, scope, null, true);
    return;
  }
  if (ts.isVariableStatement(node)) {
    lowerVariables(f, node.declarationList, scope);
    return;
  }
  if (ts.isIfStatement(node)) {
    lowerIf(f, node, scope);
    return;
  }
  if (ts.isReturnStatement(node)) {
    lowerReturn(f, node, scope);
    return;
  }
  if (ts.isWhileStatement(node)) {
    lowerWhile(f, node, scope);
    return;
  }
  if (ts.isDoStatement(node)) {
    lowerDo(f, node, scope);
    return;
  }
  if (ts.isForStatement(node)) {
    lowerFor(f, node, scope);
    return;
  }
  if (ts.isForOfStatement(node)) {
    lowerForOf(f, node, scope);
    return;
  }
  if (ts.isBreakStatement(node)) {
    lowerJump(f, node, "break", scope);
    return;
  }
  if (ts.isContinueStatement(node)) {
    lowerJump(f, node, "continue", scope);
    return;
  }
  if (ts.isSwitchStatement(node)) {
    lowerSwitch(f, node, scope);
    return;
  }
  if (ts.isLabeledStatement(node)) {
    dispatch(f, node.statement, { ...innerScope(scope), label: node.label.text });
    return;
  }
  refuse(f, node);
}

/** Calls at the end of `x && f()` and `x ? f() : g()`: their results are dropped with the whole. */
function noteDropped(f: Lowering, node: TS.Expression): void {
  if (ts.isCallExpression(node)) f.dropped.add(node);
  else if (ts.isParenthesizedExpression(node)) noteDropped(f, node.expression);
  else if (ts.isConditionalExpression(node)) {
    noteDropped(f, node.whenTrue);
    noteDropped(f, node.whenFalse);
  } else if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    const ends = [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.CommaToken];
    if (ends.includes(kind)) noteDropped(f, node.right);
  }
}

function refuse(f: Lowering, node: TS.Statement): never {
  if (ts.isTryStatement(node) || ts.isThrowStatement(node)) return f.diagnostics.fail(node, "K110");
  if (ts.isFunctionDeclaration(node)) return f.diagnostics.fail(node, "K100");
  const word = node.getText().split(/[\s(;]/)[0];
  if (ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isEnumDeclaration(node) || ts.isInterfaceDeclaration(node))
    return f.diagnostics.fail(node, "K101", `\`${word}\` in a function`, "declare it at module level");
  if (ts.isForInStatement(node))
    return f.diagnostics.fail(node, "K101", "for..in", "write a `for` with an index");
  return f.diagnostics.fail(
    node,
    "K101",
    `\`${word}\``,
    "docs/dialect.md says which statements there are",
  );
}

function lowerIf(f: Lowering, node: TS.IfStatement, scope: Scope): void {
  const then = f.b.block();
  const otherwise = f.b.block();
  const end = node.elseStatement ? f.b.block() : otherwise;
  lowerCondition(f, node.expression, then, otherwise, scope);
  f.b.startSealed(then);
  lowerStatement(f, node.thenStatement, innerScope(scope));
  f.b.jump(end);
  f.b.startSealed(otherwise);
  if (!node.elseStatement) return;
  lowerStatement(f, node.elseStatement, innerScope(scope));
  f.b.jump(end);
  f.b.startSealed(end);
}

function lowerReturn(f: Lowering, node: TS.ReturnStatement, scope: Scope): void {
  const { result, returnTo, fn, onYield } = scope.activation;
  if (onYield) {
    if (node.expression)
      f.diagnostics.fail(node, "K101", "a generator that returns a value", "write `return;`");
    releaseActivation(f, scope);
    f.b.jump(returnTo!.block);
    return;
  }
  let words: readonly Value[] = [];
  if (node.expression) {
    const value = returnedValue(f, node.expression, scope);
    if (result.kind === "void") {
      if (value.type.kind !== "void" && value.type.kind !== "never")
        f.diagnostics.fail(node, "K040", typeName(value.type), "void", "drop the value");
    } else words = escaping(f, convert(f, value, result, node.expression).words, node.expression, scope);
  } else if (result.kind !== "void") {
    f.diagnostics.fail(node, "K088", fn.name, typeName(result));
  }
  f.at(node, scope);
  releaseActivation(f, scope);
  leave(f, words, scope);
}

/** Objects to the address of a local as a result: the frame is gone when the caller looks. */
function escaping(
  f: Lowering,
  words: readonly Value[],
  node: TS.Expression,
  scope: Scope,
): readonly Value[] {
  const { activation } = scope;
  const { fn } = activation;
  if (words.length > 0 && !fn.directives.inline && f.isLocalAddress(words[0]!, activation))
    f.diagnostics.report(node, "K125", fn.name);
  return words;
}

/** `return new T()` in an "inline" function is storage on the frame that it is inlined into. */
function returnedValue(f: Lowering, node: TS.Expression, scope: Scope): Operand {
  const { fn, result, returnTo } = scope.activation;
  if (ts.isNewExpression(node) && fn.directives.inline && returnTo)
    return lowerStorage(f, node, node, fn.name, scope);
  return lowerExpression(f, node, scope, result);
}

/** Returns from the activation with these words. */
export function leave(
  f: Lowering,
  words: readonly Value[],
  scope: Scope,
): void {
  const { returnTo } = scope.activation;
  if (!returnTo) {
    f.b.ret(words);
    return;
  }
  returnTo.words.forEach((w, i) => {
    f.b.write(w, words[i]!);
  });
  f.b.jump(returnTo.block);
}

function lowerJump(
  f: Lowering,
  node: TS.BreakStatement | TS.ContinueStatement,
  kind: "break" | "continue",
  scope: Scope,
): void {
  for (let loop: Loop | null = scope.loop; loop; loop = loop.up) {
    if (node.label && loop.label !== node.label.text) continue;
    const target: Block | null = kind === "break" ? loop.breakTo : loop.continueTo;
    if (target) {
      releaseLoop(f, scope, loop, kind === "continue");
      f.b.jump(target);
      return;
    }
  }
  f.diagnostics.fail(node, "K112", kind);
}
