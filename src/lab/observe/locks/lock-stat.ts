/**
 * lock_stat: contention and hold times per lock class and kind, from the lock marks, as Linux counts them.
 *
 * con-bounces: contended acquisitions whose lock was last acquired on another hart; acq-bounces: acquisitions on a hart other
 * than the last; wait: from CONTENDED to ACQUIRED; hold: from ACQUIRED to RELEASE. A failed trylock is no contention.
 * Zero is no sample for a minimum. All times in cycles.
 *
 * Waits and readers' holds belong to a task, exclusive holds to the lock. Collecting can be switched off and on, and what was
 * collected can be forgotten: a wait counts if it began and ended while on, a hold if it ended while on; who holds what is followed throughout.
 */
import { Contention } from "./contention.ts";
import type { LockEvent, LockKinds } from "./lock-event.ts";
import type { LockInstances } from "./lock-instances.ts";
import { TimedLocks } from "./timed-locks.ts";

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

export class LockStat {
  /** Waits by caller and by lock. */
  readonly contention = new Contention();
  /** Whether anything is counted. */
  collecting = true;
  readonly #instances: LockInstances;
  readonly #kinds: LockKinds;
  /** Chooses, of a mark's pc and two return addresses, the one that names who took the lock. */
  readonly #siteOf: (pc: number, ra0: number, ra1: number) => number;
  // Per lock instance.
  #lastHart = new Int8Array(1024).fill(NOBODY);
  #heldSince = new Float64Array(1024).fill(NOBODY);
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
  // Per task.
  readonly #waits: TimedLocks[] = [];
  readonly #readHolds: TimedLocks[] = [];

  constructor(
    instances: LockInstances,
    kinds: LockKinds,
    siteOf: (pc: number, ra0: number, ra1: number) => number,
  ) {
    this.#instances = instances;
    this.#kinds = kinds;
    this.#siteOf = siteOf;
  }

  /** LOCK_INIT. */
  init(lock: number, hart: number): void {
    this.#makeRoom(lock);
    this.#lastHart[lock] = hart;
    this.#heldSince[lock] = NOBODY;
  }

  contended(event: LockEvent): void {
    if (!this.collecting) return;
    const { lock, hart, kind } = event;
    this.#makeRoom(lock);
    const row = this.#row(lock, kind, event.subclass);
    const stats = this.#stats;
    const at = row * S.stride;
    stats[at + S.contentions]++;
    if (this.#lastHart[lock] !== hart) stats[at + S.conBounces]++;
    const [waited, held] = this.#points[row];
    const site = this.#siteOf(event.pc >>> 0, event.ra0 >>> 0, event.ra1 >>> 0);
    waited.set(site, (waited.get(site) ?? 0) + 1);
    const who = this.#acquirePc;
    const holder = this.#siteOf(
      who[lock * 3] >>> 0,
      who[lock * 3 + 1] >>> 0,
      who[lock * 3 + 2] >>> 0,
    );
    if (holder !== 0) held.set(holder, (held.get(holder) ?? 0) + 1);
    const wait = this.contention.began(lock, this.#rowClass[row], kind, site, event.clock);
    ofTask(this.#waits, event.task).push(lock, event.clock, wait);
  }

  acquired(event: LockEvent): void {
    const { lock, kind, hart, clock } = event;
    this.#makeRoom(lock);
    const at = this.#row(lock, kind, event.subclass) * S.stride;
    const stats = this.#stats;
    const last = this.#lastHart[lock];
    if (last !== hart) {
      if (last !== NOBODY && this.collecting) stats[at + S.acqBounces]++;
      this.#lastHart[lock] = hart;
    }
    if (this.collecting) stats[at + S.acquisitions]++;
    const waits = this.#waits[event.task];
    if (waits !== undefined && waits.depth > 0 && waits.take(lock)) {
      const cycles = clock - waits.clock;
      if (this.collecting) sample(stats, at + S.waits, cycles);
      this.contention.ended(waits.note, cycles, clock, this.collecting);
    }
    if (this.#kinds.shared[kind] === 1) ofTask(this.#readHolds, event.task).push(lock, clock, event.subclass);
    else {
      this.#heldSince[lock] = clock;
      // The subclass rides along: the release mark does not carry it.
      this.#heldKind[lock] = kind | (event.subclass << 4);
    }
    const who = this.#acquirePc;
    who[lock * 3] = event.pc;
    who[lock * 3 + 1] = event.ra0;
    who[lock * 3 + 2] = event.ra1;
  }

  release(event: LockEvent): void {
    const { lock, kind, clock } = event;
    this.#makeRoom(lock);
    let since: number;
    let subclass: number;
    if (this.#kinds.shared[kind] === 1) {
      const holds = ofTask(this.#readHolds, event.task);
      if (!holds.take(lock)) return;
      since = holds.clock;
      subclass = holds.note;
    } else {
      since = this.#heldSince[lock];
      this.#heldSince[lock] = NOBODY;
      subclass = this.#heldKind[lock] >> 4;
    }
    if (since < 0 || !this.collecting) return;
    const at = this.#row(lock, kind, subclass) * S.stride + S.holds;
    sample(this.#stats, at, clock - since);
  }

  /** Forgets the figures; who waits for and holds what stays known. */
  clear(clock: number): void {
    this.#stats.fill(0);
    for (const points of this.#points) for (const one of points) one.clear();
    this.contention.clear(clock);
  }

  /** Sorted by contentions, then acquisitions, then name. */
  rows(): LockRow[] {
    const rows = this.#rowClass.map((_, row) => this.#rowView(row));
    return rows.filter((row) => row.acquisitions + row.contentions + row.holds > 0).sort(
      (a, b) =>
        b.contentions - a.contentions ||
        b.acquisitions - a.acquisitions ||
        (a.class < b.class ? -1 : a.class > b.class ? 1 : a.kind < b.kind ? -1 : 1),
    );
  }

  /** Exclusive locks that nobody has released. */
  held(): HeldLock[] {
    const held: HeldLock[] = [];
    for (let lock = 0; lock < Math.min(this.#instances.size, this.#heldSince.length); lock++) {
      if (this.#heldSince[lock] < 0) continue;
      held.push({
        class: this.#instances.classes.names[this.#instances.classOf(lock, 0)],
        kind: this.#kinds.names[this.#heldKind[lock] & 15] ?? "?",
        hart: this.#lastHart[lock],
        since: this.#heldSince[lock],
      });
    }
    return held;
  }

  #rowView(row: number): LockRow {
    const s = this.#stats.subarray(row * S.stride, (row + 1) * S.stride);
    return {
      class: this.#instances.classes.names[this.#rowClass[row]],
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

  #row(lock: number, kind: number, subclass: number): number {
    const cls = this.#instances.classOf(lock, subclass);
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

  #makeRoom(lock: number): void {
    const before = this.#lastHart.length;
    if (lock < before) return;
    const size = before * 2 ** Math.ceil(Math.log2((lock + 1) / before));
    this.#lastHart = enlarge(this.#lastHart, new Int8Array(size).fill(NOBODY));
    this.#heldSince = enlarge(this.#heldSince, new Float64Array(size).fill(NOBODY));
    this.#heldKind = enlarge(this.#heldKind, new Uint8Array(size));
    this.#acquirePc = enlarge(this.#acquirePc, new Int32Array(size * 3));
  }
}

function ofTask(all: TimedLocks[], task: number): TimedLocks {
  all[task] ??= new TimedLocks();
  return all[task];
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
