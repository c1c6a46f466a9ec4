/**
 * The shape of a function: successors, reverse postorder, dominators (Cooper, Harvey and Kennedy 2001) and natural loops.
 *
 * Answers are snapshots: whoever adds or removes a block or an edge asks again.
 */
import type { Block, IrFunction, Terminator } from "../ir.ts";

export function successors(end: Terminator): readonly Block[] {
  switch (end.kind) {
    case "jump": return [end.target];
    case "branch": return [end.then, end.else];
    case "switch": return end.targets;
    default: return [];
  }
}

/** Reachable blocks, each before its successors except along back edges; `then` sides come first. */
export function reversePostorder(fn: IrFunction): Block[] {
  const out: Block[] = [];
  const seen = new Set<Block>([fn.blocks[0]]);
  const stack: { block: Block; todo: Block[] }[] = [
    { block: fn.blocks[0], todo: [...successors(fn.blocks[0].end)] },
  ];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const next = top.todo.pop();
    if (next === undefined) {
      out.push(top.block);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push({ block: next, todo: [...successors(next.end)] });
    }
  }
  return out.reverse();
}

export interface Dominators {
  /** Reverse postorder. */
  readonly order: readonly Block[];
  readonly index: ReadonlyMap<Block, number>;
  /** By index in `order`; the entry is its own. */
  readonly idom: Int32Array;
  /** Blocks that each block dominates directly, by index in `order`. */
  readonly children: readonly (readonly number[])[];
  dominates(a: Block, b: Block): boolean;
}

export function findDominators(fn: IrFunction): Dominators {
  const order = reversePostorder(fn);
  const index = new Map(order.map((block, i) => [block, i]));
  const idom = new Int32Array(order.length).fill(-1);
  idom[0] = 0;
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      while (a > b) a = idom[a];
      while (b > a) b = idom[b];
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (let i = 1; i < order.length; i++) {
      let best = -1;
      for (const pred of order[i].preds) {
        const p = index.get(pred);
        if (p === undefined || idom[p] < 0) continue;
        best = best < 0 ? p : meet(p, best);
      }
      if (idom[i] !== best) {
        idom[i] = best;
        changed = true;
      }
    }
  }
  const children: number[][] = order.map(() => []);
  for (let i = 1; i < order.length; i++) children[idom[i]].push(i);
  const [enter, leave] = numberTree(children);
  const dominates = (a: Block, b: Block): boolean => {
    const x = index.get(a) as number;
    const y = index.get(b) as number;
    return enter[x] <= enter[y] && leave[y] <= leave[x];
  };
  return { order, index, idom, children, dominates };
}

/** Numbers at which a walk over the tree enters and leaves each node: a subtree is an interval. */
function numberTree(children: readonly (readonly number[])[]): [Int32Array, Int32Array] {
  const enter = new Int32Array(children.length);
  const leave = new Int32Array(children.length);
  let clock = 0;
  const stack = [{ node: 0, next: 0 }];
  enter[0] = clock++;
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const child = children[top.node][top.next++];
    if (child !== undefined) {
      enter[child] = clock++;
      stack.push({ node: child, next: 0 });
    } else {
      leave[top.node] = clock++;
      stack.pop();
    }
  }
  return [enter, leave];
}

export interface Loop {
  readonly header: Block;
  readonly blocks: ReadonlySet<Block>;
  /** The only block that enters the loop and goes nowhere else, or null. */
  readonly preheader: Block | null;
}

/** Natural loops, inner before outer; back edges to one header make one loop. */
export function findLoops(dominators: Dominators): Loop[] {
  const bodies = new Map<Block, Set<Block>>();
  for (const block of dominators.order) {
    for (const header of successors(block.end)) {
      if (!dominators.dominates(header, block)) continue;
      const body = bodies.get(header) ?? new Set([header]);
      bodies.set(header, body);
      const work = [block];
      for (let at = work.pop(); at; at = work.pop()) {
        if (body.has(at)) continue;
        body.add(at);
        work.push(...at.preds);
      }
    }
  }
  const loops: Loop[] = [];
  for (const [header, blocks] of bodies) {
    const outside = header.preds.filter((pred) => !blocks.has(pred));
    const only = outside.length === 1 && outside[0].end.kind === "jump" ? outside[0] : null;
    loops.push({ header, blocks, preheader: only });
  }
  return loops.sort((a, b) => a.blocks.size - b.blocks.size);
}

/** How many loops each block is in. */
export function loopDepths(loops: readonly Loop[]): Map<Block, number> {
  const depth = new Map<Block, number>();
  for (const loop of loops) for (const block of loop.blocks) depth.set(block, (depth.get(block) ?? 0) + 1);
  return depth;
}
