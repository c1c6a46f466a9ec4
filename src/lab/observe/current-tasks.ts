/**
 * The task that each hart runs, as a small number.
 *
 * Numbers 0..63 are what the harts run before their first switch; then come tasks in the order in which they were first
 * switched to. A task_struct that is allocated anew at an old address keeps the number.
 */
import { WordMap } from "./word-map.ts";

const HARTS = 64;

export class CurrentTasks {
  /** By hart. */
  readonly task = Int32Array.from({ length: HARTS }, (_, hart) => hart);
  readonly #numbers = new WordMap();
  readonly #addresses: number[] = [];

  switched(hart: number, next: number): void {
    this.task[hart] = this.numberOf(next);
  }

  numberOf(address: number): number {
    const before = this.#numbers.size;
    const index = this.#numbers.findOrAdd(address);
    if (index === before) this.#addresses.push(address >>> 0);
    return HARTS + index;
  }

  /** Address of the task_struct; null before the hart's first switch. */
  addressOf(task: number): number | null {
    return this.#addresses[task - HARTS] ?? null;
  }
}
