/**
 * lock_stat: contention and hold times per lock class and kind, from the lock marks, as Linux counts them.
 *
 * con-bounces: contended acquisitions whose lock was last acquired on another hart; acq-bounces: acquisitions on a hart other
 * than the last; wait: from CONTENDED to ACQUIRED; hold: from ACQUIRED to RELEASE. A failed trylock is no contention.
 * Zero is no sample for a minimum. All times in cycles.
 *
 * A spinning waiter and a reader's hold belong to a hart (preemption is off); a mutex waiter and holder belong to a task,
 * which may sleep and migrate. Interrupts nest, so each hart has a short stack of waits and one of read holds.
 */
import type { LockClasses } from "./lock-classes.ts";
import { WordMap } from "./word-map.ts";

/** Slots of one row of statistics. */
const S = {
  conBounces: 0,
  contentions: 1,
  waits: 2,
  waitMin: 3,
  waitMax: 4,
  waitTotal: 5,
  acqBounces: 6,
  acquisitions: 7,
  holds: 8,
  holdMin: 9,
  holdMax: 10,
  holdTotal: 11,
  stride: 12,
} as const;

const HARTS = 64;
const NEST = 8;
const NOBODY = -1;

export interface LockPoint {
  readonly address: number;
  readonly count: number;
}

export interface LockRow {
  readonly class: string;
  readonly kind: string;
  readonly conBounces: number;
  readonly contentions: number;
  readonly waits: number;
  readonly waitMin: number;
  readonly waitMax: number;
  readonly waitTotal: number;
  readonly acqBounces: number;
  readonly acquisitions: number;
  readonly holds: number;
  readonly holdMin: number;
  readonly holdMax: number;
  readonly holdTotal: number;
  /** Sites that waited, and sites that held the lock then, most frequent first. */
  readonly contentionPoints: readonly LockPoint[];
  readonly contendingPoints: readonly LockPoint[];
}

export interface HeldLock {
  readonly class: string;
  readonly kind: string;
  readonly hart: number;
  readonly since: number;
}

/** Values of LOCK_KIND that behave differently. */
export interface LockKinds {
  readonly names: readonly string[];
  readonly read: number;
  readonly mutex: number;
}

/** Stacks of (lock, clock) per hart. */
class HartStacks {
  readonly depth = new Int32Array(HARTS);
  readonly lock = new Int32Array(HARTS * NEST);
  readonly clock = new Float64Array(HARTS * NEST);

  push(hart: number, lock: number, clock: number): void {
    const depth = this.depth[hart];
    if (depth === NEST) return;
    this.lock[hart * NEST + depth] = lock;
    this.clock[hart * NEST + depth] = clock;
    this.depth[hart] = depth + 1;
  }

  /** Removes the lock's youngest entry; its clock, or -1. */
  take(hart: number, lock: number): number {
    const base = hart * NEST;
    const top = base + this.depth[hart] - 1;
    for (let at = top; at >= base; at--) {
      if (this.lock[at] !== lock) continue;
      const clock = this.clock[at];
      for (let i = at; i < top; i++) {
        this.lock[i] = this.lock[i + 1];
        this.clock[i] = this.clock[i + 1];
      }
      this.depth[hart]--;
      return clock;
    }
    return -1;
  }
}

export class LockStat {
  readonly #classes: LockClasses;
  readonly #kinds: LockKinds;
  /** Chooses, of a mark's pc and two return addresses, the one that names who took the lock. */
  readonly #siteOf: (pc: number, ra0: number, ra1: number) => number;
  readonly #percpuStarts: () => Iterable<number>;
  readonly #locks = new WordMap();
  // Per lock instance.
  #classOf = new Int32Array(1024);
  #lastHart = new Int8Array(1024);
  #heldSince = new Float64Array(1024);
  #heldKind = new Uint8Array(1024);
  #acquirePc = new Int32Array(1024 * 3);
  // Per row.
  readonly #rowOf = new Map<number, number>();
  readonly #rowClass: number[] = [];
  readonly #rowKind: number[] = [];
  readonly #points: Map<number, number>[][] = [];
  #stats = new Float64Array(64 * S.stride);
  /** class * 8 + kind of the row found last, and that row. */
  #lastRowKey = -1;
  #lastRow = -1;
  readonly #waits = new HartStacks();
  readonly #readHolds = new HartStacks();
  /** Task -> (lock, clock) of a mutex it waits for. */
  readonly #mutexWaits = new Map<number, { lock: number; clock: number }>();

  constructor(
    classes: LockClasses,
    kinds: LockKinds,
    siteOf: (pc: number, ra0: number, ra1: number) => number,
    percpuStarts: () => Iterable<number>,
  ) {
    this.#classes = classes;
    this.#kinds = kinds;
    this.#siteOf = siteOf;
    this.#percpuStarts = percpuStarts;
  }

  /** LOCK_INIT: on reused memory a new instance of the class begins. */
  init(lock: number, nameAddress: number, hart: number): void {
    const index = this.#slot(lock);
    this.#classOf[index] =
      nameAddress === 0
        ? this.#classes.ofStorage(lock >>> 0, this.#percpuStarts())
        : this.#classes.named(nameAddress >>> 0);
    this.#lastHart[index] = hart;
    this.#heldSince[index] = NOBODY;
  }

  contended(
    lock: number,
    kind: number,
    subclass: number,
    hart: number,
    task: number,
    clock: number,
    pc: number,
    ra0: number,
    ra1: number,
  ): void {
    const index = this.#known(lock);
    const row = this.#row(index, kind, subclass);
    const stats = this.#stats;
    const at = row * S.stride;
    stats[at + S.contentions]++;
    if (this.#lastHart[index] !== hart) stats[at + S.conBounces]++;
    if (kind === this.#kinds.mutex) this.#mutexWaits.set(task, { lock: index, clock });
    else this.#waits.push(hart, index, clock);
    const [waited, held] = this.#points[row];
    const site = this.#siteOf(pc >>> 0, ra0 >>> 0, ra1 >>> 0);
    waited.set(site, (waited.get(site) ?? 0) + 1);
    const who = this.#acquirePc;
    const holder = this.#siteOf(
      who[index * 3] >>> 0,
      who[index * 3 + 1] >>> 0,
      who[index * 3 + 2] >>> 0,
    );
    if (holder !== 0) held.set(holder, (held.get(holder) ?? 0) + 1);
  }

  acquired(
    lock: number,
    kind: number,
    subclass: number,
    hart: number,
    task: number,
    clock: number,
    pc: number,
    ra0: number,
    ra1: number,
  ): void {
    const index = this.#known(lock);
    const at = this.#row(index, kind, subclass) * S.stride;
    const stats = this.#stats;
    stats[at + S.acquisitions]++;
    const last = this.#lastHart[index];
    if (last !== hart) {
      if (last !== NOBODY) stats[at + S.acqBounces]++;
      this.#lastHart[index] = hart;
    }
    if (kind === this.#kinds.mutex) {
      const wait = this.#mutexWaits.get(task);
      if (wait !== undefined && wait.lock === index) {
        this.#mutexWaits.delete(task);
        sample(stats, at + S.waits, clock - wait.clock);
      }
    } else if (this.#waits.depth[hart] > 0) {
      const since = this.#waits.take(hart, index);
      if (since >= 0) sample(stats, at + S.waits, clock - since);
    }
    if (kind === this.#kinds.read) this.#readHolds.push(hart, index, clock);
    else {
      this.#heldSince[index] = clock;
      // The subclass rides along: the release mark does not carry it.
      this.#heldKind[index] = kind | (subclass << 4);
    }
    const who = this.#acquirePc;
    who[index * 3] = pc;
    who[index * 3 + 1] = ra0;
    who[index * 3 + 2] = ra1;
  }

  release(lock: number, kind: number, hart: number, clock: number): void {
    const index = this.#known(lock);
    let since: number;
    let subclass = 0;
    if (kind === this.#kinds.read) since = this.#readHolds.take(hart, index);
    else {
      since = this.#heldSince[index];
      this.#heldSince[index] = NOBODY;
      subclass = this.#heldKind[index] >> 4;
    }
    if (since < 0) return;
    const at = this.#row(index, kind, subclass) * S.stride + S.holds;
    sample(this.#stats, at, clock - since);
  }

  /** Sorted by contentions, then acquisitions, then name. */
  rows(): LockRow[] {
    const rows = this.#rowClass.map((_, row) => this.#rowView(row));
    return rows.sort(
      (a, b) =>
        b.contentions - a.contentions ||
        b.acquisitions - a.acquisitions ||
        (a.class < b.class ? -1 : a.class > b.class ? 1 : a.kind < b.kind ? -1 : 1),
    );
  }

  /** Exclusive locks that nobody has released. */
  held(): HeldLock[] {
    const held: HeldLock[] = [];
    for (let index = 0; index < this.#locks.size; index++) {
      if (this.#heldSince[index] < 0) continue;
      held.push({
        class: this.#classes.names[this.#classOf[index]],
        kind: this.#kinds.names[this.#heldKind[index] & 15] ?? "?",
        hart: this.#lastHart[index],
        since: this.#heldSince[index],
      });
    }
    return held;
  }

  #rowView(row: number): LockRow {
    const s = this.#stats.subarray(row * S.stride, (row + 1) * S.stride);
    return {
      class: this.#classes.names[this.#rowClass[row]],
      kind: this.#kinds.names[this.#rowKind[row]] ?? String(this.#rowKind[row]),
      conBounces: s[S.conBounces],
      contentions: s[S.contentions],
      waits: s[S.waits],
      waitMin: s[S.waitMin],
      waitMax: s[S.waitMax],
      waitTotal: s[S.waitTotal],
      acqBounces: s[S.acqBounces],
      acquisitions: s[S.acquisitions],
      holds: s[S.holds],
      holdMin: s[S.holdMin],
      holdMax: s[S.holdMax],
      holdTotal: s[S.holdTotal],
      contentionPoints: sortedPoints(this.#points[row][0]),
      contendingPoints: sortedPoints(this.#points[row][1]),
    };
  }

  /** The lock's index, with a class from its address when it was never initialised. */
  #known(lock: number): number {
    const found = this.#locks.find(lock);
    if (found >= 0) return found;
    const index = this.#slot(lock);
    this.#classOf[index] = this.#classes.ofStorage(lock >>> 0, this.#percpuStarts());
    return index;
  }

  #slot(lock: number): number {
    const before = this.#locks.size;
    const index = this.#locks.findOrAdd(lock);
    if (index < before) return index;
    if (index >= this.#classOf.length) this.#grow();
    this.#lastHart[index] = NOBODY;
    this.#heldSince[index] = NOBODY;
    return index;
  }

  #row(index: number, kind: number, subclass: number): number {
    const base = this.#classOf[index];
    const cls = subclass === 0 ? base : this.#classes.subclass(base, subclass);
    const key = cls * 8 + kind;
    if (key === this.#lastRowKey) return this.#lastRow;
    let row = this.#rowOf.get(key);
    if (row === undefined) {
      row = this.#rowClass.push(cls) - 1;
      this.#rowKind.push(kind);
      this.#points.push([new Map(), new Map()]);
      this.#rowOf.set(key, row);
      if ((row + 1) * S.stride > this.#stats.length) {
        const larger = new Float64Array(this.#stats.length * 2);
        larger.set(this.#stats);
        this.#stats = larger;
      }
    }
    this.#lastRowKey = key;
    this.#lastRow = row;
    return row;
  }

  #grow(): void {
    const size = this.#classOf.length * 2;
    this.#classOf = enlarge(this.#classOf, new Int32Array(size));
    this.#lastHart = enlarge(this.#lastHart, new Int8Array(size));
    this.#heldSince = enlarge(this.#heldSince, new Float64Array(size));
    this.#heldKind = enlarge(this.#heldKind, new Uint8Array(size));
    this.#acquirePc = enlarge(this.#acquirePc, new Int32Array(size * 3));
  }
}

/** Adds a time to the (count, min, max, total) at `at`. */
function sample(stats: Float64Array, at: number, cycles: number): void {
  stats[at]++;
  if (cycles > 0 && (stats[at + 1] === 0 || cycles < stats[at + 1])) stats[at + 1] = cycles;
  if (cycles > stats[at + 2]) stats[at + 2] = cycles;
  stats[at + 3] += cycles;
}

function enlarge<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

function sortedPoints(points: ReadonlyMap<number, number>): LockPoint[] {
  return [...points]
    .map(([address, count]) => ({ address, count }))
    .sort((a, b) => b.count - a.count || a.address - b.address);
}
