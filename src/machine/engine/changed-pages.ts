/**
 * Which 4 KiB pages of linear memory differ from the last snapshot: a byte a page and a list, both in linear memory
 * (tables.ts `dirty`, `dirtyList`), written by the slow paths (core.ts `mark`) and by JavaScript (`mark` here).
 *
 * The fast path knows nothing of it: a line table may write only pages that are marked, so after a snapshot write
 * permission is withdrawn from all of them (`withdrawWrites`) and each page's first store comes by the slow path.
 */
import { CONTEXTS, EXEC, LINE } from "./tables.ts";
import type { Tables } from "./tables.ts";

export const PAGE_SHIFT = 12;
export const PAGE_BYTES = 1 << PAGE_SHIFT;

export class ChangedPages {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #flags: number;
  readonly #list: number;

  constructor(words: Int32Array, bytes: Uint8Array, tables: Tables) {
    this.#words = words;
    this.#bytes = bytes;
    this.#flags = tables.dirty;
    this.#list = tables.dirtyList >>> 2;
  }

  get count(): number {
    return this.#words[this.#list]!;
  }

  /** Page number (address / 4096) of the entry `at` < count of the list; in no order. */
  page(at: number): number {
    return this.#words[this.#list + 1 + at]!;
  }

  mark(page: number): void {
    if (this.#bytes[this.#flags + page] !== 0) return;
    this.#bytes[this.#flags + page] = 1;
    const count = this.count + 1;
    this.#words[this.#list] = count;
    this.#words[this.#list + count] = page;
  }

  /** All pages that hold a byte of [address, address + length). */
  markRange(address: number, length: number): void {
    if (length === 0) return;
    const last = (address + length - 1) >>> PAGE_SHIFT;
    for (let page = address >>> PAGE_SHIFT; page <= last; page++) this.mark(page);
  }

  /** No page is marked any more. Line tables that may write must be withdrawn or replaced as well. */
  clear(): void {
    const { count } = this;
    for (let at = 0; at < count; at++) this.#bytes[this.#flags + this.page(at)] = 0;
    this.#words[this.#list] = 0;
  }
}

/**
 * No line table may write and no execution table knows a page; both are found again by slow paths, without a cost in
 * the model. Loads stay as they are.
 */
export function withdrawWrites(words: Int32Array, tables: Tables, harts: number): void {
  for (let context = 0; context < harts * CONTEXTS; context++) {
    const lines = (tables.contexts + context * tables.contextBytes) >>> 2;
    const step = 1 << (LINE.SHIFT - 2);
    const end = lines + tables.lineSlots * step;
    for (let at = lines + LINE.WRITE / 4; at < end; at += step) words[at] = -1;
    words.fill(-1, end, end + (EXEC.ENTRIES << (EXEC.SHIFT - 2)));
  }
}
