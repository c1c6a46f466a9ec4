/** One instance of a function, from its declaration to IR. */
import { nakedLines } from "../call/asm-template.ts";
import { endBody, resultType } from "../call/inline.ts";
import { activationScope, innerScope, Lowering, type Activation } from "./lowering.ts";
import type { Operand } from "./operand.ts";
import { lowerStatements } from "./statement/statements.ts";
import { successors } from "../../opt/cfg.ts";
import { resolveType, type TypeContext } from "../types/type-nodes.ts";
import { VARARGS, classType, storageName, wordsOf, type ClassType, type Type } from "../types/types.ts";
import type { Instance, Unit } from "../unit.ts";
import { declareConstant, declareVariable } from "./variables.ts";
import { ts } from "../typescript.ts";

export function compileInstance(unit: Unit, instance: Instance): void {
  const { fn, symbol } = instance;
  const thisType = thisTypeOf(instance);
  const context: TypeContext = { module: fn.module, typeArgs: instance.typeArgs, thisType };
  const section = fn.directives.section ?? (instance.domain === "firmware" ? ".fw.text" : ".text");
  const loc = unit.locateDeclaration(fn.node.name ?? fn.node, fn.name, fn.module);
  const head = { symbol, name: fn.name, section, loc, exported: fn.exported };
  if (fn.directives.naked) {
    const place = { module: fn.module, functionName: fn.name, inlinedAt: 0, locations: new Map() };
    unit.naked.push({ ...head, lines: nakedLines(unit, fn.body, context, place) });
    return;
  }
  const f = new Lowering(unit, instance.domain);
  const result = resultType(f, fn, context);
  f.b.loc = loc;
  const words = new ParameterWords(f);
  const activation: Activation = {
    ...context,
    module: fn.module,
    fn,
    self: thisType ? words.take(thisType) : null,
    functionName: fn.name,
    inlinedAt: 0,
    locations: new Map(),
    result,
    returnTo: null,
    onYield: null,
    caller: null,
  };
  const scope = activationScope(activation);
  declareParameters(f, instance, context, words, scope);
  f.b.scope = scope;
  f.b.here(); // the prologue shows parameters
  const body = innerScope(scope);
  lowerStatements(f, fn.body.statements, body);
  const end = fn.body.statements.end;
  const { line, character } = fn.module.source.getLineAndCharacterOfPosition(end);
  if (!f.b.dead) f.b.loc = closingLocation(unit, activation, line, character);
  f.b.scope = body;
  endBody(f, fn, result, body);
  f.restores.check(unit.diagnostics, (v) => f.b.find(v), ({ end }) => successors(end));
  if (unit.diagnostics.problems.length) return; // a statement that was abandoned may have left blocks open
  const results = wordsOf(result);
  const { interrupt } = fn.directives;
  if (interrupt && (words.count > 0 || results > 0)) unit.diagnostics.fail(fn.node.name ?? fn.node, "K144");
  const more = { ...(results > 0 && { returns: storageName(result) }), ...(interrupt && { interrupt }) };
  unit.functions.push(f.b.finish({ ...head, ...more, paramCount: words.count, results }));
}

function thisTypeOf(instance: Instance): ClassType | null {
  const { owner } = instance.fn;
  return owner ? (instance.thisType ?? classType(owner)) : null;
}

/** The place of the brace that closes the body. */
function closingLocation(
  unit: Unit,
  activation: Activation,
  line: number,
  character: number,
): number {
  unit.locations.push({
    file: activation.module.source.fileName,
    line: line + 1,
    column: character + 1,
    functionName: activation.functionName,
    inlinedAt: 0,
  });
  return unit.locations.length - 1;
}

/** Hands out the incoming words in order. */
class ParameterWords {
  count = 0;
  private readonly f: Lowering;

  constructor(f: Lowering) {
    this.f = f;
  }

  take(type: Type): Operand {
    return {
      type,
      words: Array.from({ length: wordsOf(type) }, () => this.f.b.param(this.count++)),
    };
  }
}

function declareParameters(
  f: Lowering,
  instance: Instance,
  context: TypeContext,
  words: ParameterWords,
  scope: ReturnType<typeof activationScope>,
): void {
  instance.fn.node.parameters.forEach((p, i) => {
    if (!ts.isIdentifier(p.name)) {
      f.diagnostics.fail(p.name, "K104");
    }
    const name = p.name.text;
    if (p.questionToken) f.diagnostics.report(p, "K107", name);
    if (p.dotDotDotToken) {
      declareVariable(f, scope, name, words.take(VARARGS), true, p);
      return;
    }
    const bound = instance.bound[i];
    if (bound?.cls || bound?.text !== undefined) {
      declareConstant(scope, name, bound);
      return;
    }
    if (!p.type) {
      f.diagnostics.fail(p, "K026", name, name);
    }
    const type = resolveType(f.unit, p.type, context);
    const value = bound ? { type, words: [f.b.constant(0)] } : words.take(type);
    declareVariable(f, scope, name, value, false, p);
  });
}
