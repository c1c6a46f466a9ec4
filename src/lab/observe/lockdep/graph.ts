/**
 * Which lock class was taken while which was held, and the search for paths that can deadlock.
 *
 * An edge prev -> next remembers in which forms it was seen: prev held exclusively (E) or shared (S), next taken as a recursive
 * read (R) or otherwise (N). A path is strong unless some class in it is entered only as a recursive read and left
 * only as a shared holder: there a reader passes. Only strong paths deadlock. (Documentation/locking/lockdep-design.rst,
 * section "Recursive read locks"; breadth first, so the path found is a shortest one.)
 */
import type { Stack } from "../moment.ts";

const SR = 1;
const ER = 2;
const SN = 4;
const EN = 8;

/** How a lock is held or wanted: exclusively, shared, or shared and recursive. */
export const EXCLUSIVE = 0;
export const SHARED = 1;
export const RECURSIVE = 2;

export interface Edge {
  readonly from: number;
  readonly to: number;
  /** SR | ER | SN | EN. */
  forms: number;
  /** Who took `to` under `from` first. */
  readonly stack: Stack;
}

function formOf(prevRead: number, nextRead: number): number {
  if (prevRead === EXCLUSIVE) return nextRead === RECURSIVE ? ER : EN;
  return nextRead === RECURSIVE ? SR : SN;
}

export class DependencyGraph {
  readonly #after: Edge[][] = [];
  readonly #before: Edge[][] = [];
  readonly #edges = new Map<number, Edge>();

  /** Whether the dependency is new in this form. */
  isNew(from: number, to: number, prevRead: number, nextRead: number): boolean {
    const edge = this.#edges.get(key(from, to));
    return edge === undefined || (edge.forms & formOf(prevRead, nextRead)) === 0;
  }

  add(from: number, to: number, prevRead: number, nextRead: number, stack: Stack): void {
    const known = this.#edges.get(key(from, to));
    if (known !== undefined) {
      known.forms |= formOf(prevRead, nextRead);
      return;
    }
    const edge = { from, to, forms: formOf(prevRead, nextRead), stack };
    this.#edges.set(key(from, to), edge);
    listOf(this.#after, from).push(edge);
    listOf(this.#before, to).push(edge);
  }

  /** The shortest strong path from a lock wanted as `read` to a class that `matches`; [] when that is the lock's own class. */
  pathFrom(
    start: number,
    read: number,
    matches: (cls: number, onlyR: boolean) => boolean,
  ): Edge[] | null {
    return search(start, read === RECURSIVE, matches, this.#after, (edge, onlyR) => {
      const forms = onlyR ? edge.forms & ~(SR | SN) : edge.forms;
      return forms === 0 ? null : { cls: edge.to, flag: (forms & (SN | EN)) === 0 };
    });
  }

  /** The shortest strong path that leads to a lock held as `read` from a class that `matches`, last edge first. */
  pathTo(
    end: number,
    read: number,
    matches: (cls: number, onlyS: boolean) => boolean,
  ): Edge[] | null {
    return search(end, read !== EXCLUSIVE, matches, this.#before, (edge, onlyS) => {
      const forms = onlyS ? edge.forms & ~(SR | ER) : edge.forms;
      return forms === 0 ? null : { cls: edge.from, flag: (forms & (ER | EN)) === 0 };
    });
  }
}

interface Visit {
  readonly cls: number;
  readonly flag: boolean;
  readonly parent: Visit | null;
  readonly edge: Edge | null;
}

function search(
  start: number,
  flag: boolean,
  matches: (cls: number, flag: boolean) => boolean,
  neighbours: readonly (readonly Edge[])[],
  follow: (edge: Edge, flag: boolean) => { cls: number; flag: boolean } | null,
): Edge[] | null {
  const queue: Visit[] = [{ cls: start, flag, parent: null, edge: null }];
  const seen = new Set([start * 2 + Number(flag)]);
  for (let at = 0; at < queue.length; at++) {
    const visit = queue[at];
    if (matches(visit.cls, visit.flag)) return pathOf(visit);
    for (const edge of neighbours[visit.cls] ?? []) {
      const next = follow(edge, visit.flag);
      if (next === null || seen.has(next.cls * 2 + Number(next.flag))) continue;
      seen.add(next.cls * 2 + Number(next.flag));
      queue.push({ ...next, parent: visit, edge });
    }
  }
  return null;
}

function pathOf(last: Visit): Edge[] {
  const path: Edge[] = [];
  for (let visit: Visit | null = last; visit?.edge; visit = visit.parent) path.push(visit.edge);
  return path.reverse();
}

/** Classes are fewer than 2^15 (CLASSES_MAX), so that a key is a small integer. */
function key(from: number, to: number): number {
  return from * 2 ** 15 + to;
}

function listOf(all: Edge[][], cls: number): Edge[] {
  all[cls] ??= [];
  return all[cls];
}
