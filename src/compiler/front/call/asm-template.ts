/**
 * asm`...`: literal assembly. `${}` takes a constant, the name of a function or static, or an operand:
 *
 *   asm`csrrw ${asmOut(old)}, sscratch, ${asmIn(task)}`          old = the register that the first operand became
 *   asm`add ${asmInOut(sum)}, t0, t1 ${asmClobber("t0", "t1")}`
 *
 * The same operand again is the same register. What is written has registers of its own, different from all that is read: the text may write before it has read.
 */
import type TS from "typescript";
import { REGISTER_NAMES } from "../../../isa/index.ts";
import { ASM_OPERAND, type LocationId, type Value } from "../../ir.ts";
import { evaluate, type ConstContext } from "../constants/consteval.ts";
import { convert } from "../lower/convert.ts";
import { lowerExpression, NO_VALUE } from "../lower/expressions.ts";
import { constContext, type Lowering, type Scope } from "../lower/lowering.ts";
import type { Operand, Place } from "../lower/operand.ts";
import { assignPlace, checkAssignable, loadPlace, lowerPlace, placeType } from "../lower/places.ts";
import { I32, U32, isAddress, typeName, type Type } from "../types/types.ts";
import { reachStatic } from "../constants/statics.ts";
import { ts } from "../typescript.ts";
import type { LocationScope, Unit } from "../unit.ts";

/** t0..t2, a0..a7, t3..t6. */
const CHANGEABLE = 0xf003_fce0;
const READS_MAX = 3;
const WRITES_MAX = 2;
const OPERANDS: ReadonlySet<string> = new Set(["asmIn", "asmOut", "asmInOut", "asmClobber"]);

export function lowerAsm(f: Lowering, node: TS.TaggedTemplateExpression, scope: Scope): Operand {
  if (node.tag.getText() !== "asm")
    return f.diagnostics.fail(node, "K101", "a tagged template", "only asm`...` exists");
  const operands = new Operands(f, scope);
  const { text, before } = operands.read(node.template);
  f.at(node, scope);
  const { reads, writes, clobbers } = operands;
  const results = writes.length as 0 | 1 | 2;
  const first = f.b.emit("asm", reads, { text: before + text, results, clobbers });
  const words = results === 2 ? [first, f.b.emit("result1", [first], {})] : [first];
  writes.forEach(({ place, node: target }, i) => {
    assignPlace(f, place, { type: placeType(place), words: [words[i]!] }, target);
  });
  return NO_VALUE;
}

/** The operation that an operand names, or null. */
function operandCall(unit: Unit, node: TS.Expression, context: ConstContext): TS.CallExpression | null {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return null;
  const name = node.expression.text;
  return OPERANDS.has(name) && !unit.modules.lookup(context.module, name) ? node : null;
}

/** What the template reads, writes and changes, from left to right. */
class Operands {
  readonly reads: Value[] = [];
  readonly writes: { readonly place: Place; readonly node: TS.Expression }[] = [];
  clobbers = 0;
  private readonly f: Lowering;
  private readonly scope: Scope;
  private before = "";
  /** An operand that is written again is the same register. */
  private readonly named = new Map<string, string>();

  constructor(f: Lowering, scope: Scope) {
    this.f = f;
    this.scope = scope;
  }

  /** The text, and what has to run before it. */
  read(template: TS.TemplateLiteral): { text: string; before: string } {
    if (ts.isNoSubstitutionTemplateLiteral(template)) return { text: template.text, before: "" };
    const context = constContext(this.scope);
    let text = template.head.text;
    for (const { expression, literal } of template.templateSpans) {
      const call = operandCall(this.f.unit, expression, context);
      text += (call ? this.operand(call) : substitution(this.f.unit, expression, context)) + literal.text;
    }
    return { text, before: this.before };
  }

  private operand(call: TS.CallExpression): string {
    const name = call.expression.getText();
    if (name === "asmClobber") {
      for (const argument of call.arguments) this.clobber(argument);
      return "";
    }
    const [argument] = call.arguments;
    if (!argument || call.arguments.length !== 1)
      return this.f.diagnostics.fail(call, "K080", name, "1 argument", call.arguments.length, "one operand");
    const key = `${name === "asmIn" ? "read" : "write"} ${argument.getText()}`;
    let register = this.named.get(key);
    if (register === undefined) this.named.set(key, (register = this.register(call, name, argument)));
    return register;
  }

  private register(call: TS.CallExpression, name: string, argument: TS.Expression): string {
    if (name === "asmIn") return this.input(call, lowerExpression(this.f, argument, this.scope, U32), argument);
    const place = lowerPlace(this.f, argument, this.scope);
    checkAssignable(this.f, place, argument, this.scope);
    this.checkWord(placeType(place), argument);
    if (this.writes.length === WRITES_MAX) this.f.diagnostics.fail(call, "K140", WRITES_MAX, "operands that it writes");
    const written = `${ASM_OPERAND}o${this.writes.length}`;
    if (name === "asmInOut") {
      const input = this.input(call, loadPlace(this.f, place), argument);
      this.before += `mv ${written}, ${input}\n`;
    }
    this.writes.push({ place, node: argument });
    return written;
  }

  private input(call: TS.Node, operand: Operand, node: TS.Expression): string {
    const { literal } = operand;
    const value = literal ? convert(this.f, operand, literal.value < 0n ? I32 : U32, node) : operand;
    if (value.words.length !== 1) this.notOneWord(value.type, node);
    if (this.reads.length === READS_MAX) this.f.diagnostics.fail(call, "K140", READS_MAX, "operands that it reads");
    this.reads.push(value.words[0]!);
    return `${ASM_OPERAND}i${this.reads.length - 1}`;
  }

  /** Narrow integers would need what the text leaves in their upper bits. */
  private checkWord(type: Type, node: TS.Expression): void {
    if (!(type.kind === "int" && type.bytes === 4) && !isAddress(type)) this.notOneWord(type, node);
  }

  private notOneWord(type: Type, node: TS.Expression): never {
    return this.f.diagnostics.fail(node, "K040", typeName(type), "one word", "use a u32, an i32 or a pointer");
  }

  private clobber(argument: TS.Expression): void {
    const register = ts.isStringLiteral(argument) ? REGISTER_NAMES.indexOf(argument.text) : -1;
    if (((CHANGEABLE >>> register) & 1) === 0 || register < 0)
      this.f.diagnostics.fail(argument, "K141", argument.getText());
    this.clobbers |= 1 << register;
  }
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
  if (operandCall(unit, node, context)) unit.diagnostics.fail(node, "K142", (node as TS.CallExpression).expression.getText());
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
