/**
 * The state of lowering one function: the builder, and for each (inlined) activation what names mean in it.
 *
 * `Activation` is one call that was entered, real or inlined; `Scope` is one block of names within it.
 */
import type TS from "typescript";
import type { AccessKind, Block, LocalVariable, LocationId, Value } from "../../ir.ts";
import { Restores } from "../contract/restore.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { Environments } from "./environment.ts";
import type { Operand, Variable, VariableWord } from "./operand.ts";
import { SsaBuilder } from "./ssa-builder.ts";
import type { Domain, FunctionSymbol, Module } from "../types/symbols.ts";
import { wordsOf, type Type } from "../types/types.ts";
import type { TypeContext } from "../types/type-nodes.ts";
import type { ConstContext, StaticValue } from "../constants/consteval.ts";
import type { LocationScope, Unit } from "../unit.ts";

export interface Activation extends TypeContext, LocationScope {
  readonly fn: FunctionSymbol;
  readonly module: Module;
  /** `this`, in a method. */
  readonly self: Operand | null;
  readonly result: Type;
  /** Where `return` goes when inlined; null in the function that is being compiled. */
  readonly returnTo: { readonly block: Block; readonly words: readonly VariableWord[] } | null;
  /** In a generator: what `yield` does. */
  readonly onYield: ((value: Operand, from: Scope) => void) | null;
  readonly caller: Activation | null;
}

export interface Loop {
  readonly label: string | null;
  readonly breakTo: Block;
  /** Null for a switch. */
  readonly continueTo: Block | null;
  readonly up: Loop | null;
}

export interface Scope {
  readonly up: Scope | null;
  readonly names: Map<string, Variable>;
  readonly activation: Activation;
  readonly loop: Loop | null;
  /** The label in front of the statement being lowered. */
  readonly label: string | null;
  /** What to release when this scope is left (`using`), in order of declaration; see cleanup.ts. */
  readonly cleanups: ((scope: Scope) => void)[];
  /** The body of a for..of: the scope of the generator's `yield`. */
  readonly yieldedFrom: Scope | null;
}

export class Lowering {
  readonly unit: Unit;
  readonly diagnostics: Diagnostics;
  readonly domain: Domain;
  readonly b: SsaBuilder;
  readonly restores = new Restores();
  /** Calls within a statement whose result nobody uses: `x && f();`. */
  readonly dropped = new Set<TS.Node>();
  /** What an access is that the source marks no further; "race" within data_race(). */
  access: AccessKind = "plain";
  /** Whose local a slot of the frame is. */
  private readonly slotOwners = new Map<number, Activation>();
  private argumentAddress: Value | null = null;

  constructor(unit: Unit, domain: Domain) {
    this.unit = unit;
    this.diagnostics = unit.diagnostics;
    this.domain = domain;
    this.b = new SsaBuilder(new Environments(unit.locations));
  }

  /** Storage of a local of `owner`. */
  localSlot(size: number, align: number, variable: LocalVariable, owner: Activation): Value {
    const slot = this.b.newSlot(size, align, variable);
    if (slot.op === "frame") this.slotOwners.set(slot.x.slot, owner);
    return slot;
  }

  /** Whether this is, on some path, the address of or in a local of `owner`. */
  isLocalAddress(value: Value, owner: Activation, seen = new Set<Value>()): boolean {
    const word = this.b.find(value);
    if (seen.has(word)) return false;
    seen.add(word);
    if (word.op === "phi") return word.args.some((arg) => this.isLocalAddress(arg, owner, seen));
    const base = word.op === "binary" && word.x.op === "add" ? this.b.find(word.args[0]!) : word;
    return base.op === "frame" && this.slotOwners.get(base.x.slot) === owner;
  }

  /** The slot that rest arguments are passed in: one for all calls, because a call's words are stored right before it. */
  argumentSlot(words: number): Value {
    this.argumentAddress ??= this.b.newSlot(4 * words, 4, null);
    this.b.growSlot(this.argumentAddress, 4 * words);
    return this.argumentAddress;
  }

  /** What is emitted from here on comes from `node`. */
  at(node: TS.Node, scope: Scope): LocationId {
    this.b.loc = this.unit.locate(node, scope.activation);
    this.b.scope = scope;
    return this.b.loc;
  }
}

export function innerScope(up: Scope, loop: Loop | null = up.loop): Scope {
  return {
    up,
    names: new Map(),
    activation: up.activation,
    loop,
    label: null,
    cleanups: [],
    yieldedFrom: null,
  };
}

export function activationScope(activation: Activation): Scope {
  return {
    up: null,
    names: new Map(),
    activation,
    loop: null,
    label: null,
    cleanups: [],
    yieldedFrom: null,
  };
}

export function findVariable(scope: Scope, name: string): Variable | null {
  for (let s: Scope | null = scope; s; s = s.up) {
    const variable = s.names.get(name);
    if (variable) return variable;
  }
  return null;
}

export function constContext(scope: Scope): ConstContext {
  const { module, typeArgs, thisType } = scope.activation;
  return { module, typeArgs, thisType, isLocal: (name) => findVariable(scope, name) !== null };
}

/** Whether a function is being lowered already, at whatever depth. */
export function isActive(activation: Activation, fn: FunctionSymbol): boolean {
  for (let a: Activation | null = activation; a; a = a.caller) if (a.fn === fn) return true;
  return false;
}

export function variableWords(name: string, type: Type): VariableWord[] {
  return Array.from({ length: wordsOf(type) }, () => ({ name }));
}

/** A compile-time value as an operand. */
export function staticOperand(f: Lowering, value: StaticValue): Operand {
  const { type } = value;
  if (type.kind === "literal")
    return { type, words: [], literal: { value: value.value, bits: value.bits } };
  if (value.symbol !== null)
    return { type, words: [f.b.symbol(value.symbol, Number(value.value))] };
  return { type, words: constantWords(f, value.value, wordsOf(type)) };
}

export function constantWords(f: Lowering, value: bigint, count: number) {
  const words = [f.b.constant(Number(BigInt.asIntN(32, value)))];
  if (count === 2) words.push(f.b.constant(Number(BigInt.asIntN(32, value >> 32n))));
  return words;
}
