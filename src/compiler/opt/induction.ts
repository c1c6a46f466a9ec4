/**
 * Strength reduction: what is computed from a loop's counter by several operations gets a variable of its own.
 *
 *   before: loop: i = phi (0, i2); v1 = sll i, 2; v2 = add base, v1; v3 = load [v2]; i2 = add i, 1
 *   after:  loop: i = phi (0, i2); p = phi (base, p2); v3 = load [p]; i2 = add i, 1; p2 = add p, 4
 *
 * Only for what every turn needs, and where at least two operations go away for the one that comes. Wants preheaders.
 */
import type { Block, IrFunction, Value, ValueOf } from "../ir.ts";
import type { Dominators, Loop } from "./cfg.ts";
import { findDominators, findLoops } from "./cfg.ts";
import { simplify } from "./simplify.ts";
import { Replacements, constantOf, isConstantLike, makeValue } from "./values.ts";

/** More new variables in one loop would crowd the registers. */
const REDUCED_MAX = 4;

export function reduceInductions(fn: IrFunction): void {
  const dominators = findDominators(fn);
  const loops = findLoops(dominators);
  if (loops.length === 0) return;
  const home = new Map<Value, Block>();
  for (const block of fn.blocks) for (const value of block.values) home.set(value, block);
  const replaced = new Replacements();
  for (const loop of loops) new Reducer(fn, loop, dominators, home, replaced).run();
  replaced.apply(fn);
  // The first values often fold: counters start at zero.
  if (replaced.size > 0) simplify(fn);
}

class Reducer {
  readonly #fn: IrFunction;
  readonly #loop: Loop;
  readonly #dominators: Dominators;
  readonly #home: Map<Value, Block>;
  readonly #replaced: Replacements;
  /** By value: how much it grows when the counter grows by one, and how many operations it takes. */
  readonly #linear = new Map<Value, { readonly factor: number; readonly cost: number }>();

  constructor(
    fn: IrFunction, loop: Loop, dominators: Dominators, home: Map<Value, Block>, replaced: Replacements,
  ) {
    this.#fn = fn;
    this.#loop = loop;
    this.#dominators = dominators;
    this.#home = home;
    this.#replaced = replaced;
  }

  run(): void {
    const { header, preheader, blocks } = this.#loop;
    if (preheader === null || header.preds.length !== 2) return;
    const entry = header.preds.indexOf(preheader);
    const latch = header.preds[1 - entry];
    for (const counter of [...header.values]) {
      if (counter.op !== "phi") continue;
      const next = counter.args[1 - entry];
      const step = stepOf(next, counter);
      if (step === null || !blocks.has(this.#home.get(next) as Block)) continue;
      this.#linear.clear();
      this.#linear.set(counter, { factor: 1, cost: 0 });
      const roots = this.#roots(counter, next, latch);
      for (const root of roots.slice(0, REDUCED_MAX)) this.#reduce(root, counter, entry, step, latch);
    }
  }

  #isInvariant(value: Value): boolean {
    return isConstantLike(value) || !this.#loop.blocks.has(this.#home.get(value) as Block);
  }

  /** Linear values of at least two operations that something other than a linear value uses, on every turn. */
  #roots(counter: Value, next: Value, latch: Block): ValueOf<"binary">[] {
    const inner = new Set<Value>();
    const found: { value: ValueOf<"binary">; block: Block }[] = [];
    for (const block of this.#dominators.order) {
      if (!this.#loop.blocks.has(block)) continue;
      for (const value of block.values) {
        if (value.op !== "binary" || value === next) continue;
        const linear = this.#classify(value);
        if (linear === null) continue;
        this.#linear.set(value, linear);
        for (const arg of value.args) if (arg !== counter) inner.add(arg);
        if (linear.cost >= 2) found.push({ value, block });
      }
    }
    return found
      .filter(({ value, block }) => !inner.has(value) && this.#dominators.dominates(block, latch))
      .map(({ value }) => value);
  }

  #classify(value: ValueOf<"binary">): { factor: number; cost: number } | null {
    const [a, b] = value.args;
    const x = this.#linear.get(a);
    const y = this.#linear.get(b);
    const n = constantOf(b);
    switch (value.x.op) {
      case "add":
        if (x && y) return { factor: (x.factor + y.factor) | 0, cost: x.cost + y.cost + 1 };
        if (x && this.#isInvariant(b)) return { factor: x.factor, cost: x.cost + 1 };
        return y && this.#isInvariant(a) ? { factor: y.factor, cost: y.cost + 1 } : null;
      case "sub":
        if (x && y) return { factor: (x.factor - y.factor) | 0, cost: x.cost + y.cost + 1 };
        return x && this.#isInvariant(b) ? { factor: x.factor, cost: x.cost + 1 } : null;
      case "sll": return x && n !== null ? { factor: x.factor << (n & 31), cost: x.cost + 1 } : null;
      case "mul": return x && n !== null ? { factor: Math.imul(x.factor, n), cost: x.cost + 2 } : null;
      default: return null;
    }
  }

  #reduce(root: ValueOf<"binary">, counter: ValueOf<"phi">, entry: number, step: number, latch: Block): void {
    const { header, preheader } = this.#loop;
    const fn = this.#fn;
    const growth = Math.imul((this.#linear.get(root) as { factor: number }).factor, step);
    const start = this.#atStart(root, counter, counter.args[entry], preheader as Block);
    const variable = makeValue(fn, "phi", [start, start], {}, root.loc);
    const by = makeValue(fn, "const", [], { value: growth }, root.loc);
    const next = makeValue(fn, "binary", [variable, by], { op: "add" }, root.loc);
    variable.args[1 - entry] = next;
    header.values.unshift(variable);
    latch.values.push(by, next);
    this.#home.set(variable, header);
    this.#home.set(by, latch);
    this.#home.set(next, latch);
    this.#replaced.set(root, variable);
  }

  /** The computation of `value` for the counter's first value, in the preheader. */
  #atStart(value: Value, counter: Value, first: Value, preheader: Block): Value {
    if (value === counter) return first;
    if (!this.#linear.has(value)) return this.#available(value, preheader);
    const args = value.args.map((arg) => this.#atStart(arg, counter, first, preheader));
    const copy = makeValue(this.#fn, "binary", args, (value as ValueOf<"binary">).x, preheader.end.loc);
    this.#place(copy, preheader);
    return copy;
  }

  /** An invariant; constants of the loop are made again outside. */
  #available(value: Value, preheader: Block): Value {
    if (!isConstantLike(value) || !this.#loop.blocks.has(this.#home.get(value) as Block)) return value;
    const copy: Value = { ...value, id: this.#fn.nextId++, args: [] };
    this.#place(copy, preheader);
    return copy;
  }

  #place(value: Value, block: Block): void {
    block.values.push(value);
    this.#home.set(value, block);
  }
}

/** The constant by which `next` exceeds `counter`, or null. */
function stepOf(next: Value, counter: Value): number | null {
  if (next.op !== "binary" || next.x.op !== "add" || next.args[0] !== counter) return null;
  return constantOf(next.args[1]);
}
