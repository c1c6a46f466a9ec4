/** asm`...`: literal assembly; `${}` takes a constant, or the name of a function or static. */
import type TS from "typescript";
import type { LocationId } from "../../ir.ts";
import { evaluate, type ConstContext } from "../constants/consteval.ts";
import { NO_VALUE } from "../lower/expressions.ts";
import { constContext, type Lowering, type Scope } from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import { reachStatic } from "../constants/statics.ts";
import { ts } from "../typescript.ts";
import type { LocationScope, Unit } from "../unit.ts";

export function lowerAsm(f: Lowering, node: TS.TaggedTemplateExpression, scope: Scope): Operand {
  if (node.tag.getText() !== "asm")
    return f.diagnostics.fail(node, "K101", "a tagged template", "only asm`...` exists");
  const text = assemblyText(f.unit, node, constContext(scope));
  f.at(node, scope);
  f.b.emit("asm", [], { text });
  return NO_VALUE;
}

/** The text with constants and symbols in place. */
function assemblyText(
  unit: Unit,
  node: TS.TaggedTemplateExpression,
  context: ConstContext,
): string {
  const { template } = node;
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  let text = template.head.text;
  for (const span of template.templateSpans)
    text += substitution(unit, span.expression, context) + span.literal.text;
  return text;
}

function substitution(unit: Unit, node: TS.Expression, context: ConstContext): string {
  if (ts.isIdentifier(node) && !context.isLocal?.(node.text)) {
    const symbol = unit.modules.lookup(context.module, node.text);
    if (symbol?.kind === "static" && !symbol.isConst) return reachStatic(unit, symbol).symbol;
  }
  const value = evaluate(unit, node, context);
  if (!value) return unit.diagnostics.fail(node, "K090", "the substituted value");
  if (value.symbol === null) return String(BigInt.asIntN(32, value.value));
  return value.value ? `${value.symbol}+${value.value}` : value.symbol;
}

/** The lines of a naked function's body, each with its place. */
export function nakedLines(
  unit: Unit,
  body: TS.Block,
  context: ConstContext,
  place: LocationScope,
): { readonly text: string; readonly loc: LocationId }[] {
  const lines: { text: string; loc: LocationId }[] = [];
  for (const statement of body.statements) {
    if (!ts.isExpressionStatement(statement)) unit.diagnostics.fail(statement, "K114");
    const { expression } = statement;
    if (ts.isStringLiteral(expression)) continue;
    if (!ts.isTaggedTemplateExpression(expression) || expression.tag.getText() !== "asm")
      unit.diagnostics.fail(statement, "K114");
    const first = unit.locations[unit.locate(expression, place)]!;
    assemblyText(unit, expression, context)
      .split("\n")
      .forEach((text, i) => {
        if (text.trim() === "") return;
        const loc = unit.locations.length;
        unit.locations.push({
          ...first,
          line: first.line + i,
          column: i === 0 ? first.column : 1 + text.search(/\S/),
        });
        lines.push({ text, loc });
      });
  }
  return lines;
}
