// The swap cache: for each slot, the page that has its contents, if one has.
//
// A page in it: PG_swapcache, page_private = the entry, a reference of the cache's, and HAS_CACHE in the slot's byte (set before the page
// comes in, cleared after it has left). So a slot has one page at most, and who meets HAS_CACHE without a page waits for one that is about
// to come or has just left.
//   the caller of                 has                                                  after it
//   add_to_swap_cache             the page locked, HAS_CACHE                           the cache has a reference
//   delete_from_swap_cache        the page locked, not under writeback, a reference    HAS_CACHE is off, the cache's reference is gone
//   lookup_swap_cache             nothing: the entry may be stale                      a reference, perhaps to a page that leaves: lock and look
// Lock: tree_lock, one a device, inside p->lock; not taken in interrupts. Linux: mm/swap_state.c of 3.11. Unlike it: a table with one pointer
// a slot, which swapon makes, instead of a radix tree: adding needs no memory, cannot fail for want of it, and there is no preloading. A
// lookup takes the lock; Linux's takes none, and a reference of its on a page that is somebody else's by now would look like misuse here.

import { BUG_ON } from "../../lib/bug.ts";
import { EEXIST } from "../../lib/errno.ts";
import { spin_lock, spin_unlock, spinlock_t } from "../../locking/spinlock.ts";
import {
  ClearPageSwapCache, page_private, PageLocked, PageSwapBacked, PageSwapCache, PageUptodate, PageWriteback, set_page_private,
  SetPageDirty, SetPageSwapCache,
} from "../memory/page-flags.ts";
import { get_page, page, put_page } from "../page_alloc.ts";
import { MAX_SWAPFILES, swp_entry_t, swp_offset, swp_type } from "./entry.ts";
import { get_swap_page, swapcache_free } from "./swapfile.ts";

export class swapper_space {
  readonly tree_lock = new spinlock_t();
  /** By offset; 0 entries when the device is not in use. */
  pages: Ptr<page | null>;
  max: u32;
  nrpages: u32;
}
export const swapper_spaces = new StructArray(swapper_space, MAX_SWAPFILES);

function space_of(entry: swp_entry_t): swapper_space {
  "inline";
  return swapper_spaces[swp_type(entry)];
}

/** Pages in the swap cache, of all devices. */
export function total_swapcache_pages(): u32 {
  let pages: u32 = 0;
  for (let type: u32 = 0; type < MAX_SWAPFILES; type++) pages += READ_ONCE(swapper_spaces[type].nrpages);
  return pages;
}

/** 0, or -EEXIST: the slot has a page. The page is locked, its slot has HAS_CACHE by the caller's doing. @must_use */
export function __add_to_swap_cache(p: page, entry: swp_entry_t): i32 {
  BUG_ON(!PageLocked(p) || PageSwapCache(p) || !PageSwapBacked(p));
  get_page(p);
  const space = space_of(entry);
  spin_lock(space.tree_lock);
  const taken = space.pages[swp_offset(entry)] !== null;
  if (!taken) {
    set_page_private(p, entry);
    SetPageSwapCache(p);
    space.pages[swp_offset(entry)] = p;
    WRITE_ONCE(space.nrpages, space.nrpages + 1);
  }
  spin_unlock(space.tree_lock);
  if (!taken) return 0;
  put_page(p);
  return -EEXIST;
}

/** As __add_to_swap_cache; Linux's allocates nodes of the tree here, as `gfp` permits. @must_use */
export function add_to_swap_cache(p: page, entry: swp_entry_t, _gfp: u32): i32 {
  return __add_to_swap_cache(p, entry);
}

/** Called with tree_lock held; the slot's HAS_CACHE and the cache's reference are the caller's to give back. */
export function __delete_from_swap_cache(p: page): void {
  BUG_ON(!PageLocked(p) || !PageSwapCache(p) || PageWriteback(p));
  const entry = page_private(p);
  const space = space_of(entry);
  space.pages[swp_offset(entry)] = null;
  set_page_private(p, 0);
  ClearPageSwapCache(p);
  WRITE_ONCE(space.nrpages, space.nrpages - 1);
}

/** The tree_lock of the device that the page's slot is on; the page is locked. */
export function swap_tree_lock(p: page): spinlock_t {
  return space_of(page_private(p)).tree_lock;
}

/** The page is locked, not under writeback, and the caller has a reference. */
export function delete_from_swap_cache(p: page): void {
  const entry = page_private(p);
  const lock = swap_tree_lock(p);
  spin_lock(lock);
  __delete_from_swap_cache(p);
  spin_unlock(lock);
  swapcache_free(entry, p);
  put_page(p);
}

/** The page of a slot, with a reference; null: it has none now. The entry may be stale. */
export function lookup_swap_cache(entry: swp_entry_t): page | null {
  const space = space_of(entry);
  spin_lock(space.tree_lock);
  const p = swp_offset(entry) < space.max ? space.pages[swp_offset(entry)] : null;
  if (p !== null) get_page(p);
  spin_unlock(space.tree_lock);
  return p;
}

/** Gives an anonymous page, locked and up to date, a slot; false: there is none. Dirty afterwards: the slot has nothing yet. @must_use */
export function add_to_swap(p: page): boolean {
  BUG_ON(!PageLocked(p) || !PageUptodate(p));
  const entry = get_swap_page();
  if (entry === 0) return false;
  if (__add_to_swap_cache(p, entry) !== 0) {
    swapcache_free(entry, null);
    return false;
  }
  SetPageDirty(p);
  return true;
}
