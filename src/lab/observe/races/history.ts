/**
 * Who accessed each word of RAM last: the last write, and the last plain and marked read of each hart since the write before.
 *
 * A page of RAM has a table of cells, a word a cell; a cell has three slots (SLOT) of SLOT_WORDS numbers (AT). A slot of reads by
 * several harts that nothing orders holds minus the number of a vector, which has a slot a hart.
 * At most PAGES_MAX tables: then the oldest goes, and with it what is known of its page.
 */
import { BOARD } from "../../../machine/memory/layout.ts";

export const AT = { EPOCH: 0, PC: 1, CLOCK_LOW: 2, CLOCK_HIGH: 3, HEAD: 4, VALUE: 5 } as const;
export const SLOT_WORDS = 6;
export const SLOT = { WRITE: 0, PLAIN_READ: SLOT_WORDS, MARKED_READ: 2 * SLOT_WORDS } as const;
export const CELL_WORDS = 3 * SLOT_WORDS;
const PAGES_MAX = 3072;
const PAGE_SHIFT = 12;
const RAM_PAGE = BOARD.RAM >>> PAGE_SHIFT;
const PAGE_CELLS = (1 << PAGE_SHIFT) / 4;

export class History {
  /** By number of the page in RAM; without holes, which would make it slow. */
  readonly #pages: (Int32Array | undefined)[] = [];
  readonly #order: number[] = [];
  readonly #harts: number;
  readonly #vectors: Int32Array[] = [];
  readonly #free: number[] = [];

  constructor(harts: number) {
    this.#harts = harts;
  }

  /** Table of the page; the word's cell begins at cellOf. */
  page(address: number): Int32Array {
    const number = (address >>> PAGE_SHIFT) - RAM_PAGE;
    return this.#pages[number] ?? this.#newPage(number);
  }

  forget(address: number, bytes: number): void {
    let at = address >>> 0;
    const end = at + bytes;
    while (at < end) {
      const upTo = Math.min(end, ((at >>> PAGE_SHIFT) + 1) * (1 << PAGE_SHIFT));
      const table = this.#pages[(at >>> PAGE_SHIFT) - RAM_PAGE];
      if (table !== undefined) {
        const last = cellOf(upTo - 4) + CELL_WORDS;
        this.#releaseVectors(table, cellOf(at), last);
        table.fill(0, cellOf(at), last);
      }
      at = upTo;
    }
  }

  vector(epoch: number): Int32Array {
    return this.#vectors[-epoch - 1];
  }

  /** Makes the slot one for each hart. */
  share(table: Int32Array, slot: number, hart: number): Int32Array {
    const number = this.#free.pop() ?? this.#vectors.push(new Int32Array(this.#harts * SLOT_WORDS)) - 1;
    const vector = this.#vectors[number];
    vector.fill(0);
    for (let i = 0; i < SLOT_WORDS; i++) vector[hart * SLOT_WORDS + i] = table[slot + i];
    table[slot] = -number - 1;
    return vector;
  }

  clear(table: Int32Array, slot: number): void {
    if (table[slot] < 0) this.#free.push(-table[slot] - 1);
    table[slot] = 0;
  }

  #releaseVectors(table: Int32Array, from: number, to: number): void {
    for (let at = from; at < to; at += CELL_WORDS) {
      if (table[at + SLOT.PLAIN_READ] < 0) this.clear(table, at + SLOT.PLAIN_READ);
      if (table[at + SLOT.MARKED_READ] < 0) this.clear(table, at + SLOT.MARKED_READ);
    }
  }

  #newPage(number: number): Int32Array {
    let table: Int32Array | undefined;
    if (this.#order.length === PAGES_MAX) {
      const oldest = this.#order.shift()!;
      table = this.#pages[oldest]!;
      this.#releaseVectors(table, 0, table.length);
      table.fill(0);
      this.#pages[oldest] = undefined;
    }
    table ??= new Int32Array(PAGE_CELLS * CELL_WORDS);
    while (this.#pages.length < number) this.#pages.push(undefined);
    this.#order.push(number);
    this.#pages[number] = table;
    return table;
  }
}

export function cellOf(address: number): number {
  return ((address >>> 2) & (PAGE_CELLS - 1)) * CELL_WORDS;
}
