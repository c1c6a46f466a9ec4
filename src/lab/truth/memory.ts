/** Guest memory as words, read page by page and kept for as long as the machine stands still. */
import type { Words } from "./reach.ts";

const PAGE = 4096;

export class GuestWords implements Words {
  readonly #read: (address: number, length: number) => Uint8Array | null;
  readonly #pages = new Map<number, Uint32Array | null>();

  /** `read`: virtual memory without side effects. */
  constructor(read: (address: number, length: number) => Uint8Array | null) {
    this.#read = read;
  }

  each(start: number, end: number, visit: (address: number, value: number) => void): void {
    for (let at = Math.ceil(start / 4) * 4; at + 4 <= end; ) {
      const base = Math.floor(at / PAGE) * PAGE;
      const stop = Math.min(end, base + PAGE);
      const words = this.#page(base);
      if (words === null) at = base + PAGE;
      else for (; at + 4 <= stop; at += 4) visit(at, words[(at - base) >> 2]);
    }
  }

  /** The word at an aligned address; null: there is none. */
  word(address: number): number | null {
    const base = Math.floor(address / PAGE) * PAGE;
    return this.#page(base)?.[(address - base) >> 2] ?? null;
  }

  #page(base: number): Uint32Array | null {
    let words = this.#pages.get(base);
    if (words === undefined) {
      const bytes = this.#read(base, PAGE);
      words = bytes === null ? null : new Uint32Array(bytes.slice().buffer);
      this.#pages.set(base, words);
    }
    return words;
  }
}
