/**
 * Jump threading: a predecessor that decides a branch by the constant it hands to a phi goes there directly.
 *
 *   before: A -> C, B -> C; C: v1 = phi (0, 1); branch ne v1, 0 -> D, E        after: A -> E, B -> D
 *
 * C holds nothing but phis that are used in its own branch, and phis of its successors. This is what inlined predicates
 * leave behind. The other phis of C must not be used elsewhere: nothing would dominate those uses any more.
 */
import { foldCondition } from "../front/fold.ts";
import type { Block, IrFunction, Value } from "../ir.ts";
import { removeUnreachable } from "./blocks.ts";
import { retarget } from "./edges.ts";
import { constantOf, endArgs } from "./values.ts";

export function threadBooleans(fn: IrFunction): void {
  let changed = false;
  for (const block of fn.blocks) {
    if (isDecider(block)) changed = threadThrough(fn, block) || changed;
  }
  if (changed) removeUnreachable(fn);
}

/** Phis and constants only, then a branch on one of the phis. */
function isDecider(block: Block): boolean {
  const { end } = block;
  if (end.kind !== "branch" || end.then === end.else || block.preds.length === 0) return false;
  if (end.then === block || end.else === block) return false;
  if (!end.args.some((arg) => arg.op === "phi" && block.values.includes(arg))) return false;
  return block.values.every((value) => value.op === "phi" || value.op === "const");
}

function threadThrough(fn: IrFunction, block: Block): boolean {
  const { end } = block;
  if (end.kind !== "branch" || usedElsewhere(fn, block)) return false;
  let changed = false;
  for (let i = block.preds.length - 1; i >= 0; i--) {
    const pred = block.preds[i];
    const at = (value: Value): Value => (value.op === "phi" && block.values.includes(value) ? value.args[i] : value);
    const [a, b] = end.args.map((arg) => constantOf(at(arg)));
    if (a === null || b === null || pred === block) continue;
    const target = foldCondition(end.condition, a, b) ? end.then : end.else;
    if (block.preds.indexOf(pred) !== block.preds.lastIndexOf(pred) || target.preds.includes(pred)) continue;
    const edge = target.preds.indexOf(block);
    for (const phi of target.values) if (phi.op === "phi") phi.args.push(constantHere(fn, pred, at(phi.args[edge]), block));
    target.preds.push(pred);
    retarget(pred.end, block, target);
    block.preds.splice(i, 1);
    for (const phi of block.values) if (phi.op === "phi") phi.args.splice(i, 1);
    changed = true;
  }
  return changed;
}

/** Constants that `block` defines do not reach past it: the predecessor gets its own. */
function constantHere(fn: IrFunction, pred: Block, value: Value, block: Block): Value {
  if (value.op !== "const" || !block.values.includes(value)) return value;
  const copy: Value = { ...value, id: fn.nextId++, args: [] };
  pred.values.push(copy);
  return copy;
}

/** Whether a value of the block is used outside its branch and the phis its successors have for it. */
function usedElsewhere(fn: IrFunction, block: Block): boolean {
  const own = new Set<Value>(block.values);
  const { end } = block;
  const targets = end.kind === "branch" ? [end.then, end.else] : [];
  for (const other of fn.blocks) {
    for (const value of other.values) {
      if (other === block && value.op === "phi" && value.args.some((arg) => own.has(arg) && arg.op === "phi")) return true;
      if (other === block) continue;
      const isTarget = value.op === "phi" && targets.includes(other);
      if (value.args.some((arg, i) => own.has(arg) && !(isTarget && other.preds[i] === block))) return true;
    }
    if (other !== block && endArgs(other.end).some((arg) => own.has(arg))) return true;
  }
  return false;
}
