/**
 * A region's blocks in the order and nesting in which WebAssembly can express them, and where time is checked.
 *
 * Reverse postorder; a dominator tree; an edge that goes back to a block that does not dominate its start (irreducible)
 * leaves the region instead. Each node then holds the blocks that it dominates: those that several forward edges reach
 * (`merge`) behind a label, loop heads as loops. After N. Ramsey, "Beyond Relooper" (ICFP 2022).
 *
 * Time is checked at the entry, at loop heads and behind loops, and so often on the way that no path between checks takes more than
 * `checkCycles` (but for a block that is longer by itself): `path` is what must be left there for all of it to run.
 */
import { costOf, missOf } from "./op.ts";
import type { CostModel } from "./op.ts";
import type { Block, Edge, Region } from "./region.ts";

export interface Node {
  readonly block: Block;
  /** Position in reverse postorder. */
  readonly order: number;
  readonly successors: Node[];
  readonly predecessors: Node[];
  /** Immediate dominator; the entry's is itself. */
  dominator: Node;
  readonly children: Node[];
  isLoop: boolean;
  /** More than one forward edge comes here. */
  isMerge: boolean;
  isCheck: boolean;
  /** Most cycles from here to the next check, or out. */
  path: number;
}

export interface Structure {
  readonly root: Node;
  readonly nodes: readonly Node[];
  readonly nodeOf: ReadonlyMap<Block, Node>;
}

export function edgesOf(block: Block): Edge[] {
  const { end } = block;
  switch (end.kind) {
    case "goto":
    case "return":
      return [end.to];
    case "branch":
      return [end.taken, end.fall];
    default:
      return [];
  }
}

const targetsOf = (block: Block): Block[] => edgesOf(block).flatMap((edge) => edge.block ?? []);

function reversePostorder(entry: Block): Block[] {
  const seen = new Set<Block>([entry]);
  const order: Block[] = [];
  const stack = [{ block: entry, next: 0 }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    // The last successor first, so that the fall-through comes right behind its block.
    const targets = targetsOf(top.block);
    const target = targets[top.next++];
    if (target === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(target)) {
      seen.add(target);
      stack.push({ block: target, next: 0 });
    }
  }
  return order.reverse();
}

/** Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm". */
function dominate(nodes: readonly Node[]): void {
  const meet = (one: Node, two: Node): Node => {
    let a = one;
    let b = two;
    while (a !== b) {
      while (a.order > b.order) a = a.dominator;
      while (b.order > a.order) b = b.dominator;
    }
    return a;
  };
  const known = new Set<Node>([nodes[0]!]);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of nodes.slice(1)) {
      const from = node.predecessors.filter((item) => known.has(item));
      const dominator = from.reduce(meet);
      if (known.has(node) && node.dominator === dominator) continue;
      node.dominator = dominator;
      known.add(node);
      changed = true;
    }
  }
}

export function dominates(a: Node, b: Node): boolean {
  let node = b;
  while (node.order > a.order) node = node.dominator;
  return node === a;
}

function makeNodes(entry: Block): Structure {
  const nodes = reversePostorder(entry).map((block, order): Node => {
    const node = {
      block, order, successors: [], predecessors: [], children: [], isLoop: false, isMerge: false, isCheck: order === 0, path: 0,
    };
    return Object.assign(node, { dominator: node as unknown as Node });
  });
  const nodeOf = new Map(nodes.map((node) => [node.block, node]));
  for (const node of nodes) {
    for (const target of targetsOf(node.block)) {
      const to = nodeOf.get(target)!;
      node.successors.push(to);
      to.predecessors.push(node);
    }
  }
  dominate(nodes);
  return { root: nodes[0]!, nodes, nodeOf };
}

/** Lets edges leave that make the flow irreducible; whether there were any. */
function cutIrreducible({ nodes, nodeOf }: Structure): boolean {
  let cut = false;
  for (const node of nodes) {
    for (const edge of edgesOf(node.block)) {
      const target = edge.block ? nodeOf.get(edge.block)! : null;
      if (target && target.order <= node.order && !dominates(target, node)) {
        edge.block = null;
        cut = true;
      }
    }
  }
  return cut;
}

/** What takes no time still begins only while some is left. */
const blockCycles = (block: Block, model: CostModel): number =>
  block.ops.reduce((sum, op) => sum + Math.max(1, costOf(op, model).cycles), 0);

/** Most cycles of a block, its end included. */
function mostCycles(block: Block, model: CostModel): number {
  const { end } = block;
  const inside = blockCycles(block, model);
  if (!("op" in end)) return inside;
  const last = inside + costOf(end.op, model).cycles;
  if (end.kind !== "branch") return last;
  return last + Math.max(missOf(end.op, true, model), missOf(end.op, false, model));
}

/** Nodes of the loop that begins with `head`. */
function bodyOf(head: Node): Set<Node> {
  const body = new Set([head]);
  const work = head.predecessors.filter((from) => from.order >= head.order);
  for (let node = work.pop(); node; node = work.pop()) {
    if (body.has(node)) continue;
    body.add(node);
    work.push(...node.predecessors);
  }
  return body;
}

/** Behind a loop is a check: the way on from there is no part of what a round needs. */
function checkBehindLoops(nodes: readonly Node[]): void {
  for (const head of nodes.filter((node) => node.isLoop)) {
    const body = bodyOf(head);
    for (const node of body) {
      for (const next of node.successors) if (!body.has(next)) next.isCheck = true;
    }
  }
}

function placeChecks(nodes: readonly Node[], model: CostModel, checkCycles: number): void {
  for (const node of nodes.toReversed()) {
    const own = mostCycles(node.block, model);
    let rest = 0;
    for (const next of node.successors) {
      // Back edges go to loop heads.
      if (!next.isCheck && own + next.path > checkCycles) next.isCheck = true;
      if (!next.isCheck) rest = Math.max(rest, next.path);
    }
    node.path = own + rest;
  }
}

export function structure(region: Region, model: CostModel, checkCycles: number): Structure {
  let made = makeNodes(region.entry);
  while (cutIrreducible(made)) made = makeNodes(region.entry);
  for (const node of made.nodes) {
    node.isLoop = node.predecessors.some((from) => from.order >= node.order);
    node.isCheck ||= node.isLoop;
    node.isMerge = node.predecessors.filter((from) => from.order < node.order).length > 1;
    if (node !== made.root) node.dominator.children.push(node);
  }
  checkBehindLoops(made.nodes);
  placeChecks(made.nodes, model, checkCycles);
  return made;
}
