/** Switches lock_stat on and off and clears it when a scenario's events say so: exactly between the records before and after that clock. */
import type { LockStat } from "./lock-stat.ts";

export interface LockStatControl {
  /** Cycles since SCENARIO_START. */
  readonly at: number;
  readonly to: "on" | "off" | "clear";
}

export class LockStatControls {
  /** Clock of the next one; Infinity: none, or the scenario has not started. */
  dueCycle = Infinity;
  readonly #lockStat: LockStat;
  readonly #controls: readonly LockStatControl[];
  #done = 0;
  #start = 0;

  constructor(lockStat: LockStat, controls: readonly LockStatControl[]) {
    this.#lockStat = lockStat;
    this.#controls = [...controls].sort((a, b) => a.at - b.at);
  }

  started(clock: number): void {
    this.#start = clock;
    this.#next();
  }

  /** Does what is due by a clock. */
  reached(clock: number): void {
    while (clock >= this.dueCycle) {
      const { to } = this.#controls[this.#done++];
      if (to === "clear") this.#lockStat.clear(this.dueCycle);
      else this.#lockStat.collecting = to === "on";
      this.#next();
    }
  }

  #next(): void {
    const next = this.#controls[this.#done];
    this.dueCycle = next === undefined ? Infinity : this.#start + next.at;
  }
}
