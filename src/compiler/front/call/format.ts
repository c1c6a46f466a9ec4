/**
 * Format strings of printf-like functions: `f(…, format: string, ...args: vararg[])`.
 *
 *   pr_info(`${n} leaks in ${ns} ns, at %pS${where}`)   ->   pr_info("%u leaks in %llu ns, at %pS", n, ns, where)
 *
 * A substitution prints by its type: %u %d %llu %lld, %s for a string, %p for what is an address; a conversion that stands
 * right before it is used instead. The rest of the text is a format as ever (`%%` for a percent sign). A format that is
 * known here is checked against its arguments: their number, one word or two, and no %s for a number that is no address.
 * The conversions are those of kernel/lib/vsprintf.ts.
 */
import type TS from "typescript";
import type { Lowering } from "../lower/lowering.ts";
import type { Operand } from "../lower/operand.ts";
import { ts } from "../typescript.ts";
import { typeName, type Type } from "../types/types.ts";

const CONVERSION = /%(?<star>[-0#]*(?:\*|\d*)(?:\.(?:\*|\d*))?)(?<wide>hh|h|ll|l|z)?(?<kind>%|p[SsB]?|[diuxXocs])/g;
const ENDS_IN_CONVERSION = /(?:^|[^%])(?:%%)*%[-0#]*\d*(?:\.\d*)?(?:hh|h|ll|l|z)?(?:p[SsB]?|[diuxXocs])$/;

/** Whether the last fixed parameter is a format. */
export function takesFormat(params: readonly TS.ParameterDeclaration[]): boolean {
  const before = params.at(-2);
  return (
    params.at(-1)?.dotDotDotToken !== undefined &&
    before !== undefined &&
    /^(format|fmt)$/.test(before.name.getText()) &&
    before.type?.kind === ts.SyntaxKind.StringKeyword
  );
}

function conversionOf(type: Type): string | null {
  switch (type.kind) {
    case "int":
      return `%${type.bytes === 8 ? "ll" : ""}${type.signed ? "d" : "u"}`;
    case "literal":
      return "%d";
    case "bool":
      return "%u";
    case "string":
      return "%s";
    case "pointer":
    case "class":
    case "array":
      return "%p";
    default:
      return null;
  }
}

/** The format of a template whose substitutions have been evaluated to `values`. */
export function templateFormat(
  f: Lowering,
  node: TS.TemplateExpression,
  values: readonly Operand[],
): string {
  let format = node.head.text;
  node.templateSpans.forEach((span, i) => {
    const { type } = values[i]!;
    const conversion = ENDS_IN_CONVERSION.test(format) ? "" : conversionOf(type);
    if (conversion === null)
      f.diagnostics.fail(span.expression, "K120", typeName(type));
    format += conversion + span.literal.text;
  });
  return format;
}

/** What cannot be the address of a text; a u32 can. */
function isNoAddress(type: Type): boolean {
  return type.kind === "literal" || type.kind === "bool" || (type.kind === "int" && (type.bytes !== 4 || type.signed));
}

/** Objects to a format that does not fit its arguments. */
export function checkFormat(
  f: Lowering,
  call: TS.Node,
  format: string,
  values: readonly Operand[],
): void {
  let at = 0;
  const next = (wide: boolean, conversion: string): void => {
    const value = values[at++];
    if (value && /s$/.test(conversion) && isNoAddress(value.type)) {
      const fitting = conversionOf(value.type) ?? "%u";
      f.diagnostics.report(call, "K119", `${conversion} for an argument of type ${typeName(value.type)}`, `write ${fitting}, or pass a string`);
      return;
    }
    if (!value || value.literal || wide === (value.type.kind === "int" && value.type.bytes === 8))
      return;
    const hint = wide ? "drop `ll`, or widen the argument" : "write `ll` before the conversion";
    f.diagnostics.report(call, "K119", `${conversion} for an argument of type ${typeName(value.type)}`, hint);
  };
  for (const match of format.matchAll(CONVERSION)) {
    const { star = "", wide, kind } = match.groups!;
    if (kind === "%") continue;
    for (const _ of star.matchAll(/\*/g)) next(false, "*");
    next(wide === "ll", match[0]);
  }
  if (at !== values.length && !values.some((v) => v.type.kind === "error"))
    f.diagnostics.report(
      call,
      "K119",
      `conversions in the format: ${at}, arguments: ${values.length}`,
      "give one argument for each conversion; `%%` prints a percent sign",
    );
}
