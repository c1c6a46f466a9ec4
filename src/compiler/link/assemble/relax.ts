/**
 * Branch relaxation: everything starts short; whatever does not reach becomes long, and placement
 * is repeated until nothing changes. Sizes only grow, so it ends.
 */
import { evaluate } from "./expression.ts";
import type { Scope } from "./expression.ts";
import { place } from "../layout.ts";
import type { Layout } from "../layout.ts";
import { pieceSize } from "./piece.ts";
import type { Code } from "./piece.ts";
import type { SymbolTable } from "../symbols.ts";

const BRANCH_REACH = 4096;
const JUMP_REACH = 1 << 20;

export interface MutableScope extends Scope {
  here: number;
}

/** A scope for one function; `here` moves along. */
export function scopeOf(code: Code, symbols: SymbolTable, perCpuStart: number): MutableScope {
  return {
    symbol: symbols.address,
    label: (label) => code.address + code.labelOffsets[label],
    here: code.address,
    perCpuStart,
  };
}

function relaxCode(code: Code, symbols: SymbolTable): boolean {
  const scope = scopeOf(code, symbols, 0);
  let changed = false;
  let offset = 0;
  for (const piece of code.pieces) {
    if ((piece.kind === "branch" || piece.kind === "jump") && !piece.far) {
      const reach = piece.kind === "branch" ? BRANCH_REACH : JUMP_REACH;
      scope.here = code.address + offset;
      const distance = (evaluate(piece.target, scope) - scope.here) | 0;
      const mayGrow = piece.kind === "branch" || piece.scratch !== null;
      if (mayGrow && (distance < -reach || distance >= reach)) {
        piece.far = true;
        changed = true;
      }
    }
    offset += pieceSize(piece, offset);
  }
  return changed;
}

/** Places the layout with every branch and call long enough. */
export function relax(layout: Layout, symbols: SymbolTable): void {
  for (;;) {
    place(layout);
    let changed = false;
    for (const section of layout.sections) {
      for (const code of section.codes) if (relaxCode(code, symbols)) changed = true;
    }
    if (!changed) return;
  }
}
