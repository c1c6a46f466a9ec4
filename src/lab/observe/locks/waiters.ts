/**
 * How many wait for each lock over time: for equal buckets of the run's clock the sum of everybody's waiting cycles, and the most that
 * waited at once.
 *
 * Nobody knows beforehand how long a run is: when it outgrows its buckets they are merged in pairs, and each is twice as wide. Sums and
 * maxima of the merged are those of the parts, so the result depends on the events alone. Locks beyond LOCKS_MAX are counted, not drawn.
 */

/** Even, so that pairs can be merged. */
export const BUCKETS = 256;
const FIRST_BUCKET_CYCLES = 1024;
const LOCKS_MAX = 1024;

interface Series {
  readonly lock: number;
  /** Who waits now, and the clock up to which the buckets are filled. */
  waiting: number;
  filled: number;
  readonly waiterCycles: Float64Array;
  readonly most: Uint16Array;
}

export interface WaiterSeries {
  readonly lock: number;
  /** Cycles that all waiters together waited in each bucket, and the most of them at once. */
  readonly waiterCycles: readonly number[];
  readonly most: readonly number[];
}

/** Buckets of all series lie side by side: the first begins at `startCycle`. */
export interface WaitersOverTime {
  readonly startCycle: number;
  readonly bucketCycles: number;
  readonly series: readonly WaiterSeries[];
  /** Contended locks that are not among the series. */
  readonly dropped: number;
}

export class Waiters {
  #bucketCycles = FIRST_BUCKET_CYCLES;
  readonly #series = new Map<number, Series>();
  readonly #dropped = new Set<number>();

  /** A wait begins. */
  began(lock: number, clock: number): void {
    let one = this.#series.get(lock);
    if (one === undefined) {
      if (this.#series.size === LOCKS_MAX) {
        this.#dropped.add(lock);
        return;
      }
      one = { lock, waiting: 0, filled: clock, waiterCycles: new Float64Array(BUCKETS), most: new Uint16Array(BUCKETS) };
      this.#series.set(lock, one);
    }
    this.#fill(one, clock);
    one.waiting++;
    const at = Math.floor(clock / this.#bucketCycles);
    if (one.waiting > one.most[at]) one.most[at] = one.waiting;
  }

  /** A wait ends. */
  ended(lock: number, clock: number): void {
    const one = this.#series.get(lock);
    if (one === undefined) return;
    this.#fill(one, clock);
    if (one.waiting > 0) one.waiting--;
  }

  /** Forgets what was; who waits, waits on. */
  clear(clock: number): void {
    for (const one of this.#series.values()) {
      this.#fill(one, clock);
      one.waiterCycles.fill(0);
      one.most.fill(0);
      if (one.waiting > 0) one.most[Math.floor(clock / this.#bucketCycles)] = one.waiting;
    }
    this.#dropped.clear();
  }

  /** Of the locks that `wanted` names, up to `end`; buckets in which nobody waited for any of them are left out at both sides. */
  view(wanted: readonly number[], end: number): WaitersOverTime {
    const series = wanted.flatMap((lock) => this.#series.get(lock) ?? []);
    for (const one of series) this.#fill(one, end);
    let first = BUCKETS;
    let last = -1;
    for (const { most } of series) {
      const from = most.findIndex((count) => count > 0);
      if (from >= 0) first = Math.min(first, from);
      last = Math.max(last, most.findLastIndex((count) => count > 0));
    }
    return {
      startCycle: last < 0 ? 0 : first * this.#bucketCycles,
      bucketCycles: this.#bucketCycles,
      series: series.map(({ lock, waiterCycles, most }) => ({
        lock,
        waiterCycles: [...waiterCycles.slice(first, last + 1)],
        most: [...most.slice(first, last + 1)],
      })),
      dropped: this.#dropped.size,
    };
  }

  /** Brings a series up to the clock. */
  #fill(one: Series, clock: number): void {
    while (clock >= this.#bucketCycles * BUCKETS) this.#widen();
    if (one.waiting > 0) {
      const width = this.#bucketCycles;
      for (let from = one.filled; from < clock; ) {
        const at = Math.floor(from / width);
        const to = Math.min(clock, (at + 1) * width);
        one.waiterCycles[at] += (to - from) * one.waiting;
        if (one.waiting > one.most[at]) one.most[at] = one.waiting;
        from = to;
      }
    }
    if (clock > one.filled) one.filled = clock;
  }

  #widen(): void {
    this.#bucketCycles *= 2;
    for (const { waiterCycles, most } of this.#series.values()) {
      for (let at = 0; at < BUCKETS / 2; at++) {
        waiterCycles[at] = waiterCycles[2 * at] + waiterCycles[2 * at + 1];
        most[at] = Math.max(most[2 * at], most[2 * at + 1]);
      }
      waiterCycles.fill(0, BUCKETS / 2);
      most.fill(0, BUCKETS / 2);
    }
  }
}
