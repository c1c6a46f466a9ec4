/**
 * Moves computations whose arguments do not change in a loop to its preheader, outward through nested loops.
 *
 *   before: loop: v3 = mul v1, v2; ...         after: preheader: v3 = mul v1, v2
 *                                                     loop: ...
 *
 * Constants stay (code generation makes them before the loop where they need a register), and so does an addition of
 * a small constant: it folds into its use or costs what a register costs. Wants preheaders.
 */
import type { Block, IrFunction, Value } from "../ir.ts";
import { findDominators, findLoops } from "./cfg.ts";
import { constantOf, isConstantLike, isPure } from "./values.ts";

export function hoistInvariants(fn: IrFunction): void {
  const dominators = findDominators(fn);
  const home = new Map<Value, Block>();
  for (const block of fn.blocks) for (const value of block.values) home.set(value, block);
  for (const { blocks, preheader } of findLoops(dominators)) {
    if (preheader === null) continue;
    const isInvariant = (value: Value): boolean => isConstantLike(value) || !blocks.has(home.get(value) as Block);
    for (const block of dominators.order) {
      if (!blocks.has(block)) continue;
      block.values = block.values.filter((value) => {
        if (!isPure(value) || isConstantLike(value) || isCheap(value) || !value.args.every(isInvariant)) return true;
        for (const arg of value.args) if (isConstantLike(arg)) moveOut(arg, home, blocks, preheader);
        preheader.values.push(value);
        home.set(value, preheader);
        value.loc = preheader.end.loc;
        return false;
      });
    }
    // Constants that moved along leave the blocks they came from.
    for (const block of blocks) block.values = block.values.filter((value) => home.get(value) === block);
  }
}

function moveOut(value: Value, home: Map<Value, Block>, blocks: ReadonlySet<Block>, preheader: Block): void {
  if (!blocks.has(home.get(value) as Block)) return;
  home.set(value, preheader);
  preheader.values.push(value);
}

function isCheap(value: Value): boolean {
  if (value.op !== "binary" || value.x.op !== "add") return false;
  const c = constantOf(value.args[1]);
  return c !== null && c >= -2048 && c <= 2047;
}
