/**
 * What every pass asks about a value: is it pure, does it forget memory, does it have a result; and how one is made.
 *
 * `op` and `x` of a value are fixed, so a pass that changes an operation makes a new value and replaces the old one
 * (`Replacements`); arguments are changed in place.
 */
import type { Block, IrFunction, LocationId, Op, Payloads, Terminator, Value, ValueOf } from "../ir.ts";

/** Makes a value; the caller puts it into a block. */
export function makeValue<O extends Op>(
  fn: IrFunction, op: O, args: Value[], x: Payloads[O], loc: LocationId,
): ValueOf<O> {
  return { id: fn.nextId++, op, args, x, loc };
}

/** Makes an empty block that ends in a jump to `target`; the caller connects `preds`. */
export function makeJumpBlock(fn: IrFunction, target: Block, loc: LocationId): Block {
  return { id: fn.nextId++, values: [], preds: [], end: { kind: "jump", target, loc } };
}

/** Depends on its arguments and payload only, and cannot trap: may be merged, moved and dropped. */
export function isPure(value: Value): boolean {
  switch (value.op) {
    case "const": case "symbol": case "frame": case "binary": return true;
    default: return false;
  }
}

/** A value that code generation makes where it is needed: it costs nothing until it is used. */
export function isConstantLike(value: Value): boolean {
  return value.op === "const" || value.op === "symbol" || value.op === "frame";
}

/** May be dropped when nobody uses the result. */
export function isRemovable(value: Value): boolean {
  switch (value.op) {
    case "const": case "symbol": case "frame": case "binary":
    case "percpu": case "phi": case "param": case "result1": case "framepointer": return true;
    case "load": return value.x.access === "plain";
    default: return false;
  }
}

/** Nothing known about memory before this holds after it, nor which CPU runs us. */
export function isClobber(value: Value): boolean {
  switch (value.op) {
    case "call": case "amo": case "cmpxchg": case "csr": case "fence": case "system":
    case "ecall": case "mark": case "barrier": case "asm": return true;
    default: return false;
  }
}

/** The constant that `value` is, or null. */
export function constantOf(value: Value): number | null {
  return value.op === "const" ? value.x.value : null;
}

export function endArgs(end: Terminator): readonly Value[] {
  return end.kind === "jump" || end.kind === "unreachable" ? [] : end.args;
}

/** Which value stands for which; chains are followed, and nothing is rewritten before `apply`. */
export class Replacements {
  readonly #by = new Map<Value, Value>();

  get size(): number {
    return this.#by.size;
  }

  set(value: Value, by: Value): void {
    if (value !== by) this.#by.set(value, by);
  }

  has(value: Value): boolean {
    return this.#by.has(value);
  }

  find(value: Value): Value {
    let last = value;
    for (let next = this.#by.get(last); next; next = this.#by.get(last)) last = next;
    return last;
  }

  /** Rewrites the arguments of one value. */
  inArgs(args: Value[]): void {
    if (this.#by.size === 0) return;
    for (let i = 0; i < args.length; i++) args[i] = this.find(args[i]);
  }

  /** Rewrites every use in the function and drops the replaced values. */
  apply(fn: IrFunction): void {
    if (this.#by.size === 0) return;
    if (fn.variables) for (const [value, by] of this.#by) (fn.aliases ??= new Map()).set(value, by);
    for (const block of fn.blocks) {
      block.values = block.values.filter((v) => !this.#by.has(v));
      for (const v of block.values) this.inArgs(v.args);
      const { end } = block;
      if (end.kind !== "jump" && end.kind !== "unreachable") this.inArgs(end.args);
    }
  }
}
