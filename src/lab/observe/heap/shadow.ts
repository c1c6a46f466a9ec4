/**
 * One state for each byte of memory that allocators own, by virtual address.
 *
 * Kept in pages of 4 KiB that exist once something in them was allocated; what is in no page is nobody's business: text, static
 * data, devices.
 */

/** The state of a byte; what is BAD_FROM or more must not be touched. */
export const BYTE = {
  UNTRACKED: 0,
  /** Allocated and written to. */
  WRITTEN: 1,
  /** Allocated, and never written to since. */
  UNWRITTEN: 2,
  /** Of a slab or an area, and of no object: never allocated, or beyond the object's end. */
  REDZONE: 3,
  FREED: 4,
  FREE_PAGE: 5,
} as const;
export const BAD_FROM = BYTE.REDZONE;

const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;
const PAGES = 2 ** (32 - PAGE_SHIFT);

export class Shadow {
  /** Where a page's states begin, plus 1; 0: it has none. */
  readonly #pageAt = new Int32Array(PAGES);
  #states = new Uint8Array(64 * PAGE_BYTES);
  #words = new Uint32Array(this.#states.buffer);
  #used = 0;

  at(address: number): number {
    const page = this.#pageAt[address >>> PAGE_SHIFT];
    return page === 0 ? BYTE.UNTRACKED : this.#states[page - 1 + (address & (PAGE_BYTES - 1))];
  }

  fill(address: number, length: number, state: number): void {
    let from = address >>> 0;
    const end = Math.min(from + length, 2 ** 32);
    while (from < end) {
      const upTo = Math.min(end, (Math.floor(from / PAGE_BYTES) + 1) * PAGE_BYTES);
      const base = this.#page(from);
      const first = base + (from % PAGE_BYTES);
      this.#states.fill(state, first, first + (upTo - from));
      from = upTo;
    }
  }

  /** The worst state among the bytes read. */
  read(address: number, bytes: number): number {
    const page = this.#pageAt[address >>> PAGE_SHIFT];
    if (page === 0) return BYTE.UNTRACKED;
    const at = page - 1 + (address & (PAGE_BYTES - 1));
    if (bytes === 4 && (at & 3) === 0) {
      const word = this.#words[at >>> 2];
      if (word === 0x01010101 || word === 0) return BYTE.WRITTEN;
    }
    let worst: number = BYTE.UNTRACKED;
    for (let i = 0; i < bytes; i++) worst = Math.max(worst, this.#states[at + i]);
    return worst;
  }

  /** As `read`; bytes that may be written have been afterwards. */
  write(address: number, bytes: number): number {
    const page = this.#pageAt[address >>> PAGE_SHIFT];
    if (page === 0) return BYTE.UNTRACKED;
    const at = page - 1 + (address & (PAGE_BYTES - 1));
    if (bytes === 4 && (at & 3) === 0) {
      const word = this.#words[at >>> 2];
      if (word === 0x01010101 || word === 0) return BYTE.WRITTEN;
      if (word === 0x02020202) {
        this.#words[at >>> 2] = 0x01010101;
        return BYTE.WRITTEN;
      }
    }
    let worst: number = BYTE.UNTRACKED;
    for (let i = 0; i < bytes; i++) {
      const state = this.#states[at + i];
      worst = Math.max(worst, state);
      if (state === BYTE.UNWRITTEN) this.#states[at + i] = BYTE.WRITTEN;
    }
    return worst;
  }

  #page(address: number): number {
    const number = address >>> PAGE_SHIFT;
    const known = this.#pageAt[number];
    if (known !== 0) return known - 1;
    const base = this.#used;
    this.#used += PAGE_BYTES;
    if (this.#used > this.#states.length) {
      const larger = new Uint8Array(this.#states.length * 2);
      larger.set(this.#states);
      this.#states = larger;
      this.#words = new Uint32Array(larger.buffer);
    }
    this.#pageAt[number] = base + 1;
    return base;
  }
}
