/**
 * The code of a function as a tree: blocks of the source that declare names, and calls that were inlined. A node has the
 * addresses of its code; what lies inside hangs below it.
 */
import type { Location, LocationId } from "../../ir.ts";
import type { Code } from "../assemble/piece.ts";

export interface CodeNode {
  /** The call that was inlined; null for a block. */
  readonly inlined: { readonly callee: string; readonly call: LocationId } | null;
  /** Index in the function's `scopes`, or -1: the whole body. */
  readonly scope: number;
  /** Ascending, apart from each other. */
  readonly ranges: { start: number; end: number }[];
  readonly children: CodeNode[];
}

function addRange(node: CodeNode, start: number, end: number): void {
  const last = node.ranges[node.ranges.length - 1];
  if (last && last.end === start) last.end = end;
  else node.ranges.push({ start, end });
}

function descend(children: CodeNode[], inlined: CodeNode["inlined"], scope: number): CodeNode {
  const found = children.find(
    (n) => n.scope === scope && n.inlined?.call === inlined?.call && n.inlined?.callee === inlined?.callee,
  );
  if (found) return found;
  const node: CodeNode = { inlined, scope, ranges: [], children: [] };
  children.push(node);
  return node;
}

class TreeBuilder {
  readonly roots: CodeNode[] = [];
  private readonly code: Code;
  private readonly locations: readonly Location[];
  private readonly scopeOf: ReadonlyMap<LocationId, number>;
  private readonly paths = new Map<LocationId, readonly CodeNode[]>();

  constructor(code: Code, locations: readonly Location[]) {
    this.code = code;
    this.locations = locations;
    this.scopeOf = new Map(code.debug?.scopes.of.map(({ loc, scope }) => [loc, scope]));
  }

  /** The nodes around a location, from the outside inwards. */
  path(loc: LocationId): readonly CodeNode[] {
    const known = this.paths.get(loc);
    if (known) return known;
    const { inlinedAt, functionName } = this.locations[loc];
    const path: CodeNode[] = [];
    if (inlinedAt !== 0) {
      path.push(...this.path(inlinedAt));
      const children = path.at(-1)?.children ?? this.roots;
      path.push(descend(children, { callee: functionName, call: inlinedAt }, -1));
    }
    for (const scope of this.scopes(loc)) path.push(descend(path.at(-1)?.children ?? this.roots, null, scope));
    this.paths.set(loc, path);
    return path;
  }

  private scopes(loc: LocationId): number[] {
    const { debug } = this.code;
    const list: number[] = [];
    for (let scope = this.scopeOf.get(loc) ?? -1; scope >= 0; scope = debug?.scopes.parents[scope] ?? -1)
      list.unshift(scope);
    return list;
  }
}

/** `pieces`: address of each piece and the end. Pieces without a place belong to the one before. */
export function codeTree(code: Code, pieces: readonly number[], locations: readonly Location[]): CodeNode[] {
  const builder = new TreeBuilder(code, locations);
  let loc = code.loc;
  code.pieces.forEach((piece, i) => {
    if ("origin" in piece && piece.origin.loc !== 0) loc = piece.origin.loc;
    if (pieces[i] === pieces[i + 1]) return;
    for (const node of builder.path(loc)) addRange(node, pieces[i], pieces[i + 1]);
  });
  return builder.roots;
}

/** Every name that was inlined somewhere, in order of appearance. */
export function inlinedNames(trees: Iterable<readonly CodeNode[]>): Set<string> {
  const names = new Set<string>();
  const visit = (nodes: readonly CodeNode[]): void => {
    for (const node of nodes) {
      if (node.inlined) names.add(node.inlined.callee);
      visit(node.children);
    }
  };
  for (const nodes of trees) visit(nodes);
  return names;
}
