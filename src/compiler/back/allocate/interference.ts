/**
 * The interference graph: which virtual registers must differ, which machine registers each must avoid, which it
 * would like, and which pairs a move connects.
 *
 * Nodes are virtual registers by number. Spilled ones have no node.
 */
import { LiveSet, type Liveness } from "./liveness.ts";
import type { MachineBlock, MachineEnd, MachineFunction, MachineInsn, Reg } from "../machine.ts";
import { clobberMask, forEachDef, forEachEndUse, forEachUse, isVirtual, writesEarly } from "../machine.ts";
import { ALLOCATABLE_MASK, CALLER_SAVED_MASK } from "./registers.ts";

/** A move between two virtual registers that vanishes if both get one machine register. */
export interface Affinity {
  readonly a: Reg;
  readonly b: Reg;
  readonly weight: number;
}

export class InterferenceGraph {
  readonly count: number;
  readonly neighbours: number[][];
  /** Machine registers that may not hold the node, as a mask. */
  readonly forbidden: Int32Array;
  /** Estimated uses and definitions. */
  readonly weight: Float64Array;
  /** By node: machine register to how much is saved when it is chosen; sparse. */
  readonly hints: (Map<number, number> | undefined)[];
  readonly nodes: Reg[] = [];
  readonly affinities: Affinity[] = [];
  readonly #present: Uint8Array;
  readonly #rows: Map<number, Uint32Array> = new Map();
  readonly #words: number;

  constructor(count: number) {
    this.count = count;
    this.#words = (count + 31) >>> 5;
    this.neighbours = new Array<number[]>(count);
    this.forbidden = new Int32Array(count);
    this.weight = new Float64Array(count);
    this.hints = new Array<Map<number, number> | undefined>(count);
    this.#present = new Uint8Array(count);
  }

  has(node: Reg): boolean {
    return this.#present[node] !== 0;
  }

  addNode(node: Reg, weight: number): void {
    this.weight[node] += weight;
    if (this.#present[node] !== 0) return;
    this.#present[node] = 1;
    this.neighbours[node] = [];
    this.#rows.set(node, new Uint32Array(this.#words));
    this.nodes.push(node);
  }

  interferes(a: Reg, b: Reg): boolean {
    return ((this.#rows.get(a) as Uint32Array)[b >>> 5] & (1 << (b & 31))) !== 0;
  }

  addEdge(a: Reg, b: Reg): void {
    if (a === b) return;
    const row = this.#rows.get(a) as Uint32Array;
    if ((row[b >>> 5] & (1 << (b & 31))) !== 0) return;
    row[b >>> 5] |= 1 << (b & 31);
    (this.#rows.get(b) as Uint32Array)[a >>> 5] |= 1 << (a & 31);
    this.neighbours[a].push(b);
    this.neighbours[b].push(a);
  }

  addHint(node: Reg, register: number, weight: number): void {
    const hints = (this.hints[node] ??= new Map<number, number>());
    hints.set(register, (hints.get(register) ?? 0) + weight);
  }
}

export function buildInterference(
  fn: MachineFunction, liveness: Liveness, isSpilled: (register: Reg) => boolean,
): InterferenceGraph {
  const graph = new InterferenceGraph(fn.registerCount);
  const live = new LiveSet(fn.registerCount);
  for (const block of fn.blocks) {
    const count = (register: Reg): void => {
      if (!isSpilled(register)) graph.addNode(register, block.weight);
    };
    forEachEndUse(block.end, count);
    for (const insn of block.insns) {
      forEachDef(insn, count);
      forEachUse(insn, count);
    }
  }
  for (const block of fn.blocks) {
    liveness.liveOut(block, live);
    liveness.addEndUses(block, live);
    hintEnd(graph, block.end, block.weight);
    for (let i = block.insns.length - 1; i >= 0; i--) {
      addInstruction(graph, block, block.insns[i], live);
      liveness.stepBack(block.insns[i], live);
    }
  }
  return graph;
}

function hintEnd(graph: InterferenceGraph, end: MachineEnd, weight: number): void {
  if (end.kind !== "return") return;
  for (const move of end.moves) {
    if (isVirtual(move.from) && graph.has(move.from)) graph.addHint(move.from, move.to as number, weight);
  }
}

/** `live`: after the instruction. */
function addInstruction(graph: InterferenceGraph, block: MachineBlock, insn: MachineInsn, live: LiveSet): void {
  const { dense, size } = live;
  const defs: Reg[] = [];
  forEachDef(insn, (register) => {
    if (graph.has(register)) defs.push(register);
  });
  if (insn.kind === "moves") return addMoves(graph, block, insn, live, defs);
  for (const def of defs) {
    for (let i = 0; i < size; i++) graph.addEdge(def, dense[i]);
    for (const other of defs) graph.addEdge(def, other);
  }
  if (writesEarly(insn)) {
    forEachUse(insn, (use) => {
      for (const def of defs) if (graph.has(use)) graph.addEdge(def, use);
    });
  }
  const clobbers = clobberMask(insn, CALLER_SAVED_MASK) & ALLOCATABLE_MASK;
  if (clobbers !== 0) {
    for (let i = 0; i < size; i++) {
      if (!insn.results.includes(dense[i])) graph.forbidden[dense[i]] |= clobbers;
    }
    if (insn.kind === "text") {
      forEachUse(insn, (use) => {
        if (graph.has(use)) graph.forbidden[use] |= clobbers;
      });
      for (const def of defs) graph.forbidden[def] |= clobbers;
    }
  }
  hintMoves(graph, block, insn);
}

function hintMoves(graph: InterferenceGraph, block: MachineBlock, insn: MachineInsn): void {
  for (const { to, from } of insn.moves) {
    if (insn.kind === "params") {
      if (typeof from === "number" && graph.has(to as Reg)) graph.addHint(to as Reg, from, block.weight);
    } else if (isVirtual(from) && graph.has(from) && typeof to === "number") {
      graph.addHint(from, to, block.weight);
    }
  }
  insn.results.forEach((result, i) => {
    if (result >= 0 && graph.has(result)) graph.addHint(result, 10 + i, block.weight);
  });
}

/** A target may share the register of its own source, which goes on holding the same value unless it is a target too. */
function addMoves(
  graph: InterferenceGraph, block: MachineBlock, insn: MachineInsn, live: LiveSet, defs: readonly Reg[],
): void {
  for (const { to, from } of insn.moves) {
    if (!isVirtual(to) || !graph.has(to)) continue;
    for (let i = 0; i < live.size; i++) {
      if (live.dense[i] !== from) graph.addEdge(to, live.dense[i]);
    }
    for (const other of defs) graph.addEdge(to, other);
    if (isVirtual(from) && graph.has(from)) {
      graph.affinities.push({ a: to, b: from, weight: block.weight });
    }
  }
}
