/** Lanes of the locks that somebody waited for (who holds it, how many wait), and waits and holds by class of lock over time. */
import { CODE } from "../../../lab/observe/events.ts";
import type { TimelineEvent, TimelineView } from "../../../lab/observe/timeline.ts";
import { Bins } from "./bins.ts";
import type { LockClassTimes } from "./digest.ts";
import type { Names } from "./names.ts";
import { Slices } from "./slices.ts";

export const HEATMAP_BINS = 120;
const CROWD_COLOUR = 7;
const WAITERS_COLOUR_MAX = 8;

interface Holder {
  readonly task: number;
  readonly since: number;
}

class Lock {
  readonly hold = new Slices();
  readonly waiters = new Slices();
  readonly class: ClassSums;
  readonly holders: Holder[] = [];
  holdSince = 0;
  /** Since when each waiting task waits. */
  readonly waiting = new Map<number, number>();
  waitingSince = 0;
  waited = 0;

  constructor(sums: ClassSums) {
    this.class = sums;
  }
}

interface ClassSums {
  readonly name: string;
  waits: number;
  waiting: number;
  readonly waiters: Bins;
  readonly held: Bins;
}

export class LockLanes {
  readonly #view: TimelineView;
  readonly #names: Names;
  readonly #span: { readonly from: number; readonly to: number };
  /** Locks that somebody waits for at some time; of others nothing is kept. */
  readonly #wanted = new Set<number>();
  readonly #locks = new Map<number, Lock>();
  readonly #classes = new Map<string, ClassSums>();
  readonly #byTask = new Map<number, { waits: number; waiting: number }>();

  constructor(view: TimelineView, names: Names, span: { readonly from: number; readonly to: number }) {
    for (const { code, lock } of view.timeline.events()) if (code === CODE.lockContended) this.#wanted.add(lock);
    this.#view = view;
    this.#names = names;
    this.#span = span;
  }

  event({ code, lock: number, clock, task }: TimelineEvent): void {
    if (!this.#wanted.has(number)) return;
    const lock = this.#lock(number);
    if (code === CODE.lockContended) {
      this.#waitersChange(lock, clock);
      lock.waiting.set(task, clock);
      lock.class.waits++;
      lock.waited++;
    } else if (code === CODE.lockAcquired) {
      const since = lock.waiting.get(task);
      if (since !== undefined) {
        this.#waitersChange(lock, clock);
        lock.waiting.delete(task);
        this.#waitEnds(lock, task, since, clock);
      }
      this.#holdersChange(lock, clock);
      lock.holders.push({ task, since: clock });
    } else {
      this.#holdersChange(lock, clock);
      // A lock may be released by another task than the one that took it.
      const own = lock.holders.findIndex((one) => one.task === task);
      const [holder] = lock.holders.splice(Math.max(0, own), 1);
      if (holder !== undefined) lock.class.held.lasted(holder.since, clock);
    }
  }

  finish(clock: number): void {
    for (const lock of this.#locks.values()) {
      this.#waitersChange(lock, clock);
      this.#holdersChange(lock, clock);
      for (const [task, since] of lock.waiting) this.#waitEnds(lock, task, since, clock);
      for (const { since } of lock.holders) lock.class.held.lasted(since, clock);
    }
  }

  /** Those with most waits first. */
  contended(): { readonly name: string; readonly hold: Slices; readonly waiters: Slices }[] {
    return [...this.#locks]
      .sort((a, b) => b[1].waited - a[1].waited || a[0] - b[0])
      .map(([number, { hold, waiters }]) => ({ name: this.#view.lockName(number), hold, waiters }));
  }

  classTimes(): LockClassTimes[] {
    return [...this.#classes.values()]
      .sort((a, b) => b.waiting - a.waiting || (a.name < b.name ? -1 : 1));
  }

  waitsOf(task: number): { waits: number; waiting: number } {
    return this.#byTask.get(task) ?? { waits: 0, waiting: 0 };
  }

  #waitEnds(lock: Lock, task: number, since: number, clock: number): void {
    lock.class.waiting += clock - since;
    lock.class.waiters.lasted(since, clock);
    const sums = this.#byTask.get(task) ?? { waits: 0, waiting: 0 };
    sums.waits++;
    sums.waiting += clock - since;
    this.#byTask.set(task, sums);
  }

  /** Call before the number of waiters changes. */
  #waitersChange(lock: Lock, clock: number): void {
    const { size } = lock.waiting;
    if (size > 0) lock.waiters.add(lock.waitingSince, clock, this.#names.of(`${size} waiting`, Math.min(size, WAITERS_COLOUR_MAX)));
    lock.waitingSince = clock;
  }

  /** Call before the holders change. */
  #holdersChange(lock: Lock, clock: number): void {
    const { holders } = lock;
    if (holders.length === 1) lock.hold.add(lock.holdSince, clock, this.#names.task(holders[0]!.task, this.#view.taskName));
    else if (holders.length > 1) lock.hold.add(lock.holdSince, clock, this.#names.of(`${holders.length} side by side`, CROWD_COLOUR));
    lock.holdSince = clock;
  }

  #lock(number: number): Lock {
    let lock = this.#locks.get(number);
    if (lock === undefined) {
      lock = new Lock(this.#class(this.#view.lockName(number).replace(/ 0x[0-9a-f]{8}$/, "")));
      this.#locks.set(number, lock);
    }
    return lock;
  }

  #class(name: string): ClassSums {
    let sums = this.#classes.get(name);
    if (sums === undefined) {
      const { from, to } = this.#span;
      const bins = (): Bins => new Bins(from, to, HEATMAP_BINS);
      sums = { name, waits: 0, waiting: 0, waiters: bins(), held: bins() };
      this.#classes.set(name, sums);
    }
    return sums;
  }
}
