/**
 * Folds constants and trivial operations that earlier passes uncovered, trivial phis, and branches whose way is known.
 *
 *   before: v3 = phi (v1, v1); v4 = add v3, 0; branch ne (slt v4, v2), 0     after: branch lt v1, v2
 *   before: branch ne (xor v1, v2), 0                                        after: branch ne v1, v2
 */
import { foldCondition, isTruth, simplify as simplifyBinary } from "../front/fold.ts";
import type { Folder } from "../front/fold.ts";
import type { BinaryOp, Block, IrFunction, Op, Payloads, Terminator, Value, ValueOf } from "../ir.ts";
import { removeEdge, removeUnreachable } from "./blocks.ts";
import { reversePostorder } from "./cfg.ts";
import { Replacements, constantOf, makeValue } from "./values.ts";

export function simplify(fn: IrFunction): void {
  const replaced = new Replacements();
  let cut = false;
  for (const block of reversePostorder(fn)) {
    const pass = new Simplifier(fn, block, replaced);
    pass.run();
    cut = pass.foldEnd() || cut;
  }
  // Arguments along back edges were visited before what they name was replaced.
  replaced.apply(fn);
  if (cut) removeUnreachable(fn);
}

type Branch = Extract<Terminator, { kind: "branch" }>;

class Simplifier implements Folder {
  readonly #fn: IrFunction;
  readonly #block: Block;
  readonly #replaced: Replacements;
  #out: Value[] = [];
  #loc = 0;

  constructor(fn: IrFunction, block: Block, replaced: Replacements) {
    this.#fn = fn;
    this.#block = block;
    this.#replaced = replaced;
  }

  run(): void {
    for (const value of this.#block.values) {
      this.#replaced.inArgs(value.args);
      this.#loc = value.loc;
      const better = this.#simplify(value);
      if (better) this.#replaced.set(value, better);
      else this.#out.push(value);
    }
    this.#block.values = this.#out;
  }

  #simplify(value: Value): Value | null {
    if (value.op === "phi") return trivialPhi(value);
    if (value.op === "store" && value.x.width < 4) value.args[1] = storedPart(value.args[1], value.x.width * 8);
    if (value.op !== "binary") return null;
    const [a, b] = value.args;
    return simplifyBinary(this, value.x.op, a, b) ?? this.#extension(value);
  }

  /** Narrowing what is narrow already. */
  #extension(value: ValueOf<"binary">): Value | null {
    const [inner, by] = value.args;
    const n = constantOf(by);
    if (n === null) return null;
    if (value.x.op === "and") {
      const bits = unsignedBits(inner);
      return bits < 32 && (~n & (2 ** bits - 1)) === 0 ? inner : null;
    }
    if (value.x.op !== "sra" || inner.op !== "binary" || inner.x.op !== "sll" || constantOf(inner.args[1]) !== n) return null;
    const [source] = inner.args;
    if (source.op === "load" && source.x.signed && source.x.width * 8 <= 32 - n) return source;
    return unsignedBits(source) < 32 - n ? source : null;
  }

  #make<O extends Op>(op: O, args: Value[], x: Payloads[O]): Value {
    const value = makeValue(this.#fn, op, args, x, this.#loc) as Value;
    this.#out.push(value);
    return value;
  }

  constant(value: number): Value {
    return this.#make("const", [], { value: value | 0 });
  }

  binary(op: BinaryOp, a: Value, b: Value): Value {
    return simplifyBinary(this, op, a, b) ?? this.#make("binary", [a, b], { op });
  }

  symbol(name: string, offset: number): Value {
    return this.#make("symbol", [], { name, offset });
  }

  frameAddress(slot: number, offset: number): Value {
    return this.#make("frame", [], { slot, offset });
  }

  /** True when an edge is gone. */
  foldEnd(): boolean {
    const { end } = this.#block;
    if (end.kind === "return") this.#replaced.inArgs(end.args);
    if (end.kind !== "branch") return false;
    this.#replaced.inArgs(end.args);
    this.#loc = end.loc;
    for (let next = this.#fuse(end); next; next = this.#fuse(next)) this.#block.end = next;
    const branch = this.#block.end as Branch;
    const way = knownWay(branch);
    if (way === null) return false;
    const target = way ? branch.then : branch.else;
    const dropped = way ? branch.else : branch.then;
    this.#block.end = { kind: "jump", target, loc: branch.loc };
    removeEdge(this.#block, dropped);
    return true;
  }

  /** A branch that asks what a comparison found asks the same question itself. */
  #fuse(end: Branch): Branch | null {
    const [a, b] = end.args;
    const constant = constantOf(b);
    if (end.condition === "ltu" && constant === 1) return { ...end, condition: "eq", args: [a, this.constant(0)] };
    if (end.condition === "geu" && constant === 1) return { ...end, condition: "ne", args: [a, this.constant(0)] };
    if (end.condition !== "eq" && end.condition !== "ne") {
      const zero = constantOf(a) === 0 && constant === null;
      if (zero && end.condition === "ltu") return { ...end, condition: "ne", args: [b, a] };
      return zero && end.condition === "geu" ? { ...end, condition: "eq", args: [b, a] } : null;
    }
    if (constantOf(a) !== null && constant === null) return { ...end, args: [b, a] };
    if (a.op !== "binary") return null;
    const [x, y] = a.args;
    const negated = end.condition === "eq";
    if (constant === 0) {
      if (a.x.op === "slt") return { ...end, condition: negated ? "ge" : "lt", args: [x, y] };
      if (a.x.op === "sltu") return { ...end, condition: negated ? "geu" : "ltu", args: [x, y] };
      if (a.x.op === "xor" || a.x.op === "sub") return { ...end, args: [x, y] };
    }
    const isBoolean = isTruth(a);
    if (constant === 1 && isBoolean) return { ...end, condition: negated ? "ne" : "eq", args: [a, this.constant(0)] };
    return null;
  }
}

/** Whether the branch always goes to `then` or never does; null when it depends. */
function knownWay(end: Branch): boolean | null {
  const [a, b] = end.args;
  const x = constantOf(a);
  const y = constantOf(b);
  if (x !== null && y !== null) return foldCondition(end.condition, x, y);
  if (a === b) return foldCondition(end.condition, 0, 0);
  if (end.condition === "ltu" && y === 0) return false;
  if (end.condition === "geu" && y === 0) return true;
  return null;
}

/** The only value, other than itself, that a phi can have. */
export function trivialPhi(phi: ValueOf<"phi">): Value | null {
  let only: Value | null = null;
  for (const arg of phi.args) {
    if (arg === phi || arg === only) continue;
    if (only !== null) return null;
    only = arg;
  }
  return only;
}

/** What a narrow store needs of a value that was narrowed for it. */
function storedPart(value: Value, bits: number): Value {
  if (value.op !== "binary") return value;
  const [inner, by] = value.args;
  const n = constantOf(by);
  const mask = 2 ** bits - 1;
  if (value.x.op === "and" && n !== null && (n & mask) === mask) return inner;
  const extends_ = (value.x.op === "sra" || value.x.op === "srl") && n !== null && n <= 32 - bits;
  const shifted = inner.op === "binary" && inner.x.op === "sll" && constantOf(inner.args[1]) === n;
  return extends_ && shifted ? inner.args[0] : value;
}

/** The value is below 2 to this power, unsigned. */
function unsignedBits(value: Value): number {
  if (value.op === "load") return value.x.signed || value.x.width === 4 ? 32 : value.x.width * 8;
  if (value.op === "const") return 32 - Math.clz32(value.x.value);
  if (value.op !== "binary") return 32;
  const [a, b] = value.args;
  switch (value.x.op) {
    case "slt": case "sltu": return 1;
    case "and": return Math.min(unsignedBits(a), unsignedBits(b));
    case "or": case "xor": return Math.max(unsignedBits(a), unsignedBits(b));
    case "srl": return b.op === "const" ? Math.max(0, unsignedBits(a) - (b.x.value & 31)) : 32;
    default: return 32;
  }
}
