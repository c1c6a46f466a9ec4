/**
 * Which instructions become one region: everything that can be reached from an entry inside its page, as far as it has
 * been executed (decoded) already and the limits allow.
 *
 * A call inside the page is followed into the callee, so a place is a predecoded entry and a context: the return
 * addresses of the calls on the way. A return in a context goes on behind its call when the register says so.
 * What cannot be in a region (CSRs, system instructions, LR and SC, marks, what was never executed) ends it.
 */
import { PAGE_ENTRIES, readOp } from "./op.ts";
import type { Op } from "./op.ts";

/** Limits of a region. */
export const REGION_OPS_MAX = 256;
export const BLOCK_OPS_MAX = 32;
export const INLINE_DEPTH_MAX = 1;

/** Where control goes; `block` null: out of the region. */
export interface Edge {
  readonly at: number;
  block: Block | null;
}

export type End =
  | { readonly kind: "goto"; readonly to: Edge }
  | { readonly kind: "branch"; readonly op: Op; readonly taken: Edge; readonly fall: Edge }
  /** A return that is expected to go to `to`. */
  | { readonly kind: "return"; readonly op: Op; readonly to: Edge }
  | { readonly kind: "indirect"; readonly op: Op }
  /** To another page. */
  | { readonly kind: "far"; readonly op: Op }
  /** Tier 1 does the instruction at `at`. */
  | { readonly kind: "slow"; readonly at: number };

export interface Block {
  readonly at: number;
  readonly context: number;
  /** Without the branch or indirect jump that ends the block; a `jump` is among them for its link. */
  readonly ops: readonly Op[];
  readonly end: End;
}

export interface Region {
  readonly entry: Block;
  readonly blocks: readonly Block[];
  readonly opCount: number;
  /** Halfwords of the page that it was made from, as [from, to) pairs. */
  readonly covered: readonly (readonly [from: number, to: number])[];
}

const RA = 1;

/** Contexts by number: 0 is the entry's; others are a return place within an outer context. */
class Contexts {
  readonly #list: { readonly outer: number; readonly back: number; readonly depth: number }[] = [{ outer: 0, back: -1, depth: 0 }];

  depth(context: number): number {
    return this.#list[context]!.depth;
  }
  enter(outer: number, back: number): number {
    const known = this.#list.findIndex((item) => item.outer === outer && item.back === back);
    if (known >= 0) return known;
    this.#list.push({ outer, back, depth: this.depth(outer) + 1 });
    return this.#list.length - 1;
  }
  leave(context: number): { readonly at: number; readonly context: number } {
    const { outer, back } = this.#list[context]!;
    return { at: back, context: outer };
  }
}

interface Place {
  readonly at: number;
  readonly context: number;
}
const keyOf = ({ at, context }: Place): number => context * 4096 + at;

class Former {
  readonly #words: Int32Array;
  readonly #page: number;
  readonly #contexts = new Contexts();
  /** Places that begin a block. */
  readonly #leaders = new Set<number>();
  readonly #reached = new Set<number>();
  readonly #ops = new Map<number, Op>();
  readonly #blocks = new Map<number, Block>();

  constructor(words: Int32Array, page: number) {
    this.#words = words;
    this.#page = page;
  }

  op(at: number): Op {
    let op = this.#ops.get(at);
    if (!op) this.#ops.set(at, (op = readOp(this.#words, this.#page, at)));
    return op;
  }

  /** Where control may go behind `op`, inside the page. */
  successors(op: Op, { context }: Place): Place[] {
    const next = { at: op.at + op.length, context };
    if (op.kind === "branch") return op.far ? [next] : [next, { at: op.at + op.imm, context }];
    if (op.kind === "jump") {
      const to = this.jumpContext(op, context);
      return op.far || to === null ? [] : [{ at: op.at + op.imm, context: to }];
    }
    if (op.kind === "jumpRegister") return this.isReturn(op, context) ? [this.#contexts.leave(context)] : [];
    return [next];
  }

  /** Context of a near jump's target; null: a call that is not followed. */
  jumpContext(op: Op, context: number): number | null {
    if (op.rd === 0) return context;
    if (op.rd !== RA || this.#contexts.depth(context) >= INLINE_DEPTH_MAX) return null;
    return this.#contexts.enter(context, op.at + op.length);
  }

  isReturn(op: Op, context: number): boolean {
    return context !== 0 && op.rd === 0 && op.rs1 === RA && op.imm === 0;
  }

  /** Marks what is reached from `entry`, nearest first, and the leaders. */
  reach(entry: Place): void {
    const work: Place[] = [entry];
    this.#leaders.add(keyOf(entry));
    for (let first = 0; first < work.length; first++) {
      let place = work[first]!;
      for (let length = 0; ; length++) {
        const key = keyOf(place);
        if (this.#reached.has(key)) break;
        if (this.#reached.size >= REGION_OPS_MAX) return;
        if (place.at >= PAGE_ENTRIES) break;
        const op = this.op(place.at);
        if (op.kind === "slow" || op.kind === "unknown") break;
        this.#reached.add(key);
        const next = this.successors(op, place);
        const ends = op.kind === "branch" || op.kind === "jump" || op.kind === "jumpRegister" || length + 1 === BLOCK_OPS_MAX;
        if (ends) {
          for (const to of next) {
            this.#leaders.add(keyOf(to));
            work.push(to);
          }
          break;
        }
        place = next[0]!;
      }
    }
  }

  edge(place: Place): Edge {
    return { at: place.at, block: this.block(place) };
  }

  /** The block at a place, or null when it is not in the region. */
  block(place: Place): Block | null {
    const known = this.#blocks.get(keyOf(place));
    if (known) return known;
    if (!this.#reached.has(keyOf(place))) {
      // An instruction for tier 1 at the start of a block: the block is its exit.
      if (!this.#leaders.has(keyOf(place)) || place.at >= PAGE_ENTRIES || this.op(place.at).kind !== "slow") return null;
    }
    const ops: Op[] = [];
    const made: { at: number; context: number; ops: Op[]; end: End } = {
      at: place.at, context: place.context, ops, end: { kind: "slow", at: place.at },
    };
    this.#blocks.set(keyOf(place), made);
    made.end = this.end(place, ops);
    return made;
  }

  /** Collects the operations from `start` on; how the block ends. */
  end(start: Place, ops: Op[]): End {
    for (let place = start; ; ) {
      if (place.at >= PAGE_ENTRIES) return { kind: "goto", to: { at: place.at, block: null } };
      const op = this.op(place.at);
      if (op.kind === "unknown") return { kind: "goto", to: { at: op.at, block: null } };
      if (op.kind === "slow") return { kind: "slow", at: op.at };
      if (!this.#reached.has(keyOf(place)) || (place !== start && this.#leaders.has(keyOf(place)))) {
        return { kind: "goto", to: this.edge(place) };
      }
      const { context } = place;
      const next = { at: op.at + op.length, context };
      if (op.kind === "branch") {
        const taken = op.far ? { at: -1, block: null } : this.edge({ at: op.at + op.imm, context });
        return { kind: "branch", op, taken, fall: this.edge(next) };
      }
      if (op.kind === "jumpRegister") {
        return this.isReturn(op, context) ? { kind: "return", op, to: this.edge(this.#contexts.leave(context)) } : { kind: "indirect", op };
      }
      if (op.kind === "jump") {
        if (op.far) return { kind: "far", op };
        ops.push(op);
        const to = this.jumpContext(op, context);
        return { kind: "goto", to: to === null ? { at: op.at + op.imm, block: null } : this.edge({ at: op.at + op.imm, context: to }) };
      }
      ops.push(op);
      place = next;
    }
  }

  /** What it ends before counts: it is known to be for tier 1. */
  covered(): (readonly [number, number])[] {
    const places = new Set([...this.#reached].map((key) => key % 4096));
    for (const { end } of this.all) if (end.kind === "slow") places.add(end.at);
    return [...places].map((at) => [at, at + this.op(at).length] as const);
  }

  get all(): Block[] {
    return [...this.#blocks.values()];
  }
  get count(): number {
    return this.#reached.size;
  }
}

/** The region at entry number `at` of the predecoded page at `page`; null: its first instruction is for tier 1. */
export function formRegion(words: Int32Array, page: number, at: number): Region | null {
  const former = new Former(words, page);
  const place = { at, context: 0 };
  former.reach(place);
  if (former.count === 0) return null;
  const entry = former.block(place)!;
  return { entry, blocks: former.all, opCount: former.count, covered: former.covered() };
}
