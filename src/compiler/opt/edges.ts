/**
 * Splits critical edges and gives every loop a preheader, so that "at the end of the predecessor" is a place of its own.
 *
 *   before: A -> B, C;  D -> C            after: A -> B, E;  E -> C;  D -> C
 *   before: A, B -> header <- latch       after: A, B -> P -> header <- latch
 *
 * Empty blocks cost nothing: `back/layout.ts` jumps past them.
 */
import type { Block, IrFunction, Terminator, Value } from "../ir.ts";
import { findDominators, findLoops } from "./cfg.ts";
import { makeJumpBlock, makeValue } from "./values.ts";

export function splitCriticalEdges(fn: IrFunction): void {
  const added: Block[] = [];
  for (const block of fn.blocks) {
    const end = block.end;
    if (end.kind !== "branch" && end.kind !== "switch") continue;
    // A successor named twice is two predecessors, in the order then, else.
    const fix = (target: Block): Block => {
      if (target.preds.length < 2) return target;
      const middle = makeJumpBlock(fn, target, end.loc);
      middle.preds.push(block);
      target.preds[target.preds.indexOf(block)] = middle;
      added.push(middle);
      return middle;
    };
    if (end.kind === "switch") {
      end.targets = end.targets.map(fix);
      continue;
    }
    end.then = fix(end.then);
    end.else = fix(end.else);
  }
  fn.blocks.push(...added);
}

export function insertPreheaders(fn: IrFunction): void {
  for (const loop of findLoops(findDominators(fn))) {
    const { header } = loop;
    const outside = header.preds.filter((pred) => !loop.blocks.has(pred));
    if (outside.length === 0) continue;
    if (outside.length === 1 && outside[0].end.kind === "jump") continue;
    const inside = header.preds.filter((pred) => loop.blocks.has(pred));
    const preheader = makeJumpBlock(fn, header, outside[0].end.loc);
    preheader.preds.push(...outside);
    for (const value of header.values) {
      if (value.op === "phi") splitPhi(fn, header, preheader, value, loop.blocks);
    }
    header.preds = [preheader, ...inside];
    for (const pred of new Set(outside)) retarget(pred.end, header, preheader);
    fn.blocks.push(preheader);
  }
}

/** The arguments from outside meet in a phi of the preheader. */
function splitPhi(
  fn: IrFunction, header: Block, preheader: Block, phi: Value, inLoop: ReadonlySet<Block>,
): void {
  const pick = (wanted: boolean): Value[] =>
    phi.args.filter((_, i) => inLoop.has(header.preds[i]) === wanted);
  const outer = pick(false);
  let entering = outer[0];
  if (outer.some((arg) => arg !== entering)) {
    entering = makeValue(fn, "phi", outer, {}, phi.loc);
    preheader.values.push(entering);
  }
  phi.args = [entering, ...pick(true)];
}

/** Makes every mention of `from` in a terminator one of `to`. */
export function retarget(end: Terminator, from: Block, to: Block): void {
  if (end.kind === "jump" && end.target === from) end.target = to;
  if (end.kind === "branch") {
    if (end.then === from) end.then = to;
    if (end.else === from) end.else = to;
  }
  if (end.kind === "switch") end.targets = end.targets.map((target) => (target === from ? to : target));
}

