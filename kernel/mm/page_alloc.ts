// Page frames: mem_map describes each frame of RAM, the buddy allocator hands out blocks of 2^order of them.
//
// A free block of order n is aligned to its size; its buddy is the other half of the block of order n + 1. Blocks are
// split on demand and merged with their buddy when both are free.
// `struct page` is 32 bytes, so that an index is a shift. Who owns a frame says what its fields hold:
//   free block   first page: PG_buddy, private = order, lru = free list; the other pages: count 0, nothing else valid
//   allocated    first page: count >= 1, private = order; the other pages: count 0
//   slab         every page: PG_slab; first page: slab.ts; the other pages: PG_tail, private = first page
// Lock: zone.lock, innermost of mm, protects the free lists, free_pages, and the fields of free blocks; the fields of an
// allocated block belong to its owner. Lifetime of mem_map: for ever.
// Limits: order 10 (4 MiB); RAM above the 1020 MiB that the direct map can hold is left unused; no reclaim, no reserves.

import { LINEAR_MAX, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, PHYS_OFFSET, __pa, __va } from "../arch/page.ts";
import { atomic_dec_and_test, atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { BUG } from "../lib/bug.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_empty, list_head } from "../lib/list.ts";
import { pr_info, pr_warn } from "../lib/printk.ts";
import { memset } from "../lib/string.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from "../locking/spinlock.ts";
import { __GFP_NOWARN, __GFP_ZERO, might_alloc } from "./gfp.ts";

/** Orders 0 .. MAX_ORDER - 1. */
export const MAX_ORDER = 11;



/** Never given to anybody: kernel image, per-CPU areas, mem_map. */
export const PG_reserved = 1;
/** First page of a free block. */
export const PG_buddy = 2;
export const PG_slab = 4;
/** Not the first page of its slab. */
export const PG_tail = 8;
/** First page of a kmalloc that was too large for the slab caches. */
export const PG_large = 16;

export class page {
  flags: u16;
  /** Slab: objects that are in use or in per-CPU arrays. */
  inuse: u8;
  /** Slab: index of the first free object. */
  free: u8;
  readonly _count = new atomic_t();
  private: usize;
  /** Slab: continues the index array that begins in `private`. First page of a vmalloc block: its vm_struct. */
  index: usize;
  readonly lru = new list_head();
  /** Slab: address of the kmem_cache. */
  slab_cache: usize;
  /** Slab: address of the index array. */
  freelist: usize;
}

class free_area {
  readonly free_list = new list_head();
  nr_free: u32;
}

class zone_t {
  readonly lock = new spinlock_t();
  /** Pages in all free lists. */
  free_pages: u32;
  readonly free_area = new StructArray(free_area, MAX_ORDER);
}
const zone = new zone_t();

/** The first page frame that mem_map describes, and one past the last. */
export const min_low_pfn = PHYS_OFFSET >>> PAGE_SHIFT;
export let max_low_pfn: usize = 0;
/** Address of the first `page`; constant after page_alloc_init. */
export let mem_map: usize = 0;
/** Pages that page_alloc_init gave to the allocator. */
export let totalram_pages: u32 = 0;
/** Failures reported so far; the first ten are. */
let failures: u32 = 0;

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

/** Put a block into the list of its order. zone.lock is held. */
function enlist(p: page, order: u32): void {
  "inline";
  p.flags = PG_buddy;
  p.private = order;
  const area = zone.free_area[order];
  list_add(p.lru, area.free_list);
  area.nr_free += 1;
}

/** Free a block, merging it with its buddy as long as that is free. zone.lock is held. */
function free_one_block(first: page, order: u32): void {
  const pages = max_low_pfn - min_low_pfn;
  let at = (addr(first) - mem_map) / sizeof<page>();
  let o = order;
  while (o < MAX_ORDER - 1) {
    const other = at ^ (1 << o);
    if (other >= pages) break;
    const buddy = cast<page>(mem_map + other * sizeof<page>());
    if (buddy.flags !== PG_buddy || buddy.private !== o) break;
    list_del(buddy.lru);
    buddy.flags = 0;
    zone.free_area[o].nr_free -= 1;
    at &= other;
    o++;
  }
  enlist(cast<page>(mem_map + at * sizeof<page>()), o);
}

/** Take a block of `order` off the free lists, splitting a larger one if need be. zone.lock is held. */
function take_block(order: u32): page | null {
  let o = order;
  while (list_empty(zone.free_area[o].free_list)) {
    o++;
    if (o === MAX_ORDER) return null;
  }
  const area = zone.free_area[o];
  const p = containerOf(page, "lru", area.free_list.next);
  list_del(p.lru);
  area.nr_free -= 1;
  while (o > order) {
    o--;
    enlist(cast<page>(addr(p) + (sizeof<page>() << o)), o);
  }
  return p;
}

function report_failure(order: u32): void {
  "noinline";
  failures += 1;
  if (failures > 10) return;
  pr_warn("page allocation failure: order %u, %u pages free\n", order, zone.free_pages);
}

/** A block of 2^order pages, or null. */
export function alloc_pages(gfp: u32, order: u32): page | null {
  might_alloc(gfp);
  if (order >= MAX_ORDER) return null;
  const flags = spin_lock_irqsave(zone.lock);
  const p = take_block(order);
  if (p === null) {
    spin_unlock_irqrestore(zone.lock, flags);
    if ((gfp & __GFP_NOWARN) === 0) report_failure(order);
    return null;
  }
  zone.free_pages -= 1 << order;
  p.flags = 0;
  p.private = order;
  atomic_set(p._count, 1);
  spin_unlock_irqrestore(zone.lock, flags);
  if ((gfp & __GFP_ZERO) !== 0) memset(page_address(p), 0, PAGE_SIZE << order);
  return p;
}

export function get_page(p: page): void {
  "inline";
  atomic_inc(p._count);
}

/** Why a block must not be freed, in the words of BUG. */
function bad_free(p: page, order: u32): never {
  "noinline";
  const va = page_address(p);
  if ((p.flags & PG_reserved) !== 0) BUG("free_pages: %p was never allocated: it is reserved", va);
  if ((p.flags & (PG_slab | PG_large)) !== 0) BUG("free_pages: %p belongs to the slab allocator", va);
  if (atomic_read(p._count) === 0) BUG("free_pages: %p is free already, or not the start of a block", va);
  BUG("free_pages: %p was allocated with order %u and freed with order %u", va, p.private, order);
}

/** Drop a reference to the block; the last one frees it. */
export function __free_pages(p: page, order: u32): void {
  if (p.flags !== 0 || atomic_read(p._count) <= 0 || p.private !== order) bad_free(p, order);
  if (!atomic_dec_and_test(p._count)) return;
  const flags = spin_lock_irqsave(zone.lock);
  free_one_block(p, order);
  zone.free_pages += 1 << order;
  spin_unlock_irqrestore(zone.lock, flags);
}

/** The address of a block of 2^order pages, or 0. */
export function __get_free_pages(gfp: u32, order: u32): usize {
  const p = alloc_pages(gfp, order);
  return p === null ? 0 : page_address(p);
}

export function get_zeroed_page(gfp: u32): usize {
  return __get_free_pages(gfp | __GFP_ZERO, 0);
}

/** 0 is ignored. */
export function free_pages(va: usize, order: u32): void {
  if (va === 0) return;
  if (!virt_addr_valid(va) || (va & (PAGE_SIZE - 1)) !== 0) BUG("free_pages: %p is not the address of a page", va);
  __free_pages(virt_to_page(va), order);
}

/** The smallest order whose block holds `size` bytes. */
export function get_order(size: usize): u32 {
  let order: u32 = 0;
  while (order < MAX_ORDER && PAGE_SIZE << order < size) order++;
  return order;
}

export function nr_free_pages(): u32 {
  return READ_ONCE(zone.free_pages);
}

/** Give the frames `from` .. `to` - 1 to the allocator in the largest aligned blocks. */
function free_range(from: usize, to: usize): void {
  let at = from;
  while (at < to) {
    let order: u32 = 0;
    while (order < MAX_ORDER - 1 && (at & (1 << order)) === 0 && at + (2 << order) <= to) order++;
    enlist(pfn_to_page(min_low_pfn + at), order);
    at += 1 << order;
  }
}

/**
 * RAM from `first_free_pa` to `end_pa` becomes usable; mem_map, for all frames from the kernel's first on, takes the
 * beginning of it. About 10 instructions a frame.
 */
export function page_alloc_init(first_free_pa: usize, end_pa: usize): void {
  const limit = end_pa - PHYS_OFFSET > LINEAR_MAX ? PHYS_OFFSET + LINEAR_MAX : end_pa;
  const pages = (limit - PHYS_OFFSET) >>> PAGE_SHIFT;
  mem_map = __va((first_free_pa + 63) & ~63);
  max_low_pfn = min_low_pfn + pages;
  const free_from = (__pa(mem_map_end()) - PHYS_OFFSET + PAGE_SIZE - 1) >>> PAGE_SHIFT;
  memset(mem_map, 0, pages * sizeof<page>());
  for (let n: usize = 0; n < free_from; n++) pfn_to_page(min_low_pfn + n).flags = PG_reserved;
  for (let order: u32 = 0; order < MAX_ORDER; order++) INIT_LIST_HEAD(zone.free_area[order].free_list);
  free_range(free_from, pages);
  totalram_pages = pages - free_from;
  zone.free_pages = totalram_pages;
  pr_info("Memory: %uK/%uK available\n", totalram_pages * 4, pages * 4);
}
