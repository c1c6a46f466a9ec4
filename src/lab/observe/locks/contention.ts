/**
 * Waits for locks, told as `perf lock contention` does: by who waited where (a caller, for a class and kind of lock) and by lock.
 *
 * A wait is counted when it begins; its time, when it ends. Waits that have not ended are told apart (`waiting`).
 */
import { type WaitersOverTime, Waiters } from "./waiters.ts";

/** More than there are classes (lock-classes.ts). */
const CLASSES = 2 ** 14;

/** Counters of one caller or one lock. */
export interface Contended {
  readonly contended: number;
  /** Waits that have not ended. */
  readonly waiting: number;
  readonly waitTotal: number;
  readonly waitMax: number;
}

export interface ContendedCaller extends Contended {
  readonly cls: number;
  readonly kind: number;
  /** Where the lock was asked for. */
  readonly site: number;
}

export interface ContendedLock extends Contended {
  readonly lock: number;
  readonly cls: number;
  readonly kind: number;
}

type Counters = { -readonly [K in keyof Contended]: number };
type CallerEntry = Counters & Pick<ContendedCaller, "cls" | "kind" | "site">;
type LockEntry = Counters & Pick<ContendedLock, "lock" | "cls" | "kind">;
interface Wait {
  readonly caller: CallerEntry;
  readonly lock: LockEntry;
}

const zero = (): Counters => ({ contended: 0, waiting: 0, waitTotal: 0, waitMax: 0 });

export class Contention {
  readonly #waiters = new Waiters();
  readonly #callers = new Map<string, CallerEntry>();
  readonly #locks = new Map<number, LockEntry>();
  /** Pairs of a caller and a lock, by number; the number of each by lock, kind and class, then by site. */
  readonly #pairs: Wait[] = [];
  readonly #pairOf = new Map<number, Map<number, number>>();

  /** A wait begins; the number is for `ended`. */
  began(lock: number, cls: number, kind: number, site: number, clock: number): number {
    const pair = this.#pair(lock, cls, kind, site);
    const { caller, lock: one } = this.#pairs[pair];
    for (const counters of [caller, one]) {
      counters.contended++;
      counters.waiting++;
    }
    this.#waiters.began(lock, clock);
    return pair;
  }

  /** The wait that got this number has ended after so many cycles; `counts`: they are to be told. */
  ended(pair: number, cycles: number, clock: number, counts: boolean): void {
    const { caller, lock } = this.#pairs[pair];
    for (const counters of [caller, lock]) {
      if (counters.waiting > 0) counters.waiting--;
      if (!counts) continue;
      counters.waitTotal += cycles;
      if (cycles > counters.waitMax) counters.waitMax = cycles;
    }
    this.#waiters.ended(lock.lock, clock);
  }

  /** Forgets what was; waits that are under way are counted again. */
  clear(clock: number): void {
    for (const counters of [...this.#callers.values(), ...this.#locks.values()]) {
      counters.contended = counters.waiting;
      counters.waitTotal = 0;
      counters.waitMax = 0;
    }
    this.#waiters.clear(clock);
  }

  /** The longest total wait first. */
  callers(): ContendedCaller[] {
    return [...this.#callers.values()]
      .filter((one) => one.contended > 0)
      .sort((a, b) => byWait(a, b) || a.site - b.site || a.cls - b.cls || a.kind - b.kind);
  }

  locks(): ContendedLock[] {
    return [...this.#locks.values()]
      .filter((one) => one.contended > 0)
      .sort((a, b) => byWait(a, b) || a.lock - b.lock || a.kind - b.kind);
  }

  waitersOverTime(locks: readonly number[], end: number): WaitersOverTime {
    return this.#waiters.view(locks, end);
  }

  #pair(lock: number, cls: number, kind: number, site: number): number {
    const name = (lock * 16 + kind) * CLASSES + cls;
    let sites = this.#pairOf.get(name);
    if (sites === undefined) this.#pairOf.set(name, (sites = new Map()));
    const known = sites.get(site);
    if (known !== undefined) return known;
    const callerName = `${cls} ${kind} ${site}`;
    const caller = this.#callers.get(callerName) ?? { ...zero(), cls, kind, site };
    this.#callers.set(callerName, caller);
    const one = this.#locks.get(name) ?? { ...zero(), lock, cls, kind };
    this.#locks.set(name, one);
    sites.set(site, this.#pairs.length);
    return this.#pairs.push({ caller, lock: one }) - 1;
  }
}

function byWait(a: Contended, b: Contended): number {
  return b.waitTotal - a.waitTotal || b.contended - a.contended;
}
