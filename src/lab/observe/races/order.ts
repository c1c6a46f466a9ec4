/**
 * Happens-before between harts, as vector clocks.
 *
 * Everything that one hart runs is in one order: a handler comes after what it interrupts and before what runs there later, and
 * a task after the one that it took the hart from. So a hart is all that needs a clock. What orders harts:
 *   a marked read or an atomic operation after the marked write that it sees (locks, completions, reference counts, grace periods and
 *   IPIs are all made of these); a task that is switched to after what it did elsewhere, and a new task after its creation.
 * A write passes on what came before the last fence of its hart, or before itself with .rl; a read takes over at once, as
 * dependent accesses are ordered without a fence. The firmware's accesses order like atomic ones.
 *
 * Records come in the order in which instructions begin. One that waits for a line of another hart may read what is written by
 * an instruction that began later: its value then is not the one that is known, and what is passed on is taken when the write comes.
 */
import { WordMap } from "../word-map.ts";

const NOBODY = -1;
const WORDS_AT_FIRST = 1024;

export class Order {
  readonly harts: number;
  /** Row h: what hart h knows of each hart's time. Its own time counts up whenever it passes something on. */
  readonly clocks: Int32Array;
  /** As they were at the last fence that orders writes. */
  readonly #fenced: Int32Array;
  readonly #tasks = new Map<number, Int32Array>();
  /** Synchronising words: what the last write passes on, a row a word, and whose write it was. */
  readonly #words = new WordMap();
  #passed: Int32Array;
  #writer: Int32Array;

  /** What is known to be in each synchronising word. */
  #values: Int32Array;
  /** By hart: the word (+ 1; 0: none) of its last marked read, if that gave a value nobody is known to have written, and the value. */
  readonly #unexplained: Int32Array;
  readonly #unexplainedValue: Int32Array;

  constructor(harts: number) {
    this.harts = harts;
    this.clocks = new Int32Array(harts * harts);
    this.#fenced = new Int32Array(harts * harts);
    this.#passed = new Int32Array(WORDS_AT_FIRST * harts);
    this.#writer = new Int32Array(WORDS_AT_FIRST);
    this.#values = new Int32Array(WORDS_AT_FIRST);
    this.#unexplained = new Int32Array(harts);
    this.#unexplainedValue = new Int32Array(harts);
    for (let hart = 0; hart < harts; hart++) this.clocks[hart * harts + hart] = 1;
  }

  /** The hart's own time. */
  now(hart: number): number {
    return this.clocks[hart * this.harts + hart];
  }

  fence(hart: number): void {
    const { harts } = this;
    const row = hart * harts;
    for (let i = 0; i < harts; i++) this.#fenced[row + i] = this.clocks[row + i];
    this.clocks[row + hart]++;
  }

  /** A marked read of `bits` of the word, which gave `value` there (and 0 elsewhere). */
  read(hart: number, word: number, bits: number, value: number): void {
    const index = this.#words.find(word + 1);
    this.#unexplained[hart] = 0;
    if (index < 0) return;
    if ((this.#values[index] & bits) !== value) {
      this.#unexplained[hart] = word + 1;
      this.#unexplainedValue[hart] = value;
      this.#values[index] = (this.#values[index] & ~bits) | value;
    }
    this.#take(hart, index);
  }

  /** What a marked write or an atomic operation left in the word, after `write` or `update`. */
  written(hart: number, word: number, bits: number, value: number): void {
    const index = this.#indexOf(word);
    this.#values[index] = (this.#values[index] & ~bits) | value;
    for (let other = 0; other < this.harts; other++) {
      if (this.#unexplained[other] !== word + 1 || other === hart || (this.#unexplainedValue[other] & bits) !== value) continue;
      this.#unexplained[other] = 0;
      this.#take(other, index);
    }
  }

  /** A marked write, which begins anew what the word passes on. */
  write(hart: number, word: number, release: boolean): void {
    const { harts } = this;
    const to = this.#indexOf(word) * harts;
    const from = release ? this.clocks : this.#fenced;
    const row = hart * harts;
    for (let i = 0; i < harts; i++) this.#passed[to + i] = from[row + i];
    this.#writer[to / harts] = hart;
    if (release) this.clocks[row + hart]++;
  }

  /** An atomic operation: reads and writes, and what the word passes on goes on. */
  update(hart: number, word: number, release: boolean): void {
    const { harts } = this;
    const index = this.#indexOf(word);
    this.#take(hart, index);
    const from = release ? this.clocks : this.#fenced;
    const row = hart * harts;
    const to = index * harts;
    for (let i = 0; i < harts; i++) {
      if (from[row + i] > this.#passed[to + i]) this.#passed[to + i] = from[row + i];
    }
    this.#writer[index] = release ? hart : NOBODY;
    if (release) this.clocks[row + hart]++;
  }

  taskCreated(hart: number, task: number): void {
    this.#leave(hart, task);
  }

  switched(hart: number, from: number, to: number): void {
    this.#leave(hart, from);
    const known = this.#tasks.get(to);
    if (known !== undefined) this.#join(hart, known, 0);
  }

  #leave(hart: number, task: number): void {
    const row = hart * this.harts;
    this.#tasks.set(task, this.clocks.slice(row, row + this.harts));
    this.clocks[row + hart]++;
  }

  #take(hart: number, index: number): void {
    const writer = this.#writer[index];
    // Who knows the writer's time knows all that it knew then.
    const at = index * this.harts;
    if (writer === hart || (writer !== NOBODY && this.clocks[hart * this.harts + writer] >= this.#passed[at + writer])) return;
    this.#join(hart, this.#passed, at);
  }

  #join(hart: number, other: Int32Array, at: number): void {
    const row = hart * this.harts;
    for (let i = 0; i < this.harts; i++) if (other[at + i] > this.clocks[row + i]) this.clocks[row + i] = other[at + i];
  }

  #indexOf(word: number): number {
    const before = this.#words.size;
    const index = this.#words.findOrAdd(word + 1);
    if (index === before) {
      if (index === this.#writer.length) this.#grow();
      this.#writer[index] = NOBODY;
    }
    return index;
  }

  #grow(): void {
    const writer = new Int32Array(this.#writer.length * 2);
    writer.set(this.#writer);
    const passed = new Int32Array(this.#passed.length * 2);
    passed.set(this.#passed);
    const values = new Int32Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
    this.#writer = writer;
    this.#passed = passed;
  }
}
