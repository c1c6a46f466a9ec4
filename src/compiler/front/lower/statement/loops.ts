/**
 * Loops, rotated: the condition is tested once before the loop and again at its end, so that an iteration takes one branch.
 * A long condition is lowered once, at the top.
 */
import type TS from "typescript";
import { lowerCondition } from "../conditions.ts";
import { lowerExpression } from "../expressions.ts";
import { innerScope, type Lowering, type Scope } from "../lowering.ts";
import { lowerStatement } from "./statements.ts";
import { ts } from "../../typescript.ts";
import { lowerVariables } from "../variables.ts";

/** Nodes up to which a condition is worth writing twice. */
const ROTATED_CONDITION_NODES_MAX = 40;

export function lowerWhile(f: Lowering, node: TS.WhileStatement, scope: Scope): void {
  lowerLoop(f, node.expression, null, scope, (inner) => lowerStatement(f, node.statement, inner));
}

export function lowerFor(f: Lowering, node: TS.ForStatement, scope: Scope): void {
  const own = { ...innerScope(scope), label: scope.label };
  if (node.initializer) {
    if (ts.isVariableDeclarationList(node.initializer)) lowerVariables(f, node.initializer, own);
    else lowerExpression(f, node.initializer, own, null, true);
  }
  lowerLoop(f, node.condition ?? null, node.incrementor ?? null, own, (inner) =>
    lowerStatement(f, node.statement, inner),
  );
}

export function lowerDo(f: Lowering, node: TS.DoStatement, scope: Scope): void {
  const head = f.b.block();
  const again = f.b.block();
  const end = f.b.block();
  f.b.jump(head);
  f.b.start(head);
  lowerStatement(
    f,
    node.statement,
    innerScope(scope, { label: scope.label, breakTo: end, continueTo: again, up: scope.loop }),
  );
  f.b.jump(again);
  f.b.startSealed(again);
  lowerCondition(f, node.expression, head, end, scope);
  f.b.seal(head);
  f.b.startSealed(end);
}

function nodesOf(node: TS.Node): number {
  let count = 1;
  ts.forEachChild(node, (child) => {
    count += nodesOf(child);
  });
  return count;
}

function lowerLoop(
  f: Lowering,
  condition: TS.Expression | null,
  step: TS.Expression | null,
  scope: Scope,
  body: (inner: Scope) => void,
): void {
  const rotated = f.unit.rotates && condition !== null && nodesOf(condition) <= ROTATED_CONDITION_NODES_MAX;
  const head = f.b.block();
  const again = f.b.block();
  const end = f.b.block();
  if (rotated) {
    const enter = f.b.block();
    lowerCondition(f, condition, enter, end, scope);
    f.b.startSealed(enter);
  }
  f.b.jump(head);
  f.b.start(head);
  if (condition && !rotated) {
    const enter = f.b.block();
    lowerCondition(f, condition, enter, end, scope);
    f.b.startSealed(enter);
  }
  body(innerScope(scope, { label: scope.label, breakTo: end, continueTo: again, up: scope.loop }));
  f.b.jump(again);
  f.b.startSealed(again);
  if (!f.b.dead) {
    if (step) {
      f.at(step, scope);
      lowerExpression(f, step, scope, null, true);
    }
    if (rotated) lowerCondition(f, condition, head, end, scope);
    else f.b.jump(head);
  }
  f.b.seal(head);
  f.b.startSealed(end);
}
