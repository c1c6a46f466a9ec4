/**
 * Jump threading: a way into a block that already decides the block's branch goes on to the decided side directly.
 *
 *   before: A -> C, B -> C; C: v1 = phi (0, 1); branch ne v1, 0 -> D, E        after: A -> E, B -> D
 *   before: A: branch eq v1, 0 -> B, C; B -> C; C: branch eq v1, 0 -> D, E     after: A -> B, E; B -> D
 *
 * C holds nothing but phis. Besides C's own branch and phis of its successors, they may be used only where the other side
 * leads: C still dominates that. With one way into a block its branch becomes a jump. This is what inlined predicates
 * leave behind.
 */
import type { Block, IrFunction, Value } from "../ir.ts";
import { removeEdge, removeUnreachable } from "./blocks.ts";
import { retarget } from "./edges.ts";
import type { Dominators } from "./cfg.ts";
import { findDominators } from "./cfg.ts";
import { decideOnEdge } from "./facts.ts";
import { endArgs } from "./values.ts";

export function threadJumps(fn: IrFunction): void {
  let changed = false;
  // Threading takes away ways to a block but never adds one that avoids its dominators: one computation will do.
  let known: Dominators | null = null;
  const dominators = (): Dominators => (known ??= findDominators(fn));
  for (const block of fn.blocks) {
    changed = foldDecided(block) || changed;
    if (isDecider(block)) changed = threadThrough(fn, block, dominators) || changed;
  }
  if (changed) removeUnreachable(fn);
}

/** One way in, and it decides. */
function foldDecided(block: Block): boolean {
  const { end } = block;
  if (end.kind !== "branch" || block.preds.length !== 1 || end.then === end.else) return false;
  const decided = decideOnEdge(block.preds[0], block, end.condition, ...end.args);
  if (decided === null) return false;
  block.end = { kind: "jump", target: decided ? end.then : end.else, loc: end.loc };
  removeEdge(block, decided ? end.else : end.then);
  return true;
}

/** Phis and constants only, then a branch. */
function isDecider(block: Block): boolean {
  const { end } = block;
  if (end.kind !== "branch" || end.then === end.else || block.preds.length === 0) return false;
  if (end.then === block || end.else === block) return false;
  return block.values.every((value) => value.op === "phi" || value.op === "const");
}

function threadThrough(fn: IrFunction, block: Block, dominators: () => Dominators): boolean {
  const { end } = block;
  if (end.kind !== "branch") return false;
  const own = new Set(block.values);
  let uses: Block[] | null = null;
  let changed = false;
  for (let i = block.preds.length - 1; i >= 0; i--) {
    const pred = block.preds[i];
    const at = (value: Value): Value => (value.op === "phi" && own.has(value) ? value.args[i] : value);
    const decided = decideOnEdge(pred, block, end.condition, at(end.args[0]), at(end.args[1]));
    if (decided === null || pred === block) continue;
    const target = decided ? end.then : end.else;
    if (block.preds.indexOf(pred) !== block.preds.lastIndexOf(pred) || target.preds.includes(pred)) continue;
    uses ??= usesElsewhere(fn, block, own);
    const other = decided ? end.else : end.then;
    if (uses.length > 0 && (other.preds.length !== 1 || !uses.every((b) => dominators().dominates(other, b)))) continue;
    const edge = target.preds.indexOf(block);
    for (const phi of target.values) if (phi.op === "phi") phi.args.push(constantHere(fn, pred, at(phi.args[edge]), own));
    target.preds.push(pred);
    retarget(pred.end, block, target);
    block.preds.splice(i, 1);
    for (const phi of block.values) if (phi.op === "phi") phi.args.splice(i, 1);
    if (fn.variables) for (const value of own) if (value.op === "phi") (fn.bypassed ??= new Set()).add(value);
    changed = true;
  }
  return changed;
}

/** Constants that the block defines do not reach past it: the predecessor gets its own. */
function constantHere(fn: IrFunction, pred: Block, value: Value, own: ReadonlySet<Value>): Value {
  if (value.op !== "const" || !own.has(value)) return value;
  const copy: Value = { ...value, id: fn.nextId++, args: [] };
  pred.values.push(copy);
  return copy;
}

/** Where values of the block are used, other than in its branch and by phis its successors have for it. */
function usesElsewhere(fn: IrFunction, block: Block, own: ReadonlySet<Value>): Block[] {
  const { end } = block;
  const uses: Block[] = [];
  if (own.size === 0) return uses;
  const targets = end.kind === "branch" ? [end.then, end.else] : [];
  for (const other of fn.blocks) {
    for (const value of other.values) {
      value.args.forEach((arg, i) => {
        if (!own.has(arg)) return;
        if (value.op !== "phi") uses.push(other);
        else if (!(targets.includes(other) && other.preds[i] === block)) uses.push(other.preds[i]);
      });
    }
    if (other !== block && endArgs(other.end).some((arg) => own.has(arg))) uses.push(other);
  }
  return uses;
}
