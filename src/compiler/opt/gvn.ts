/**
 * Global value numbering over the dominator tree: a pure operation that a dominating block has computed is not repeated;
 * a load repeats neither an earlier load nor the store before it, when that is known on all ways here.
 *
 *   before: v3 = add v1, v2 ... v5 = add v1, v2       after: v5 is v3
 *   before: store [p+4], v1; v2 = load [p+4]          after: v2 is v1
 *
 * Memory is forgotten at loop headers, calls, atomics, CSR accesses, fences, barriers, marks and assembly (`isClobber`), and a
 * store forgets what may overlap it. `once` accesses are never merged. The address of a per-CPU variable is remembered
 * like memory: after a clobber the task may be on another CPU.
 */
import type { Block, IrFunction, Value, ValueOf } from "../ir.ts";
import type { Dominators } from "./cfg.ts";
import { findDominators } from "./cfg.ts";
import { Replacements, endArgs, isClobber, isPure } from "./values.ts";

export function numberValues(fn: IrFunction): void {
  const dominators = findDominators(fn);
  const replaced = new Replacements();
  const escaping = escapingSlots(fn);
  const pure = new Map<string, Computed[]>();
  const memories = new Map<Block, Memory>();
  // Reverse postorder: a block comes after its dominators, and after all its predecessors unless it heads a loop.
  for (const block of dominators.order) {
    const memory = Memory.atEntry(block, memories, escaping);
    for (const value of block.values) {
      replaced.inArgs(value.args);
      const known = isPure(value) ? findPure(value, block, pure, dominators) : memory.find(value);
      if (known) replaced.set(value, known);
    }
    memories.set(block, memory);
  }
  replaced.apply(fn);
}

interface Computed {
  readonly value: Value;
  readonly block: Block;
}

function findPure(value: Value, block: Block, pure: Map<string, Computed[]>, dominators: Dominators): Value | null {
  const key = pureKey(value);
  const known = pure.get(key);
  if (!known) {
    pure.set(key, [{ value, block }]);
    return null;
  }
  for (const other of known) if (dominators.dominates(other.block, block)) return other.value;
  known.push({ value, block });
  return null;
}

function pureKey(value: Value): string {
  switch (value.op) {
    case "const": return `c${value.x.value}`;
    case "symbol": return `s${value.x.name}+${value.x.offset}`;
    case "frame": return `f${value.x.slot}+${value.x.offset}`;
    case "binary": return `${value.x.op},${value.args[0].id},${value.args[1].id}`;
    default: throw new Error(`gvn: ${value.op} is not pure`);
  }
}

/** What is known to be at an address: the value a full load of that width gives. */
interface Known {
  readonly base: Value;
  /** Symbol or slot that the base is the address of, and where in it; else null and the plain offset. */
  readonly root: string | null;
  readonly offset: number;
  readonly width: number;
  readonly signed: boolean;
  readonly value: Value;
}

class Memory {
  readonly #escaping: ReadonlySet<string>;
  #known: Known[] = [];
  #percpu = new Map<string, Value>();

  constructor(escaping: ReadonlySet<string>) {
    this.#escaping = escaping;
  }

  /** What all ways into the block agree on; nothing when one of them comes from inside a loop that it heads. */
  static atEntry(block: Block, memories: ReadonlyMap<Block, Memory>, escaping: ReadonlySet<string>): Memory {
    const memory = new Memory(escaping);
    const ways: Memory[] = [];
    for (const pred of block.preds) {
      const way = memories.get(pred);
      if (!way) return memory;
      ways.push(way);
    }
    if (ways.length === 0) return memory;
    // The same note reached all predecessors, so the block where it was taken dominates them, and this block.
    memory.#known = ways[0].#known.filter((known) => ways.every((way) => way.#known.includes(known)));
    for (const [key, value] of ways[0].#percpu) {
      if (ways.every((way) => way.#percpu.get(key) === value)) memory.#percpu.set(key, value);
    }
    return memory;
  }

  /** Takes note of the value; the result is an earlier one that it equals. */
  find(value: Value): Value | null {
    switch (value.op) {
      case "load": return value.x.access === "plain" ? this.#load(value) : null;
      case "store": this.#store(value); return null;
      case "percpu": {
        const key = `${value.x.name}+${value.x.offset}`;
        const known = this.#percpu.get(key);
        if (!known) this.#percpu.set(key, value);
        return known ?? null;
      }
    }
    if (isClobber(value)) {
      this.#known = [];
      this.#percpu.clear();
    }
    return null;
  }

  #load(value: ValueOf<"load">): Value | null {
    const { width, signed } = value.x;
    const { root, offset } = place(value);
    const [base] = value.args;
    for (const known of this.#known) {
      const same = known.offset === offset && known.width === width && (width === 4 || known.signed === signed);
      if (same && (root !== null ? known.root === root : known.base === base)) return known.value;
    }
    this.#known.push({ base, root, offset, width, signed, value });
    return null;
  }

  #store(value: ValueOf<"store">): void {
    const { width, access } = value.x;
    const { root, offset } = place(value);
    const [base, stored] = value.args;
    this.#known = this.#known.filter((known) => this.#disjoint(known, base, root, offset, width));
    // A narrow store keeps the low bits only, so what a load then gives is another value.
    if (width === 4 && access === "plain") this.#known.push({ base, root, offset, width, signed: true, value: stored });
  }

  #disjoint(known: Known, base: Value, root: string | null, offset: number, width: number): boolean {
    const sameBase = root !== null ? known.root === root : known.base === base && known.root === null;
    if (sameBase) return offset + width <= known.offset || known.offset + known.width <= offset;
    if (known.root !== null && root !== null) return true;
    return this.#isPrivate(known.root) || this.#isPrivate(root);
  }

  /** A slot whose address is used for nothing but accesses to it. */
  #isPrivate(root: string | null): boolean {
    if (root === null || !root.startsWith("#")) return false;
    return !this.#escaping.has(root);
  }
}

function place(access: ValueOf<"load"> | ValueOf<"store">): { root: string | null; offset: number } {
  const [base] = access.args;
  if (base.op === "symbol") return { root: base.x.name, offset: base.x.offset + access.x.offset };
  if (base.op === "frame") return { root: `#${base.x.slot}`, offset: base.x.offset + access.x.offset };
  return { root: null, offset: access.x.offset };
}

/** Slots whose address is more than the base of an access. */
function escapingSlots(fn: IrFunction): Set<string> {
  const escaping = new Set<string>();
  for (const block of fn.blocks) {
    const use = (value: Value): void => {
      if (value.op === "frame") escaping.add(`#${value.x.slot}`);
    };
    for (const value of block.values) {
      const isAccess = value.op === "load" || value.op === "store";
      value.args.forEach((arg, i) => {
        if (!isAccess || i !== 0) use(arg);
      });
    }
    endArgs(block.end).forEach(use);
  }
  return escaping;
}
