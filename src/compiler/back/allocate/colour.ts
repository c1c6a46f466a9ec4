/**
 * Graph colouring (Chaitin and Briggs): takes nodes off while they surely find a register, else the cheapest to spill,
 * then gives registers in the opposite order. A node that finds none is spilled.
 *
 * Unspillable nodes are the short-lived ones that spilling made; when one finds no register, a neighbour goes instead.
 */
import { assert } from "../../../base/assert.ts";
import type { Classes } from "./coalesce.ts";
import { freedom } from "./coalesce.ts";
import type { InterferenceGraph } from "./interference.ts";
import type { Reg } from "../machine.ts";
import { ALLOCATABLE_MASK, CALLEE_SAVED, CALLER_SAVED } from "./registers.ts";

export interface Colouring {
  /** Machine register by node, -1 where there is none. */
  readonly registers: Int32Array;
  readonly spilled: readonly Reg[];
}

export function colour(
  graph: InterferenceGraph, classes: Classes, isUnspillable: (node: Reg) => boolean, costFactor: (node: Reg) => number,
): Colouring {
  const stack = simplify(graph, isUnspillable, costFactor);
  const registers = new Int32Array(graph.count).fill(-1);
  const spilled: Reg[] = [];
  const partners = movePartners(graph, classes);
  let usedCallee = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const register = chooseRegister(graph, node, registers, partners.get(node) ?? [], usedCallee);
    if (register >= 0) {
      registers[node] = register;
      if (CALLEE_SAVED.includes(register)) usedCallee |= 1 << register;
      continue;
    }
    spilled.push(isUnspillable(node) ? victim(graph, node, registers, isUnspillable) : node);
  }
  return { registers, spilled: [...new Set(spilled)] };
}

/** The order in which nodes are taken off the graph; last off is first coloured. */
function simplify(
  graph: InterferenceGraph, isUnspillable: (node: Reg) => boolean, costFactor: (node: Reg) => number,
): Reg[] {
  const degree = new Int32Array(graph.count);
  const room = new Int32Array(graph.count);
  const left = new Uint8Array(graph.count);
  const low: Reg[] = [];
  for (const node of graph.nodes) {
    degree[node] = graph.neighbours[node].length;
    room[node] = freedom(graph, node);
    left[node] = 1;
    if (degree[node] < room[node]) low.push(node);
  }
  // The lightest goes first, so that the heaviest chooses first.
  low.sort((a, b) => graph.weight[b] - graph.weight[a]);
  const cost = (node: Reg): number =>
    isUnspillable(node) ? Infinity : (graph.weight[node] * costFactor(node)) / (degree[node] + 1);
  const stack: Reg[] = [];
  const hard = graph.nodes.filter((node) => degree[node] >= room[node]);
  for (;;) {
    let node = low.pop();
    if (node === undefined) node = cheapest(hard, left, cost);
    if (node === undefined) return stack;
    if (left[node] === 0) continue;
    left[node] = 0;
    stack.push(node);
    for (const n of graph.neighbours[node]) {
      if (left[n] !== 0 && degree[n]-- === room[n]) low.push(n);
    }
  }
}

function cheapest(hard: readonly Reg[], left: Uint8Array, cost: (node: Reg) => number): Reg | undefined {
  let best: Reg | undefined;
  let least = Infinity;
  for (const node of hard) {
    if (left[node] === 0) continue;
    const c = cost(node);
    if (best === undefined || c < least) {
      best = node;
      least = c;
    }
  }
  return best;
}

/** Nodes that a move still connects. */
function movePartners(graph: InterferenceGraph, classes: Classes): Map<Reg, Reg[]> {
  const partners = new Map<Reg, Reg[]>();
  const add = (from: Reg, to: Reg): void => {
    const list = partners.get(from);
    if (list) list.push(to);
    else partners.set(from, [to]);
  };
  for (const { a, b } of graph.affinities) {
    const x = classes.find(a);
    const y = classes.find(b);
    if (x === y) continue;
    add(x, y);
    add(y, x);
  }
  return partners;
}

function chooseRegister(
  graph: InterferenceGraph, node: Reg, registers: Int32Array, partners: readonly Reg[], usedCallee: number,
): number {
  let taken = graph.forbidden[node];
  const wanted = new Map<number, number>();
  for (const neighbour of graph.neighbours[node]) {
    if (registers[neighbour] >= 0) {
      taken |= 1 << registers[neighbour];
      continue;
    }
    for (const [register, weight] of graph.hints[neighbour] ?? []) {
      wanted.set(register, Math.max(wanted.get(register) ?? 0, weight));
    }
  }
  const free = ALLOCATABLE_MASK & ~taken;
  if (free === 0) return -1;
  const hinted = new Map(graph.hints[node] ?? []);
  for (const partner of partners) {
    if (registers[partner] >= 0) hinted.set(registers[partner], (hinted.get(registers[partner]) ?? 0) + 1);
  }
  let best = -1;
  let most = 0;
  for (const [register, weight] of hinted) {
    if ((free & (1 << register)) !== 0 && weight > most) {
      best = register;
      most = weight;
    }
  }
  if (best >= 0) return best;
  const unwanted = CALLER_SAVED.find((r) => (free & (1 << r)) !== 0 && !wanted.has(r));
  if (unwanted !== undefined) return unwanted;
  const any = CALLER_SAVED.find((r) => (free & (1 << r)) !== 0);
  if (any !== undefined) return any;
  return CALLEE_SAVED.find((r) => (free & usedCallee & (1 << r)) !== 0) ??
    CALLEE_SAVED.find((r) => (free & (1 << r)) !== 0) ?? -1;
}

/** The lightest neighbour whose register would do. */
function victim(
  graph: InterferenceGraph, node: Reg, registers: Int32Array, isUnspillable: (node: Reg) => boolean,
): Reg {
  const candidates = graph.neighbours[node].filter((n) => registers[n] >= 0 && !isUnspillable(n));
  assert(candidates.length > 0, "colour: an instruction needs more registers than there are");
  return candidates.reduce((a, b) => (graph.weight[b] < graph.weight[a] ? b : a));
}
