/** TypeScript's operator tokens as the compiler names them. */
import type TS from "typescript";
import type { Comparison, LiteralOp } from "./conversions.ts";
import { ts } from "../typescript.ts";

interface Tables {
  readonly arithmetic: ReadonlyMap<TS.SyntaxKind, LiteralOp>;
  readonly comparison: ReadonlyMap<TS.SyntaxKind, Comparison>;
  readonly compound: ReadonlyMap<TS.SyntaxKind, LiteralOp>;
}

let tables: Tables | null = null;

/** Built on first use: the token numbers come from the injected parser. */
export function operators(): Tables {
  if (tables) return tables;
  const k = ts.SyntaxKind;
  tables = {
    arithmetic: new Map<TS.SyntaxKind, LiteralOp>([
      [k.PlusToken, "+"],
      [k.MinusToken, "-"],
      [k.AsteriskToken, "*"],
      [k.SlashToken, "/"],
      [k.PercentToken, "%"],
      [k.AmpersandToken, "&"],
      [k.BarToken, "|"],
      [k.CaretToken, "^"],
      [k.LessThanLessThanToken, "<<"],
      [k.GreaterThanGreaterThanToken, ">>"],
      [k.GreaterThanGreaterThanGreaterThanToken, ">>>"],
    ]),
    comparison: new Map<TS.SyntaxKind, Comparison>([
      [k.EqualsEqualsEqualsToken, "==="],
      [k.ExclamationEqualsEqualsToken, "!=="],
      [k.LessThanToken, "<"],
      [k.LessThanEqualsToken, "<="],
      [k.GreaterThanToken, ">"],
      [k.GreaterThanEqualsToken, ">="],
    ]),
    compound: new Map<TS.SyntaxKind, LiteralOp>([
      [k.PlusEqualsToken, "+"],
      [k.MinusEqualsToken, "-"],
      [k.AsteriskEqualsToken, "*"],
      [k.SlashEqualsToken, "/"],
      [k.PercentEqualsToken, "%"],
      [k.AmpersandEqualsToken, "&"],
      [k.BarEqualsToken, "|"],
      [k.CaretEqualsToken, "^"],
      [k.LessThanLessThanEqualsToken, "<<"],
      [k.GreaterThanGreaterThanEqualsToken, ">>"],
      [k.GreaterThanGreaterThanGreaterThanEqualsToken, ">>>"],
    ]),
  };
  return tables;
}
