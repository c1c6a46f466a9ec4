/** How a constant is written against the type that it gets: 5 is a number of 32 bits and less, 5n one of 64. */
import type TS from "typescript";
import type { Diagnostics } from "../diagnostics.ts";
import { ts } from "../typescript.ts";
import type { IntType } from "./types.ts";

/** 64-bit constants end in n, and no others do: tsc sees two kinds of numbers there. */
export function checkSpelling(diagnostics: Diagnostics, node: TS.Node, type: IntType): void {
  let at = node;
  for (;;) {
    if (ts.isParenthesizedExpression(at)) at = at.expression;
    else if (ts.isPrefixUnaryExpression(at)) at = at.operand;
    else break;
  }
  if (ts.isNumericLiteral(at) && type.bytes === 8) diagnostics.fail(at, "K050", at.getText(), type.key);
  if (ts.isBigIntLiteral(at) && type.bytes < 8) diagnostics.fail(at, "K051", at.getText(), type.key);
}
