/**
 * `for (const x of generator(...))`: the generator's body is lowered in place, and each `yield` becomes the loop's body.
 * `break` and `return` of the loop leave the generator; `continue` goes on behind the `yield`.
 */
import type TS from "typescript";
import { noteContracts } from "./note-contracts.ts";
import { bindParameters, enterActivation } from "./inline.ts";
import { evaluateArguments, findCallee } from "./arguments.ts";
import { innerScope, isActive, type Lowering, type Scope } from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import { lowerStatement, lowerStatements } from "../lower/statement/statements.ts";
import { ts } from "../typescript.ts";
import { declareVariable, declareConstant } from "../lower/variables.ts";

export function lowerForOf(f: Lowering, node: TS.ForOfStatement, scope: Scope): void {
  let call = node.expression;
  while (ts.isParenthesizedExpression(call)) call = call.expression;
  const callee = ts.isCallExpression(call) ? findCallee(f, call, scope) : null;
  if (!ts.isCallExpression(call) || !callee?.fn.generator) {
    f.diagnostics.fail(node.expression, "K084");
  }
  if (!ts.isVariableDeclarationList(node.initializer)) {
    f.diagnostics.fail(node.initializer, "K084");
  }
  const name = node.initializer.declarations[0]!.name;
  if (!ts.isIdentifier(name)) {
    f.diagnostics.fail(name, "K104");
  }
  if (isActive(scope.activation, callee.fn)) {
    f.diagnostics.fail(node.expression, "K087", callee.fn.name);
  }
  const isConst = (node.initializer.flags & ts.NodeFlags.Const) !== 0;

  const end = f.b.block();
  const args = evaluateArguments(f, call, callee, scope);
  noteContracts(f, { node: call, fn: callee.fn, args, scope, inlined: true });
  const onYield = (value: Operand, yieldedFrom: Scope): void => {
    const resume = f.b.block();
    const loop = { label: scope.label, breakTo: end, continueTo: resume, up: scope.loop };
    const inner = { ...innerScope(scope, loop), yieldedFrom };
    if (value.literal) declareConstant(inner, name.text, value);
    else declareVariable(f, inner, name.text, value, isConst, name);
    lowerStatement(f, node.statement, inner);
    f.b.jump(resume);
    f.b.startSealed(resume);
  };
  const activation = enterActivation(
    f,
    call,
    callee,
    args,
    scope,
    { block: end, words: [] },
    onYield,
  );
  const own = bindParameters(f, callee.fn, args, activation);
  lowerStatements(f, callee.fn.body.statements, own);
  f.b.jump(end);
  f.b.startSealed(end);
}
