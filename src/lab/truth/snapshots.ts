/**
 * Named snapshots of all live blocks, and what leaked between two of them.
 *
 * A snapshot is a look at the machine (look.ts) at a clock that the scenario names: which blocks are there, and which of them nothing in use refers to. Between
 * two a block leaked when it is out of reach at the later one and was not at the earlier one, or not yet there. What was allocated since and is still referred to
 * is told as well: a list that only grows is a leak that no reachability sees. What allocators have for themselves is left out.
 */
import type { Form, Raw } from "../observe/moment.ts";
import type { Block } from "./blocks.ts";
import { type Look, look, type Watched } from "./look.ts";

/** Of one pair, those with most bytes leaked, then with most bytes. */
export const GROUPS_MAX = 32;

export interface Snapshot {
  readonly name: string;
  readonly cycle: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly unreachableBlocks: number;
  readonly unreachableBytes: number;
}

/** Blocks of one origin (allocated along one way, as far as a mark tells it) that are new at the later snapshot, or out of reach there and were not before. */
export interface GrownGroup<F extends Form = Raw> {
  /** Name of the slab cache, or kmalloc (whole pages), vmalloc. */
  readonly from: string;
  readonly blocks: number;
  readonly bytes: number;
  readonly leakedBlocks: number;
  readonly leakedBytes: number;
  /** Of the first. */
  readonly address: F["address"];
  readonly task: F["task"];
  readonly stack: F["stack"];
}

export interface Between<F extends Form = Raw> {
  readonly from: string;
  readonly to: string;
  /** Allocated since and still there; there before and gone; out of reach since. */
  readonly allocatedBlocks: number;
  readonly allocatedBytes: number;
  readonly freedBlocks: number;
  readonly freedBytes: number;
  readonly leakedBlocks: number;
  readonly leakedBytes: number;
  readonly groups: readonly GrownGroup<F>[];
  /** Groups that are not there. */
  readonly dropped: number;
}

export interface SnapshotReport<F extends Form = Raw> {
  readonly taken: readonly Snapshot[];
  /** Each and the one after it; the first and the last, when there are more than two. */
  readonly between: readonly Between<F>[];
}

interface Taken {
  readonly about: Snapshot;
  /** By address and time of allocation. */
  readonly blocks: ReadonlyMap<string, Block>;
  readonly lost: ReadonlySet<string>;
}

const keyOf = ({ address, stack }: Block): string => `${address} ${stack.clock} ${stack.hart}`;
const sumOf = (blocks: readonly Block[]): number => blocks.reduce((sum, { bytes }) => sum + bytes, 0);

export class Snapshots {
  readonly #watched: Watched;
  readonly #taken: Taken[] = [];

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  take(name: string): void {
    this.#taken.push(takenOf(name, look(this.#watched)));
  }

  report(): SnapshotReport {
    const all = this.#taken;
    const pairs = all.slice(1).map((to, at) => betweenOf(all[at], to));
    if (all.length > 2) pairs.push(betweenOf(all[0], all[all.length - 1]));
    return { taken: all.map(({ about }) => about), between: pairs };
  }
}

export function takenOf(name: string, { cycle, blocks, reached }: Pick<Look, "cycle" | "blocks" | "reached">): Taken {
  const users = blocks.flatMap((block, at) => (block.own ? [] : [{ block, isLost: reached[at] === 0 }]));
  const lost = users.filter(({ isLost }) => isLost).map(({ block }) => block);
  const about = {
    name, cycle, blocks: users.length, bytes: sumOf(users.map(({ block }) => block)), unreachableBlocks: lost.length, unreachableBytes: sumOf(lost),
  };
  return { about, blocks: new Map(users.map(({ block }) => [keyOf(block), block])), lost: new Set(lost.map(keyOf)) };
}

export function betweenOf(before: Taken, after: Taken): Between {
  const isNew = (key: string): boolean => !before.blocks.has(key);
  const isLeaked = (key: string): boolean => after.lost.has(key) && !before.lost.has(key);
  const allocated = [...after.blocks].filter(([key]) => isNew(key)).map(([, block]) => block);
  const freed = [...before.blocks].filter(([key]) => !after.blocks.has(key)).map(([, block]) => block);
  const leaked = [...after.blocks].filter(([key]) => isLeaked(key)).map(([, block]) => block);
  const origins = new Map<string, Block[]>();
  for (const [key, block] of after.blocks) {
    if (!isNew(key) && !isLeaked(key)) continue;
    const { pc, ra0, ra1 } = block.stack;
    const origin = JSON.stringify([block.from, pc, ra0, ra1]);
    origins.set(origin, [...(origins.get(origin) ?? []), block]);
  }
  const groups = [...origins.values()]
    .map((blocks): GrownGroup => {
      const [{ from, address, task, stack }] = blocks;
      const gone = blocks.filter((block) => isLeaked(keyOf(block)));
      return { from, blocks: blocks.length, bytes: sumOf(blocks), leakedBlocks: gone.length, leakedBytes: sumOf(gone), address, task, stack };
    })
    .sort((a, b) => b.leakedBytes - a.leakedBytes || b.bytes - a.bytes || a.address - b.address);
  return {
    from: before.about.name,
    to: after.about.name,
    allocatedBlocks: allocated.length,
    allocatedBytes: sumOf(allocated),
    freedBlocks: freed.length,
    freedBytes: sumOf(freed),
    leakedBlocks: leaked.length,
    leakedBytes: sumOf(leaked),
    groups: groups.slice(0, GROUPS_MAX),
    dropped: Math.max(0, groups.length - GROUPS_MAX),
  };
}
