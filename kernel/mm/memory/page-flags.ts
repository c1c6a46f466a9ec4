// Flags and fields of the page of a user: anonymous memory, on the LRU, in the swap cache.
//
// The first word of struct page (flags, inuse, free) is one word of bits here, changed by atomic operations only, so that different
// owners of different bits need no common lock. Bits 0 .. 5 are the allocator's (page.ts): a page has either those or these.
//   PG_locked                          lock_page, page-wait.ts
//   PG_uptodate                        set under the page lock, before anybody else can find the page
//   PG_dirty, PG_swapcache, PG_error   changed under the page lock
//   PG_writeback, PG_reclaim           set under the page lock, cleared by the end of the I/O in any context
//   PG_lru, PG_active                  under lru_lock, or by who has isolated the page (vmscan/lru.ts)
//   PG_referenced                      anybody
// PageX reads, SetPageX and ClearPageX order nothing, as in Linux (here they happen to be full barriers); TestSetPageX and TestClearPageX
// are full barriers and return the old bit.
// Other fields of such a page: private = swp_entry.val while PG_swapcache, else 0 (the order); slab_cache = mapping, the mm_struct that
// maps it or 0; index = user address in that; freelist = _mapcount, entries of page tables that point here (Linux counts from -1).
// Lifetime: alloc_pages gives these fields as 0; put_page at count 0 wants them 0 again, and of the bits PG_locked, PG_writeback,
// PG_swapcache and PG_active: else "Bad page state". The other bits it takes away itself.

import { atomic_dec_and_test, atomic_inc, atomic_read, type atomic_t } from "../../lib/atomic.ts";
import type { page } from "../page/page.ts";

/** Somebody has the page lock: I/O, or a change of what the page is. */
export const PG_locked = 1 << 6;
/** The contents are what they should be; before that nobody maps it. */
export const PG_uptodate = 1 << 7;
/** Memory is newer than swap. */
export const PG_dirty = 1 << 8;
/** On its way to swap: the contents must not be let go of. */
export const PG_writeback = 1 << 9;
/** Shall go to the cold end of the LRU once writeback is over. */
export const PG_reclaim = 1 << 10;
/** Anonymous: all user pages here are. */
export const PG_swapbacked = 1 << 11;
/** In the swap cache: page_private is the swap entry. */
export const PG_swapcache = 1 << 12;
/** On an LRU list. */
export const PG_lru = 1 << 13;
/** On the active list, or taken off it. */
export const PG_active = 1 << 14;
/** Used since somebody looked. */
export const PG_referenced = 1 << 15;
/** I/O failed. */
export const PG_error = 1 << 16;

/** Any of these: the page is a user's. */
export const PAGE_FLAGS_USER = 0x1ffc0;
/** Wrong at the moment of freeing; the user's others just vanish then. */
export const PAGE_FLAGS_CHECK_AT_FREE = PG_locked | PG_writeback | PG_swapcache | PG_active;

export function page_flags(p: page): Ptr<u32> {
  "inline";
  return cast<Ptr<u32>>(addr(p));
}

function test(p: page, bit: u32): boolean {
  "inline";
  return (READ_ONCE(page_flags(p)[0]) & bit) !== 0;
}

export function PageLocked(p: page): boolean {
  "inline";
  return test(p, PG_locked);
}
export function SetPageLocked(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_locked);
}
export function ClearPageLocked(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_locked);
}

export function PageUptodate(p: page): boolean {
  "inline";
  return test(p, PG_uptodate);
}
export function SetPageUptodate(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_uptodate);
}
export function ClearPageUptodate(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_uptodate);
}

export function PageDirty(p: page): boolean {
  "inline";
  return test(p, PG_dirty);
}
export function SetPageDirty(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_dirty);
}
export function ClearPageDirty(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_dirty);
}
export function TestClearPageDirty(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_dirty) & PG_dirty) !== 0;
}

export function PageWriteback(p: page): boolean {
  "inline";
  return test(p, PG_writeback);
}
export function SetPageWriteback(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_writeback);
}
export function ClearPageWriteback(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_writeback);
}
export function TestSetPageWriteback(p: page): boolean {
  "inline";
  return (amoOr(page_flags(p), PG_writeback) & PG_writeback) !== 0;
}
export function TestClearPageWriteback(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_writeback) & PG_writeback) !== 0;
}

export function PageReclaim(p: page): boolean {
  "inline";
  return test(p, PG_reclaim);
}
export function SetPageReclaim(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_reclaim);
}
export function ClearPageReclaim(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_reclaim);
}
export function TestSetPageReclaim(p: page): boolean {
  "inline";
  return (amoOr(page_flags(p), PG_reclaim) & PG_reclaim) !== 0;
}
export function TestClearPageReclaim(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_reclaim) & PG_reclaim) !== 0;
}

export function PageSwapBacked(p: page): boolean {
  "inline";
  return test(p, PG_swapbacked);
}
export function SetPageSwapBacked(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_swapbacked);
}
export function ClearPageSwapBacked(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_swapbacked);
}

export function PageSwapCache(p: page): boolean {
  "inline";
  return test(p, PG_swapcache);
}
export function SetPageSwapCache(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_swapcache);
}
export function ClearPageSwapCache(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_swapcache);
}

export function PageLRU(p: page): boolean {
  "inline";
  return test(p, PG_lru);
}
export function SetPageLRU(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_lru);
}
export function ClearPageLRU(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_lru);
}
export function TestClearPageLRU(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_lru) & PG_lru) !== 0;
}

export function PageActive(p: page): boolean {
  "inline";
  return test(p, PG_active);
}
export function SetPageActive(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_active);
}
export function ClearPageActive(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_active);
}
export function TestClearPageActive(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_active) & PG_active) !== 0;
}

export function PageReferenced(p: page): boolean {
  "inline";
  return test(p, PG_referenced);
}
export function SetPageReferenced(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_referenced);
}
export function ClearPageReferenced(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_referenced);
}
export function TestSetPageReferenced(p: page): boolean {
  "inline";
  return (amoOr(page_flags(p), PG_referenced) & PG_referenced) !== 0;
}
export function TestClearPageReferenced(p: page): boolean {
  "inline";
  return (amoAnd(page_flags(p), ~PG_referenced) & PG_referenced) !== 0;
}

export function PageError(p: page): boolean {
  "inline";
  return test(p, PG_error);
}
export function SetPageError(p: page): void {
  "inline";
  amoOr(page_flags(p), PG_error);
}
export function ClearPageError(p: page): void {
  "inline";
  amoAnd(page_flags(p), ~PG_error);
}

/** swp_entry.val while PG_swapcache. Stable under the page lock. */
export function page_private(p: page): u32 {
  "inline";
  return READ_ONCE(p.private);
}

export function set_page_private(p: page, value: u32): void {
  "inline";
  WRITE_ONCE(p.private, value);
}

/** Address of the mm_struct whose page tables have the page, or had it last; 0: never mapped. Stable under the page lock. */
export function page_mapping(p: page): usize {
  "inline";
  return READ_ONCE(p.slab_cache);
}

export function set_page_mapping(p: page, mm: usize, address: usize): void {
  "inline";
  WRITE_ONCE(p.slab_cache, mm);
  WRITE_ONCE(p.index, address);
}

/** Where in page_mapping: the user address. */
export function page_index(p: page): usize {
  "inline";
  return READ_ONCE(p.index);
}

export function page_mapcount_ptr(p: page): atomic_t {
  "inline";
  return cast<atomic_t>(addr(addressOf(p.freelist)));
}

/** How many entries of page tables point here. */
export function page_mapcount(p: page): i32 {
  "inline";
  return atomic_read(page_mapcount_ptr(p));
}

export function page_mapped(p: page): boolean {
  "inline";
  return page_mapcount(p) !== 0;
}

export function page_mapcount_inc(p: page): void {
  "inline";
  atomic_inc(page_mapcount_ptr(p));
}

/** True: nobody maps it any more. */
export function page_mapcount_dec_and_test(p: page): boolean {
  "inline";
  return atomic_dec_and_test(page_mapcount_ptr(p));
}

export {
  end_page_writeback, lock_page, set_page_writeback, trylock_page, unlock_page, wait_on_page_locked, wait_on_page_writeback,
} from "./page-wait.ts";
