/**
 * What a task waits for or holds, and since when: a short stack, because a task may sleep and migrate, and an interrupt's waits and
 * holds nest inside those of the task that it interrupted.
 */

/** What nests deeper than this is not measured. */
const NEST = 16;

export class TimedLocks {
  depth = 0;
  /** Clock and note of the entry that `take` has removed. */
  clock = 0;
  note = 0;
  readonly #lock = new Int32Array(NEST);
  readonly #clock = new Float64Array(NEST);
  readonly #note = new Int32Array(NEST);

  /** `note` comes back with the entry. */
  push(lock: number, clock: number, note: number): void {
    if (this.depth === NEST) return;
    this.#lock[this.depth] = lock;
    this.#note[this.depth] = note;
    this.#clock[this.depth++] = clock;
  }

  /** Removes the lock's youngest entry into `clock` and `note`; whether there was one. */
  take(lock: number): boolean {
    for (let at = this.depth - 1; at >= 0; at--) {
      if (this.#lock[at] !== lock) continue;
      this.clock = this.#clock[at];
      this.note = this.#note[at];
      this.#lock.copyWithin(at, at + 1, this.depth);
      this.#clock.copyWithin(at, at + 1, this.depth);
      this.#note.copyWithin(at, at + 1, this.depth);
      this.depth--;
      return true;
    }
    return false;
  }
}
