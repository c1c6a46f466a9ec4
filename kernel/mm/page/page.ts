// Page frames: mem_map describes each frame of RAM with a `struct page` of 32 bytes, so that an index is a shift.
//
// Who owns a frame says what its fields hold:
//   free block   first page: PG_buddy, private = order, lru = free list; the other pages: count 0, nothing else valid
//   per-CPU      count 0, no flag, lru = list of the CPU (page_alloc.ts)
//   allocated    first page: count >= 1, private = order; the other pages: count 0
//   compound     as allocated, and PG_head; the other pages: PG_tail, private = first page
//   slab         every page: PG_slab; first page: slab.ts; the other pages: PG_tail, private = first page
// Lifetime of mem_map: for ever. Limit: RAM above the 1020 MiB that the direct map can hold is left unused.

import { PAGE_OFFSET, PAGE_SHIFT, PHYS_OFFSET } from "../../arch/page.ts";
import { atomic_inc, atomic_t } from "../../lib/atomic.ts";
import { list_head } from "../../lib/list.ts";

/** Never given to anybody: kernel image, per-CPU areas, mem_map. */
export const PG_reserved = 1;
/** First page of a free block. */
export const PG_buddy = 2;
export const PG_slab = 4;
/** Not the first page of its slab or compound block: private = first page. */
export const PG_tail = 8;
/** First page of a kmalloc that was too large for the slab caches. */
export const PG_large = 16;
/** First page of a compound block. */
export const PG_head = 32;

export class page {
  flags: u16;
  /** Slab: objects that are in use or in per-CPU arrays. */
  inuse: u8;
  /** Slab: index of the first free object. */
  free: u8;
  readonly _count = new atomic_t();
  private: usize;
  /** Slab: continues the index array that begins in `private`. Free page: poison.ts. */
  index: usize;
  readonly lru = new list_head();
  /** Slab: address of the kmem_cache. */
  slab_cache: usize;
  /** Slab: address of the index array. */
  freelist: usize;
}

/** The first page frame that mem_map describes, and one past the last. */
export const min_low_pfn = PHYS_OFFSET >>> PAGE_SHIFT;
export let max_low_pfn: usize = 0;
/** Address of the first `page`; constant after mem_map_init. */
export let mem_map: usize = 0;

/** Once, at boot: `pages` frames are described from `at` on. */
export function mem_map_init(at: usize, pages: u32): void {
  mem_map = at;
  max_low_pfn = min_low_pfn + pages;
}

export function mem_map_start(): usize {
  return mem_map;
}

export function mem_map_end(): usize {
  return mem_map + (max_low_pfn - min_low_pfn) * sizeof<page>();
}

/** True when `va` lies in the direct map of RAM that mem_map describes. */
export function virt_addr_valid(va: usize): boolean {
  "inline";
  return va - PAGE_OFFSET < (max_low_pfn - min_low_pfn) << PAGE_SHIFT;
}

/** True for the frame of RAM that mem_map describes. */
export function pfn_valid(pfn: usize): boolean {
  "inline";
  return pfn - min_low_pfn < max_low_pfn - min_low_pfn;
}

export function pfn_to_page(pfn: usize): page {
  "inline";
  return cast<page>(mem_map + (pfn - min_low_pfn) * sizeof<page>());
}

export function page_to_pfn(p: page): usize {
  "inline";
  return (addr(p) - mem_map) / sizeof<page>() + min_low_pfn;
}

/** The page of an address in the direct map. */
export function virt_to_page(va: usize): page {
  "inline";
  return cast<page>(mem_map + ((va - PAGE_OFFSET) >>> PAGE_SHIFT) * sizeof<page>());
}

export function page_address(p: page): usize {
  "inline";
  return PAGE_OFFSET + (((addr(p) - mem_map) / sizeof<page>()) << PAGE_SHIFT);
}

/** The page `n` frames behind `p`. */
export function nth_page(p: page, n: u32): page {
  "inline";
  return cast<page>(addr(p) + n * sizeof<page>());
}

/** The first page of the compound block that `p` belongs to; `p` itself when it is none. */
export function compound_head(p: page): page {
  "inline";
  return (READ_ONCE(p.flags) & PG_tail) === 0 ? p : cast<page>(p.private);
}

export function get_page(p: page): void {
  atomic_inc(compound_head(p)._count);
}
