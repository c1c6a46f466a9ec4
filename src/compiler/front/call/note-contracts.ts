/** At each call of a known function: what the contracts of caller and callee (contract/tags.ts) will be checked against. */
import type TS from "typescript";
import { evaluate } from "../constants/consteval.ts";
import { constContext, type Activation, type Lowering, type Scope } from "../lower/lowering.ts";
import type { FunctionSymbol } from "../types/symbols.ts";
import { moduleContext } from "../types/type-nodes.ts";
import { ts } from "../typescript.ts";
import type { Arguments } from "./arguments.ts";

interface Call {
  readonly node: TS.Node;
  readonly fn: FunctionSymbol;
  readonly args: Arguments;
  readonly scope: Scope;
  readonly inlined: boolean;
}

export function noteContracts(f: Lowering, call: Call): void {
  const { node, fn, args, scope, inlined } = call;
  const chain: FunctionSymbol[] = [];
  for (let a: Activation | null = scope.activation; a; a = a.caller) chain.unshift(a.fn);
  f.unit.callGraph.add({ chain, callee: fn, node, inlined, sleeps: fn.tags.maySleep || sleepsWith(f, fn, args) });
  if (fn.tags.callsAtomic >= 0) noteHanded(f, call);
  if (fn.tags.restores < 0 || chain.some(({ tags }) => tags.restores >= 0)) return;
  const restored = args.values[fn.tags.restores]?.words[0];
  if (restored) f.restores.add(f.b.find(restored), f.b.current, node);
}

/** @may_sleep_if: whether the flags are a constant with a bit of the mask. */
function sleepsWith(f: Lowering, fn: FunctionSymbol, args: Arguments): boolean {
  const condition = fn.tags.maySleepIf;
  const flags = condition && args.values[condition.parameter];
  if (!flags) return false;
  const given = flags.literal?.value ?? (flags.words[0] && f.b.constantOf(flags.words[0]));
  if (given === null || given === undefined) return false;
  const symbol = f.unit.modules.lookup(fn.module, condition.mask) ?? f.unit.modules.exported(condition.mask);
  const initializer = symbol?.kind === "static" ? symbol.node.initializer : undefined;
  const mask = symbol?.kind === "static" && initializer ? evaluate(f.unit, initializer, moduleContext(symbol.module)) : null;
  if (!mask) return f.diagnostics.fail(fn.node.name ?? fn.node, "K127", fn.name, condition.mask);
  return (BigInt(given) & mask.value) !== 0n;
}

/** @calls_atomic: the function that is named for the parameter. */
function noteHanded(f: Lowering, { node, fn, scope }: Call): void {
  const argument = ts.isCallExpression(node) ? node.arguments[fn.tags.callsAtomic] : undefined;
  if (!argument || !ts.isIdentifier(argument) || constContext(scope).isLocal?.(argument.text)) return;
  const symbol = f.unit.modules.lookup(scope.activation.module, argument.text);
  if (symbol?.kind === "function") f.unit.callGraph.hand(symbol, fn, argument);
}
