/**
 * The task that each hart runs, as a small number.
 *
 * Numbers 0..63 are what the harts run before their first switch; then come tasks in the order in which they were first seen. A
 * task that is made in the memory of one that has ended gets a number of its own.
 */
import { WordMap } from "./word-map.ts";

const HARTS = 64;

export interface TaskName {
  readonly pid: number;
  readonly comm: string;
}

export class CurrentTasks {
  /** By hart. */
  readonly task = Int32Array.from({ length: HARTS }, (_, hart) => hart);
  readonly #indices = new WordMap();
  /** Of the task that lives at an address now, by the address's index. */
  readonly #numbers: number[] = [];
  readonly #addresses: number[] = [];
  readonly #names: (TaskName | undefined)[] = [];

  switched(hart: number, next: number): void {
    this.task[hart] = this.numberOf(next);
  }

  /** TASK_NEW: whoever lived at this address has ended. */
  created(address: number, name: TaskName): number {
    const index = this.#indices.findOrAdd(address);
    const number = this.#add(address);
    this.#numbers[index] = number;
    this.#names[number] = name;
    return number;
  }

  numberOf(address: number): number {
    const before = this.#indices.size;
    const index = this.#indices.findOrAdd(address);
    if (index === before) this.#numbers[index] = this.#add(address);
    return this.#numbers[index];
  }

  /** Address of the task_struct; null before the hart's first switch. */
  addressOf(task: number): number | null {
    return this.#addresses[task - HARTS] ?? null;
  }

  /** null: an idle task, or what runs before the first switch. */
  nameOf(task: number): TaskName | null {
    return this.#names[task] ?? null;
  }

  #add(address: number): number {
    return HARTS + this.#addresses.push(address >>> 0) - 1;
  }
}
