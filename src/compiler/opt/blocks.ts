/**
 * Upkeep of the graph: removing edges and unreachable blocks, joining straight lines.
 *
 *   before: A -> B, B has no other predecessor      after: A with the values and the end of B
 */
import type { Block, IrFunction } from "../ir.ts";
import { reversePostorder, successors } from "./cfg.ts";
import { Replacements } from "./values.ts";

/** Forgets one edge on the side of `to`, with the phi arguments it carried. */
export function removeEdge(from: Block, to: Block): void {
  const at = to.preds.indexOf(from);
  to.preds.splice(at, 1);
  for (const value of to.values) if (value.op === "phi") value.args.splice(at, 1);
}

export function removeUnreachable(fn: IrFunction): void {
  const reachable = new Set(reversePostorder(fn));
  for (const block of fn.blocks) {
    if (reachable.has(block)) continue;
    for (const next of successors(block.end)) if (reachable.has(next)) removeEdge(block, next);
  }
  fn.blocks = fn.blocks.filter((block) => reachable.has(block));
}

/** Joins a block with its only successor when that has no other predecessor. */
export function joinBlocks(fn: IrFunction): void {
  const gone = new Set<Block>();
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    if (gone.has(block)) continue;
    while (block.end.kind === "jump") {
      const next: Block = block.end.target;
      if (next.preds.length !== 1 || next === block || next === fn.blocks[0]) break;
      for (const value of next.values) {
        if (value.op === "phi") replaced.set(value, value.args[0]);
        else block.values.push(value);
      }
      block.end = next.end;
      for (const after of successors(next.end)) {
        for (let i = 0; i < after.preds.length; i++) if (after.preds[i] === next) after.preds[i] = block;
      }
      gone.add(next);
    }
  }
  if (gone.size === 0) return;
  fn.blocks = fn.blocks.filter((block) => !gone.has(block));
  replaced.apply(fn);
}
