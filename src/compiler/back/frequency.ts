/**
 * How often blocks run: loops run ten times, and cold blocks (behind `unlikely`, or on the way to a panic) hardly ever.
 * Feeds spill choice, coalescing order and block layout.
 */
import type { Block } from "../ir.ts";
import type { Loop } from "../opt/cfg.ts";
import { loopDepths, successors } from "../opt/cfg.ts";

const LOOP_FACTOR = 10;
const COLD_FACTOR = 1 / 64;
const DEPTH_MAX = 6;

/** Blocks that run only after an unlikely branch, or from which the function cannot return. */
export function coldBlocks(order: readonly Block[]): Set<Block> {
  const cold = new Set<Block>();
  for (let i = order.length - 1; i > 0; i--) {
    const { end } = order[i];
    const next = successors(end);
    if (end.kind === "unreachable" || (next.length > 0 && next.every((b) => cold.has(b)))) cold.add(order[i]);
  }
  const index = new Map(order.map((block, i) => [block, i]));
  order.forEach((block, i) => {
    if (i === 0) return;
    const entering = block.preds.filter((pred) => (index.get(pred) ?? i) < i);
    if (entering.length > 0 && entering.every((pred) => cold.has(pred) || isUnlikely(pred, block))) cold.add(block);
  });
  return cold;
}

function isUnlikely(from: Block, to: Block): boolean {
  const { end } = from;
  return end.kind === "branch" && end.then !== end.else &&
    ((end.hint === "then" && end.else === to) || (end.hint === "else" && end.then === to));
}

/** Estimated runs of each reachable block per call; `order` is reverse postorder. */
export function blockWeights(
  order: readonly Block[], loops: readonly Loop[],
): { weights: Map<Block, number>; cold: Set<Block> } {
  const depths = loopDepths(loops);
  const cold = coldBlocks(order);
  const weights = new Map<Block, number>();
  for (const block of order) {
    const weight = LOOP_FACTOR ** Math.min(DEPTH_MAX, depths.get(block) ?? 0);
    weights.set(block, cold.has(block) ? weight * COLD_FACTOR : weight);
  }
  return { weights, cold };
}
