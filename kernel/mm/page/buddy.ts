// The buddy allocator: free memory as blocks of 2^order pages.
//
// A free block of order n is aligned to its size; its buddy is the other half of the block of order n + 1. Blocks are split on
// demand and merged with their buddy when both are free, always as far as it goes: the same free pages are the same lists.
//
//   order 2   [ 0 1 2 3 ]                alloc(0) takes 0, enlists 1 (order 0) and 2-3 (order 1)
//   order 1        [ 2 3 ]
//   order 0    [ 1 ]                     free(0): buddy 1 is free -> 0-1, buddy 2-3 is free -> 0-3
//
// Lock: zone.lock, innermost of mm, raw and with interrupts off (pages are taken in every context, on rt too); it protects
// the free lists, free_pages and the fields of free blocks. What is below it holds it for a bounded number of steps.
// Watermarks: free_pages at or below which an allocation is refused (watermark.ts says to whom).
// Limit: order 10 (4 MiB).

import { INIT_LIST_HEAD, list_add, list_add_tail, list_del, list_empty, list_head } from "../../lib/list.ts";
import { raw_spin_lock, raw_spin_unlock, raw_spinlock_t } from "../../locking/spinlock.ts";
import { max_low_pfn, mem_map, min_low_pfn, nth_page, page, PG_buddy, pfn_to_page } from "./page.ts";

/** Orders 0 .. MAX_ORDER - 1. */
export const MAX_ORDER = 11;

class free_area {
  readonly free_list = new list_head();
  nr_free: u32;
}

class zone_t {
  readonly lock = new raw_spinlock_t();
  /** Pages in all free lists. Read without the lock by the watermarks. */
  free_pages: u32;
  /** Pages that were given to the allocator at boot. */
  managed_pages: u32;
  watermark_min: u32;
  watermark_low: u32;
  watermark_high: u32;
  readonly free_area = new StructArray(free_area, MAX_ORDER);
}
export const zone = new zone_t();

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
export function free_one_block(first: page, order: u32): void {
  const pages = max_low_pfn - min_low_pfn;
  const map = mem_map;
  let at = (addr(first) - map) / sizeof<page>();
  let o = order;
  while (o < MAX_ORDER - 1) {
    const other = at ^ (1 << o);
    if (other >= pages) break;
    const buddy = cast<page>(map + other * sizeof<page>());
    // Its owner, if it has one, may be at its fields; they say PG_buddy under zone.lock only.
    if (data_race(buddy.flags !== PG_buddy || buddy.private !== o)) break;
    list_del(buddy.lru);
    buddy.flags = 0;
    zone.free_area[o].nr_free -= 1;
    at &= other;
    o++;
  }
  enlist(cast<page>(map + at * sizeof<page>()), o);
  WRITE_ONCE(zone.free_pages, zone.free_pages + (1 << order));
}

/** Take a block of `order` off the free lists, splitting a larger one if need be. zone.lock is held. */
export function take_block(order: u32): page | null {
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
    enlist(nth_page(p, 1 << o), o);
  }
  p.flags = 0;
  WRITE_ONCE(zone.free_pages, zone.free_pages - (1 << order));
  return p;
}

/** Single pages onto the end of `list`: how many there were, `count` at most. Interrupts are off. */
export function rmqueue_bulk(count: u32, list: list_head): u32 {
  let taken: u32 = 0;
  raw_spin_lock(zone.lock);
  for (; taken < count; taken++) {
    const p = take_block(0);
    if (p === null) break;
    list_add_tail(p.lru, list);
  }
  raw_spin_unlock(zone.lock);
  return taken;
}

/** The last `count` pages of `list`, which has as many, go back. Interrupts are off. */
export function free_pages_bulk(count: u32, list: list_head): void {
  raw_spin_lock(zone.lock);
  for (let n: u32 = 0; n < count; n++) {
    const p = containerOf(page, "lru", list.prev);
    list_del(p.lru);
    free_one_block(p, 0);
  }
  raw_spin_unlock(zone.lock);
}

/** At boot: the frames `from` .. `to` - 1 of mem_map become free, in the largest aligned blocks. */
export function free_range(from: usize, to: usize): void {
  let at = from;
  while (at < to) {
    let order: u32 = 0;
    while (order < MAX_ORDER - 1 && (at & (1 << order)) === 0 && at + (2 << order) <= to) order++;
    enlist(pfn_to_page(min_low_pfn + at), order);
    at += 1 << order;
  }
  WRITE_ONCE(zone.free_pages, zone.free_pages + to - from);
  zone.managed_pages += to - from;
}

/** Before free_range. */
export function buddy_init(): void {
  for (let order: u32 = 0; order < MAX_ORDER; order++) INIT_LIST_HEAD(zone.free_area[order].free_list);
}
