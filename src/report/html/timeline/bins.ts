/** Time series by equal stretches of a run: how much of each stretch something lasted, or what a count was at its end. */

/** `sum` over time of how many there were, by stretch: divided by a stretch's length it is a mean. */
export class Bins {
  readonly values: Float64Array;
  readonly #from: number;
  readonly #width: number;

  constructor(from: number, to: number, count: number) {
    this.values = new Float64Array(count);
    this.#from = from;
    this.#width = Math.max(1, to - from) / count;
  }

  get width(): number {
    return this.#width;
  }

  /** Something lasted from `start` to `end`. */
  lasted(start: number, end: number): void {
    const last = this.values.length - 1;
    const first = Math.max(0, Math.min(last, Math.floor((start - this.#from) / this.#width)));
    for (let bin = first; bin <= last; bin++) {
      const left = Math.max(start, this.#from + bin * this.#width);
      const right = Math.min(end, this.#from + (bin + 1) * this.#width);
      if (left >= end) break;
      this.values[bin]! += Math.max(0, right - left);
    }
  }

  means(): number[] {
    return [...this.values].map((value) => value / this.#width);
  }
}

/** A count that changes: what it was at the end of each stretch, and the most it was in it. */
export class Level {
  readonly points: { clock: number; value: number; most: number }[] = [];
  #value = 0;
  #most = 0;
  #bin = 0;
  #seen = false;
  readonly #from: number;
  readonly #width: number;

  constructor(from: number, to: number, count: number) {
    this.#from = from;
    this.#width = Math.max(1, to - from) / count;
  }

  change(clock: number, by: number): void {
    this.#upTo(clock);
    this.#value += by;
    this.#most = Math.max(this.#most, this.#value);
    this.#seen = true;
  }

  finish(clock: number): this {
    this.#upTo(clock + this.#width);
    return this;
  }

  get seen(): boolean {
    return this.#seen;
  }

  #upTo(clock: number): void {
    const bin = Math.floor((clock - this.#from) / this.#width);
    if (bin <= this.#bin) return;
    const at = (number: number): number => this.#from + number * this.#width;
    this.points.push({ clock: at(this.#bin + 1), value: this.#value, most: this.#most });
    // Nothing changed in between: one point at its end says as much as many.
    if (bin > this.#bin + 1) this.points.push({ clock: at(bin), value: this.#value, most: this.#value });
    this.#bin = bin;
    this.#most = this.#value;
  }
}
