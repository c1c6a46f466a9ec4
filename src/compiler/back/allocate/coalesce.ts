/**
 * Merges the two sides of a move into one node where that cannot make the graph harder to colour (Briggs).
 *
 *   before: moves (r5 = r9)       after: r5 and r9 are one node, the move is a no-op
 */
import type { InterferenceGraph } from "./interference.ts";
import type { Reg } from "../machine.ts";
import { ALLOCATABLE_MASK, bitCount } from "./registers.ts";

export class Classes {
  readonly #parent: Int32Array;
  readonly #members = new Map<Reg, Reg[]>();

  constructor(count: number) {
    this.#parent = new Int32Array(count).map((_, i) => i);
  }

  find(register: Reg): Reg {
    let at = register;
    while (this.#parent[at] !== at) at = this.#parent[at];
    return at;
  }

  join(into: Reg, other: Reg): void {
    this.#parent[other] = into;
    this.#members.set(into, [...this.members(into), ...this.members(other)]);
    this.#members.delete(other);
  }

  /** Registers that `representative` stands for, itself included. */
  members(representative: Reg): readonly Reg[] {
    return this.#members.get(representative) ?? [representative];
  }
}

/** Machine registers a node may have. */
export function freedom(graph: InterferenceGraph, node: Reg): number {
  return bitCount(ALLOCATABLE_MASK & ~graph.forbidden[node]);
}

/** Merges in place; merged nodes lose their place in `graph.nodes`. */
export function coalesce(graph: InterferenceGraph): Classes {
  const classes = new Classes(graph.count);
  const gone = new Set<Reg>();
  const stamps = new Stamps(graph.count);
  const sorted = graph.affinities.length > 1 ? [...graph.affinities].sort((x, y) => y.weight - x.weight) : graph.affinities;
  for (const { a, b } of sorted) {
    const into = classes.find(a);
    const other = classes.find(b);
    if (into === other || graph.interferes(into, other)) continue;
    if (!isSafe(graph, classes, into, other, stamps)) continue;
    for (const neighbour of graph.neighbours[other]) {
      const n = classes.find(neighbour);
      if (n !== into) graph.addEdge(into, n);
    }
    graph.forbidden[into] |= graph.forbidden[other];
    graph.weight[into] += graph.weight[other];
    for (const [register, weight] of graph.hints[other] ?? []) graph.addHint(into, register, weight);
    classes.join(into, other);
    gone.add(other);
  }
  if (gone.size > 0) compact(graph, classes, gone, stamps);
  return classes;
}

/** A set that is emptied in one step. */
class Stamps {
  readonly #stamps: Int32Array;
  #current = 0;

  constructor(count: number) {
    this.#stamps = new Int32Array(count);
  }

  clear(): void {
    this.#current++;
  }

  /** True when it was not in the set. */
  add(register: Reg): boolean {
    if (this.#stamps[register] === this.#current) return false;
    this.#stamps[register] = this.#current;
    return true;
  }
}

/** The merged node has fewer neighbours of significant degree than registers. */
function isSafe(graph: InterferenceGraph, classes: Classes, a: Reg, b: Reg, seen: Stamps): boolean {
  const room = bitCount(ALLOCATABLE_MASK & ~(graph.forbidden[a] | graph.forbidden[b]));
  if (graph.neighbours[a].length + graph.neighbours[b].length < room) return true;
  seen.clear();
  let significant = 0;
  for (const list of [graph.neighbours[a], graph.neighbours[b]]) {
    for (const neighbour of list) {
      const n = classes.find(neighbour);
      if (!seen.add(n)) continue;
      if (graph.neighbours[n].length >= freedom(graph, n) && ++significant >= room) return false;
    }
  }
  return true;
}

/** Neighbour lists name representatives only, each once. */
function compact(graph: InterferenceGraph, classes: Classes, gone: ReadonlySet<Reg>, seen: Stamps): void {
  const kept = graph.nodes.filter((node) => !gone.has(node));
  graph.nodes.length = 0;
  for (const node of kept) {
    graph.nodes.push(node);
    const list = graph.neighbours[node];
    seen.clear();
    let length = 0;
    for (let i = 0; i < list.length; i++) {
      const n = classes.find(list[i]);
      if (seen.add(n)) list[length++] = n;
    }
    list.length = length;
  }
}
