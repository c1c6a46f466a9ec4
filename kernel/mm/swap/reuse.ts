// Doing without a slot: when the page in the swap cache is all that is left, or all that is wanted.
//
// Each of them takes a locked page out of the swap cache and makes it dirty: what its slot had is gone, so the page is the only copy.
// A page under writeback stays: the device reads the slot's number from the page.
// Linux: mm/swapfile.c of 3.11.

import { BUG_ON } from "../../lib/bug.ts";
import { spin_unlock } from "../../locking/spinlock.ts";
import {
  page_mapcount, page_mapped, page_private, PageLocked, PageSwapCache, PageWriteback, SetPageDirty, trylock_page, unlock_page,
} from "../memory/page-flags.ts";
import { page, put_page } from "../page_alloc.ts";
import { SWAP_HAS_CACHE, swp_entry_t } from "./entry.ts";
import { swap_info_get, vm_swap_full } from "./info.ts";
import { delete_from_swap_cache, lookup_swap_cache } from "./swap_state.ts";
import { page_swapcount, swap_entry_free } from "./swapfile.ts";

/** True: no page table holds the page's entry, and it has left the swap cache. The page is locked. */
export function try_to_free_swap(p: page): boolean {
  BUG_ON(!PageLocked(p));
  if (!PageSwapCache(p) || PageWriteback(p) || page_swapcount(p) !== 0) return false;
  delete_from_swap_cache(p);
  SetPageDirty(p);
  return true;
}

/** True: the caller, who maps the locked page, is its only user and may write to it in place. Then it leaves the swap cache, too. */
export function reuse_swap_page(p: page): boolean {
  BUG_ON(!PageLocked(p));
  let count = u32(page_mapcount(p));
  if (count > 1 || !PageSwapCache(p)) return count <= 1;
  count += page_swapcount(p);
  if (count === 1 && !PageWriteback(p)) {
    delete_from_swap_cache(p);
    SetPageDirty(p);
  }
  return count <= 1;
}

/** A page table that goes away gives its entry back; a page that only the swap cache still has goes, too, when that needs no waiting. */
export function free_swap_and_cache(entry: swp_entry_t): void {
  const si = swap_info_get(entry);
  if (si === null) return;
  let p: page | null = null;
  if (swap_entry_free(si, entry, 1) === SWAP_HAS_CACHE) {
    p = lookup_swap_cache(entry);
    if (p !== null && !trylock_page(p)) {
      spin_unlock(si.lock);
      put_page(p);
      return;
    }
  }
  spin_unlock(si.lock);
  if (p === null) return;
  // Not locked when it was found: it may be another slot's by now, or nobody's; and one that is mapped keeps its slot while there are enough.
  if (PageSwapCache(p) && page_private(p) === entry && !PageWriteback(p) && (!page_mapped(p) || vm_swap_full())) {
    delete_from_swap_cache(p);
    SetPageDirty(p);
  }
  unlock_page(p);
  put_page(p);
}
