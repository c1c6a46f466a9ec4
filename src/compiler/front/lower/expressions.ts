/** Expressions. `want` is the type of the context, for constants and `? :`; it converts nothing. */
import type TS from "typescript";
import {
  lowerAssignment,
  lowerBinaryArithmetic,
  lowerCompound,
  lowerSign,
  lowerStep,
} from "./arithmetic.ts";
import { lowerAsm } from "../call/asm-template.ts";
import { lowerCall } from "../call/calls.ts";
import { lowerCondition, lowerTruth } from "./conditions.ts";
import { numberOf } from "../constants/consteval.ts";
import { convert } from "./convert.ts";
import { assignable, commonInt, fits } from "../types/conversions.ts";
import { variableWords, type Lowering, type Scope } from "./lowering.ts";
import { operators } from "../types/operators.ts";
import type { Operand } from "./operand.ts";
import { lowerPlace, loadPlace } from "./places.ts";
import { lowerIdentifier, lowerProperty } from "./names.ts";
import { ts } from "../typescript.ts";
import {
  BOOL,
  I16,
  I32,
  I8,
  LITERAL,
  NULL,
  STRING,
  U16,
  U32,
  U8,
  VOID,
  nullableOf,
  typeName,
  type Type,
} from "../types/types.ts";

export const NO_VALUE: Operand = { type: VOID, words: [] };

export function lowerExpression(
  f: Lowering,
  node: TS.Expression,
  scope: Scope,
  want: Type | null = null,
  dropped = false,
): Operand {
  const k = ts.SyntaxKind;
  switch (node.kind) {
    case k.ParenthesizedExpression:
    case k.NonNullExpression:
      return lowerExpression(
        f,
        (node as TS.ParenthesizedExpression).expression,
        scope,
        want,
        dropped,
      );
    case k.Identifier:
      return lowerIdentifier(f, node as TS.Identifier, scope);
    case k.PropertyAccessExpression:
      return lowerProperty(f, node as TS.PropertyAccessExpression, scope);
    case k.ElementAccessExpression:
      return loadPlace(f, lowerPlace(f, node, scope));
    case k.CallExpression:
      return lowerCall(f, node as TS.CallExpression, scope, dropped);
    case k.BinaryExpression:
      return lowerBinary(f, node as TS.BinaryExpression, scope, want);
    case k.PrefixUnaryExpression:
      return lowerPrefix(f, node as TS.PrefixUnaryExpression, scope, want);
    case k.PostfixUnaryExpression:
      return lowerStep(f, node as TS.PostfixUnaryExpression, scope);
    case k.ConditionalExpression:
      return lowerConditional(f, node as TS.ConditionalExpression, scope, want);
    case k.NumericLiteral:
    case k.BigIntLiteral:
      return {
        type: LITERAL,
        words: [],
        literal: { value: numberOf(f.unit, node as TS.NumericLiteral), bits: false },
      };
    case k.TrueKeyword:
      return { type: BOOL, words: [f.b.constant(1)] };
    case k.FalseKeyword:
      return { type: BOOL, words: [f.b.constant(0)] };
    case k.NullKeyword:
      return { type: NULL, words: [f.b.constant(0)] };
    case k.ThisKeyword:
      return (
        scope.activation.self ??
        f.diagnostics.fail(
          node,
          "K101",
          "`this` outside of a method",
          "pass the object as a parameter",
        )
      );
    case k.StringLiteral:
    case k.NoSubstitutionTemplateLiteral:
      return lowerString(f, (node as TS.StringLiteral).text);
    case k.TaggedTemplateExpression:
      return lowerAsm(f, node as TS.TaggedTemplateExpression, scope);
    case k.YieldExpression:
      return lowerYield(f, node as TS.YieldExpression, scope);
    default:
      return refuse(f, node);
  }
}

export function lowerString(f: Lowering, text: string): Operand {
  if (f.b.dead) return { type: STRING, words: [f.b.constant(0)], text };
  return {
    type: STRING,
    /** Made on use: a field name as an argument needs no storage. */
    get words() {
      return [f.b.symbol(f.unit.string(text, f.domain))];
    },
    text,
  };
}

function lowerYield(f: Lowering, node: TS.YieldExpression, scope: Scope): Operand {
  const { onYield } = scope.activation;
  if (!onYield || !node.expression || node.asteriskToken) {
    return f.diagnostics.fail(
      node,
      "K101",
      "this `yield`",
      "a generator yields one value at a time: `yield x`",
    );
  }
  onYield(lowerExpression(f, node.expression, scope, scope.activation.result), scope);
  return NO_VALUE;
}

function lowerPrefix(
  f: Lowering,
  node: TS.PrefixUnaryExpression,
  scope: Scope,
  want: Type | null,
): Operand {
  const k = ts.SyntaxKind;
  if (node.operator === k.PlusPlusToken || node.operator === k.MinusMinusToken)
    return lowerStep(f, node, scope);
  if (node.operator === k.ExclamationToken) return lowerTruth(f, node, scope);
  return lowerSign(f, node, scope, want);
}

function lowerBinary(
  f: Lowering,
  node: TS.BinaryExpression,
  scope: Scope,
  want: Type | null,
): Operand {
  const k = ts.SyntaxKind;
  const token = node.operatorToken.kind;
  if (token === k.EqualsToken) return lowerAssignment(f, node, scope);
  const compound = operators().compound.get(token);
  if (compound) return lowerCompound(f, compound, node, scope);
  if (operators().arithmetic.has(token)) return lowerBinaryArithmetic(f, node, scope, want);
  if (
    operators().comparison.has(token) ||
    token === k.AmpersandAmpersandToken ||
    token === k.BarBarToken
  ) {
    return lowerTruth(f, node, scope);
  }
  if (token === k.CommaToken) {
    lowerExpression(f, node.left, scope, null, true);
    return lowerExpression(f, node.right, scope, want);
  }
  if (token === k.EqualsEqualsToken || token === k.ExclamationEqualsToken)
    return f.diagnostics.fail(node, "K102");
  const text = `\`${node.operatorToken.getText()}\``;
  if (token === k.QuestionQuestionToken)
    return f.diagnostics.fail(node, "K101", text, "test for null: `x !== null ? x : y`");
  const kind = token === k.InstanceOfKeyword || token === k.InKeyword;
  return f.diagnostics.fail(node, "K101", text, kind ? "keep a field that says which kind it is" : "write it with the operators of integers");
}

function lowerConditional(
  f: Lowering,
  node: TS.ConditionalExpression,
  scope: Scope,
  want: Type | null,
): Operand {
  const yes = f.b.block();
  const no = f.b.block();
  lowerCondition(f, node.condition, yes, no, scope);
  const context = want?.kind === "bool" ? null : want;
  f.b.startSealed(yes);
  const a = f.b.dead ? null : lowerExpression(f, node.whenTrue, scope, context);
  const yesEnd = f.b.current;
  const yesDead = f.b.dead;
  f.b.startSealed(no);
  if (f.b.dead || !a) {
    if (f.b.dead && a) {
      f.b.current = yesEnd;
      f.b.dead = yesDead;
      return a;
    }
    return lowerExpression(f, node.whenFalse, scope, context);
  }
  const b = lowerExpression(f, node.whenFalse, scope, context);
  return joinValues(f, node, a, yesEnd, yesDead, b, want);
}

function joinValues(
  f: Lowering,
  node: TS.ConditionalExpression,
  a: Operand,
  aEnd: Lowering["b"]["current"],
  aDead: boolean,
  b: Operand,
  want: Type | null,
): Operand {
  const type = joinedType(f, node, a, b, want);
  const words = variableWords("?:", type);
  const end = f.b.block();
  const arrive = (value: Operand, from: TS.Expression) => {
    if (type.kind === "void") return f.b.jump(end);
    const converted = convert(f, value, type, from);
    words.forEach((w, i) => {
      f.b.write(w, converted.words[i]!);
    });
    f.b.jump(end);
  };
  arrive(b, node.whenFalse);
  f.b.current = aEnd;
  f.b.dead = aDead;
  arrive(a, node.whenTrue);
  f.b.startSealed(end);
  return { type, words: words.map((w) => (f.b.dead ? f.b.constant(0) : f.b.read(w))) };
}

function joinedType(
  f: Lowering,
  node: TS.Expression,
  a: Operand,
  b: Operand,
  want: Type | null,
): Type {
  if (a.type.kind === "error" || b.type.kind === "error") return f.diagnostics.stop();
  if (a.literal && b.literal) {
    if (want?.kind === "int" && fits(a.literal, want) && fits(b.literal, want)) return want;
    const both = [a.literal, b.literal];
    return [U8, I8, U16, I16, I32, U32].find((t) => both.every((l) => fits(l, t))) ?? I32;
  }
  if (a.literal) return b.type;
  if (b.literal) return a.type;
  if (a.type.kind === "void" && b.type.kind === "void") return VOID;
  if (a.type.kind === "null") return nullableOf(b.type);
  if (b.type.kind === "null") return nullableOf(a.type);
  if (a.type.kind === "int" && b.type.kind === "int") {
    const common = a.type.key === b.type.key ? a.type : commonInt(a.type, b.type);
    return common ?? f.diagnostics.fail(node, "K042", a.type.key, b.type.key, a.type.key);
  }
  if (a.type.kind === "never") return b.type;
  if (assignable(a.type, b.type))
    return "nullable" in a.type && a.type.nullable ? nullableOf(b.type) : b.type;
  if (assignable(b.type, a.type)) return a.type;
  return f.diagnostics.fail(node, "K042", typeName(a.type), typeName(b.type), "cast<T>");
}

function refuse(f: Lowering, node: TS.Expression): never {
  const k = ts.SyntaxKind;
  const unsupported = (what: string, hint: string) => f.diagnostics.fail(node, "K101", what, hint);
  switch (node.kind) {
    case k.ArrowFunction:
    case k.FunctionExpression:
    case k.ClassExpression:
      return f.diagnostics.fail(node, "K100");
    case k.NewExpression:
      return f.diagnostics.fail(node, "K064", (node as TS.NewExpression).expression.getText());
    case k.AsExpression:
    case k.TypeAssertionExpression:
    case k.SatisfiesExpression:
      return f.diagnostics.fail(node, "K111");
    case k.TemplateExpression:
      return unsupported(
        "a template with a substitution here",
        "it is the format of pr_info, snprintf and other functions that print",
      );
    case k.ArrayLiteralExpression:
      return unsupported(
        "an array literal here",
        "declare it at module level, or fill a FixedArray",
      );
    case k.ObjectLiteralExpression:
      return unsupported("an object literal", "declare a class and fill its fields");
    case k.SpreadElement:
      return f.diagnostics.fail(node, "K091");
    case k.RegularExpressionLiteral:
      return unsupported("a regular expression", "compare characters");
    case k.AwaitExpression:
      return unsupported("await", "use wait queues and completions");
    case k.VoidExpression:
      return unsupported("`void`", "drop it: a call may stand alone");
    case k.TypeOfExpression:
    case k.DeleteExpression:
      return unsupported(
        `\`${node.getText().split(/\s/)[0]}\``,
        "types are known at compile time, and nothing is ever deleted",
      );
    case k.ImportKeyword:
      return unsupported("`import(...)`", "modules are named at the top: `import { name } from \"./file.ts\"`");
    default:
      return unsupported(`\`${node.getText().split(/[\s(]/)[0]}\``, "docs/dialect.md says what there is instead");
  }
}
