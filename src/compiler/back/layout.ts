/**
 * Order of blocks in memory: traces along the heaviest successor, so that the usual way falls through; cold blocks last.
 *
 *   before: A -> B (unlikely), C; B -> C     after: A C ... B
 *
 * Blocks that do nothing are jumped past.
 */
import type { MachineBlock, MachineFunction, MachineInsn } from "./machine.ts";
import { machineSuccessors } from "./machine.ts";

/** A block this much lighter than another is off its usual way. */
const COLD_RATIO = 1 / 32;

/** Makes every edge lead to the first block on its way that does something. */
export function threadJumps(fn: MachineFunction, isNoop: (insn: MachineInsn) => boolean): void {
  const follow = (start: MachineBlock): MachineBlock => {
    const seen = new Set<MachineBlock>();
    let block = start;
    while (block.end.kind === "jump" && block.insns.every(isNoop) && !seen.has(block)) {
      seen.add(block);
      block = block.end.target;
    }
    return block;
  };
  for (const { end } of fn.blocks) {
    if (end.kind === "jump") end.target = follow(end.target);
    if (end.kind === "branch") {
      end.then = follow(end.then);
      end.else = follow(end.else);
    }
    if (end.kind === "switch") end.targets = end.targets.map(follow);
  }
}

/** Reachable blocks in the order of emission. */
export function orderBlocks(fn: MachineFunction): MachineBlock[] {
  const reachable = new Set<MachineBlock>([fn.blocks[0]]);
  for (const block of reachable) for (const next of machineSuccessors(block.end)) reachable.add(next);
  const rank = new Map<MachineBlock, number>();
  const predecessors = new Map<MachineBlock, MachineBlock[]>();
  for (const block of fn.blocks) {
    if (!reachable.has(block)) continue;
    rank.set(block, rank.size);
    for (const next of machineSuccessors(block.end)) {
      predecessors.set(next, [...(predecessors.get(next) ?? []), block]);
    }
  }
  const rankOf = (block: MachineBlock): number => rank.get(block) as number;
  const placed = new Set<MachineBlock>();
  const better = (a: MachineBlock | null, b: MachineBlock): MachineBlock =>
    a === null || b.weight > a.weight || (b.weight === a.weight && rankOf(b) < rankOf(a)) ? b : a;
  /** The successor to fall into, or null where the trace ends. */
  const follow = (block: MachineBlock): MachineBlock | null => {
    let best: MachineBlock | null = null;
    for (const next of machineSuccessors(block.end)) {
      if (placed.has(next) || next.weight < block.weight * COLD_RATIO) continue;
      best = better(best, next);
    }
    if (best === null || block.end.kind !== "jump") return best;
    const waits = (predecessors.get(best) as MachineBlock[]).some((pred) =>
      !placed.has(pred) && rankOf(pred) < rankOf(best as MachineBlock) && pred.weight >= block.weight * COLD_RATIO);
    return waits ? null : best;
  };
  let start: MachineBlock | null = fn.blocks[0];
  while (start !== null) {
    for (let block: MachineBlock | null = start; block; block = follow(block)) placed.add(block);
    start = null;
    for (const block of reachable) {
      const entered = (predecessors.get(block) ?? []).some((pred) => placed.has(pred));
      if (!placed.has(block) && entered) start = better(start, block);
    }
  }
  return [...placed];
}
