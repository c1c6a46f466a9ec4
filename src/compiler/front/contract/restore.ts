/**
 * @restores: one saved value must not be restored twice on a path. Values are those of SSA form, so "saved again" is
 * another value; a loop that comes back to where the value is made has saved it anew.
 */
import type TS from "typescript";
import type { Block, Value } from "../../ir.ts";
import type { Diagnostics } from "../diagnostics.ts";

interface Restore {
  readonly value: Value;
  readonly block: Block;
  readonly node: TS.Node;
}

export class Restores {
  private readonly found: Restore[] = [];

  /** In order of the source. */
  add(value: Value, block: Block, node: TS.Node): void {
    if (value.op !== "const") this.found.push({ value, block, node });
  }

  /** When the function is complete; `find` gives what a value became, `successors` where a block goes. */
  check(
    diagnostics: Diagnostics,
    find: (value: Value) => Value,
    successors: (block: Block) => readonly Block[],
  ): void {
    this.found.forEach((first, i) => {
      const value = find(first.value);
      this.found.forEach((second, j) => {
        if (find(second.value) !== value) return;
        const again =
          (first.block === second.block && i < j) ||
          reaches(first.block, second.block, value, successors);
        if (again) diagnostics.report(second.node, "K124");
      });
    });
  }
}

/** Whether control gets from the end of one block to another without making `value` anew. */
function reaches(
  from: Block,
  to: Block,
  value: Value,
  successors: (block: Block) => readonly Block[],
): boolean {
  const seen = new Set<Block>();
  const todo = [...successors(from)];
  for (let block = todo.pop(); block; block = todo.pop()) {
    if (seen.has(block) || block.values.includes(value)) continue;
    if (block === to) return true;
    seen.add(block);
    todo.push(...successors(block));
  }
  return false;
}
