// Early allocations: what boot takes from RAM before the page allocator runs. Nothing is ever given back.
//
//   _end ... [per-CPU areas] [mem_map] | first free page ... memory_end
// memblock_init once, memblock_alloc in order, memblock_free_all ends it: what was not taken becomes free pages. A later
// memblock_alloc is a BUG. One CPU, interrupts off, no lock.
// The image has no part that only boot needs (init code is a few KiB among the rest), so no init memory is freed.

import { __va, PAGE_SHIFT, PHYS_OFFSET } from "../arch/page.ts";
import { BUG } from "../lib/bug.ts";
import { memset } from "../lib/string.ts";
import { free_range } from "./page/buddy.ts";
import { nth_page, pfn_to_page, min_low_pfn, PG_reserved } from "./page/page.ts";

class memblock_t {
  /** Physical: first byte not taken yet, and one past the last that there is. */
  at: usize;
  end: usize;
}
const memblock = new memblock_t();

/** RAM from `start` up to `end`, physical, is there and unused. */
export function memblock_init(start: usize, end: usize): void {
  memblock.at = start;
  memblock.end = end;
}

/** One past the last byte of RAM that anybody can have; physical. */
export function memblock_end(): usize {
  return memblock.end;
}

/** Bytes not taken yet. */
export function memblock_available(): usize {
  return memblock.end - memblock.at;
}

/** `size` cleared bytes, aligned to `align` (a power of two); the virtual address. */
export function memblock_alloc(size: usize, align: usize): usize {
  const start = (memblock.at + align - 1) & ~(align - 1);
  if (start > memblock.end || memblock.end - start < size) BUG("memblock: %u bytes wanted, %u left", size, memblock.end - memblock.at);
  memblock.at = start + size;
  memset(__va(start), 0, size);
  return __va(start);
}

/** mem_map and the free lists stand: everything below is reserved, the rest is free. How many pages that is. */
export function memblock_free_all(): u32 {
  const first = (memblock.at - PHYS_OFFSET + (1 << PAGE_SHIFT) - 1) >>> PAGE_SHIFT;
  const pages = (memblock.end - PHYS_OFFSET) >>> PAGE_SHIFT;
  const map = pfn_to_page(min_low_pfn);
  for (let n: usize = 0; n < first; n++) nth_page(map, n).flags = PG_reserved;
  free_range(first, pages);
  memblock.at = memblock.end;
  return pages - first;
}
