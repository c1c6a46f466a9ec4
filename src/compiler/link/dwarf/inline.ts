/**
 * Which stretches of a function were inlined from where, as a tree: a node is one call that was
 * inlined, with the addresses of its code; what was inlined into that code hangs below it.
 */
import type { Location, LocationId } from "../../ir.ts";
import type { Code } from "../assemble/piece.ts";
import type { RowSequence } from "../rows.ts";

export interface InlineNode {
  readonly callee: string;
  readonly call: LocationId;
  /** Ascending, apart from each other. */
  readonly ranges: { start: number; end: number }[];
  readonly children: InlineNode[];
}

/** The calls from the outermost inwards. */
function callChain(
  locations: readonly Location[],
  loc: LocationId,
): { callee: string; call: LocationId }[] {
  const chain: { callee: string; call: LocationId }[] = [];
  for (let at = loc; locations[at].inlinedAt !== 0; at = locations[at].inlinedAt) {
    chain.push({ callee: locations[at].functionName, call: locations[at].inlinedAt });
  }
  return chain.reverse();
}

function addRange(node: InlineNode, start: number, end: number): void {
  const last = node.ranges[node.ranges.length - 1];
  if (last && last.end === start) last.end = end;
  else node.ranges.push({ start, end });
}

function descend(children: InlineNode[], callee: string, call: LocationId): InlineNode {
  const found = children.find((n) => n.call === call && n.callee === callee);
  if (found) return found;
  const node: InlineNode = { callee, call, ranges: [], children: [] };
  children.push(node);
  return node;
}

/** The trees of all functions that have any, by their address. */
export function inlineTrees(
  sequences: readonly RowSequence[],
  codes: readonly Code[],
  locations: readonly Location[],
): Map<number, InlineNode[]> {
  const trees = new Map<number, InlineNode[]>();
  const starts = new Map(codes.map((code) => [code.address, code]));
  for (const { rows, end } of sequences) {
    let code: Code | undefined;
    rows.forEach((row, i) => {
      code = starts.get(row.address) ?? code;
      if (!code || locations[row.loc].inlinedAt === 0) return;
      const stop = Math.min(rows[i + 1]?.address ?? end, code.address + code.size);
      let children = trees.get(code.address) ?? [];
      trees.set(code.address, children);
      for (const { callee, call } of callChain(locations, row.loc)) {
        const node = descend(children, callee, call);
        addRange(node, row.address, stop);
        children = node.children;
      }
    });
  }
  return trees;
}

/** Every name that was inlined somewhere, in order of appearance. */
export function inlinedNames(trees: Iterable<readonly InlineNode[]>): Set<string> {
  const names = new Set<string>();
  const visit = (nodes: readonly InlineNode[]): void => {
    for (const node of nodes) {
      names.add(node.callee);
      visit(node.children);
    }
  };
  for (const nodes of trees) visit(nodes);
  return names;
}
