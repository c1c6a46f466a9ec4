/**
 * `switch`: a chain of comparisons, or where the labels stand close together one comparison and a table of jumps. Bodies fall
 * through as written.
 *
 *   case 3: … case 4: … case 5: … case 7: … case 8: …
 *     ->   i = value - 3;  i < 6 (unsigned) ? table[i] : default      with default also at 6
 */
import type TS from "typescript";
import type { Value } from "../../../ir.ts";
import { arithmetic } from "../arithmetic.ts";
import { convert, materialize } from "../convert.ts";
import { lowerExpression } from "../expressions.ts";
import { innerScope, type Lowering, type Scope } from "../lowering.ts";
import type { BuildBlock } from "../ssa-builder.ts";
import { lowerStatements } from "./statements.ts";
import { ts } from "../../typescript.ts";
import { LITERAL, typeName } from "../../types/types.ts";
import type { Operand } from "../operand.ts";
import { constantNumber } from "../variables.ts";

/** Fewer comparisons are as quick as a table: five instructions and a jump. */
const TABLE_LABELS_MIN = 5;
/** Words of a table for each label that it serves. */
const TABLE_SPARSENESS_MAX = 3;

interface Label {
  readonly value: number;
  readonly body: BuildBlock;
  readonly clause: TS.CaseClause;
  readonly word: Value;
}

export function lowerSwitch(f: Lowering, node: TS.SwitchStatement, scope: Scope): void {
  const value = materialize(f, lowerExpression(f, node.expression, scope), node.expression);
  if (value.type.kind !== "int" || value.type.bytes === 8) {
    f.diagnostics.fail(
      node.expression,
      "K045",
      "`switch`",
      typeName(value.type),
      "switch over an integer of at most 32 bits",
    );
  }
  const { clauses } = node.caseBlock;
  const end = f.b.block();
  const bodies = clauses.map(() => f.b.block());
  const at = clauses.findIndex(ts.isDefaultClause);
  const otherwise = at < 0 ? end : bodies[at]!;
  const labels = clauses.flatMap((clause, i) =>
    ts.isCaseClause(clause) ? [labelOf(f, value, clause, bodies[i]!, scope)] : [],
  );
  if (!byTable(f, value.words[0]!, labels, otherwise)) byComparing(f, value.words[0]!, labels, otherwise, scope);

  const inner = innerScope(scope, {
    label: scope.label,
    breakTo: end,
    continueTo: null,
    up: scope.loop,
  });
  clauses.forEach((clause, i) => {
    f.b.jump(bodies[i]!);
    f.b.startSealed(bodies[i]!);
    lowerStatements(f, clause.statements, inner);
  });
  f.b.jump(end);
  f.b.startSealed(end);
}

function labelOf(
  f: Lowering,
  value: Operand,
  clause: TS.CaseClause,
  body: BuildBlock,
  scope: Scope,
): Label {
  const number = constantNumber(f, clause.expression, scope, "a case label");
  const literal = { type: LITERAL, words: [], literal: { value: number, bits: false } };
  const { type } = arithmetic(f, "+", value, literal, clause);
  const word = convert(f, literal, type, clause.expression).words[0]!;
  return { value: Number(BigInt.asUintN(32, number)), body, clause, word };
}

function byComparing(
  f: Lowering,
  value: Value,
  labels: readonly Label[],
  otherwise: BuildBlock,
  scope: Scope,
): void {
  for (const { clause, word, body } of labels) {
    const next = f.b.block();
    f.at(clause, scope);
    f.b.branch("eq", value, word, body, next, null);
    f.b.startSealed(next);
  }
  f.b.jump(otherwise);
}

/** False: the labels are too few or too far apart. The first of two equal labels counts. */
function byTable(
  f: Lowering,
  value: Value,
  labels: readonly Label[],
  otherwise: BuildBlock,
): boolean {
  const bodies = new Map<number, BuildBlock>();
  for (const { value: number, body } of labels) if (!bodies.has(number)) bodies.set(number, body);
  const first = Math.min(...bodies.keys());
  const count = Math.max(...bodies.keys()) - first + 1;
  if (bodies.size < TABLE_LABELS_MIN || count > bodies.size * TABLE_SPARSENESS_MAX) return false;
  const targets: BuildBlock[] = [];
  const table = Array.from({ length: count }, (_, i) => {
    const target = bodies.get(first + i) ?? otherwise;
    if (!targets.includes(target)) targets.push(target);
    return targets.indexOf(target);
  });
  const index = f.b.binary("sub", value, f.b.constant(first));
  const inside = f.b.block();
  f.b.branch("ltu", index, f.b.constant(count), inside, otherwise, null);
  f.b.startSealed(inside);
  f.b.switchTo(index, table, targets);
  return true;
}
