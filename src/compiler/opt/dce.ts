/**
 * Dead-code elimination: keeps what has an effect, what ends a block, and what those need.
 *
 *   before: v1 = load [p]      after: (nothing: a plain load whose result nobody uses)
 *           v2 = add v1, 1
 */
import type { IrFunction, Value } from "../ir.ts";
import { endArgs, isRemovable } from "./values.ts";

export function eliminateDeadCode(fn: IrFunction): void {
  const live = new Set<Value>();
  const work: Value[] = [];
  const mark = (value: Value): void => {
    if (live.has(value)) return;
    live.add(value);
    work.push(value);
  };
  for (const block of fn.blocks) {
    for (const value of block.values) if (!isRemovable(value)) mark(value);
    for (const value of endArgs(block.end)) mark(value);
  }
  for (let value = work.pop(); value; value = work.pop()) for (const arg of value.args) mark(arg);
  for (const block of fn.blocks) block.values = block.values.filter((value) => live.has(value));
}
