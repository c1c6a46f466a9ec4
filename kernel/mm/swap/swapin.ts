// Bringing a slot's contents into the swap cache.
//
// Linux: read_swap_cache_async of 3.11. Unlike it: the CPU is given away before another look when somebody has HAS_CACHE and no page in the
// cache yet, as Linux does since 3.12; and there is no read-ahead: slots that lie together seldom belong together on a device without seeks.

import { ClearPageSwapBacked, SetPageLocked, SetPageSwapBacked, unlock_page } from "../memory/page-flags.ts";
import { EEXIST } from "../../lib/errno.ts";
import { cond_resched } from "../../sched/core.ts";
import { alloc_pages, page, put_page } from "../page_alloc.ts";
import { lru_cache_add_anon } from "../vmscan/lru.ts";
import type { swp_entry_t } from "./entry.ts";
import { swap_readpage } from "./page_io.ts";
import { __add_to_swap_cache, lookup_swap_cache } from "./swap_state.ts";
import { swapcache_free, swapcache_prepare } from "./swapfile.ts";

/**
 * The slot's page, with a reference, perhaps still locked and being read; null: nobody uses the slot any more, or no memory. The entry may be
 * stale. @may_sleep
 */
export function read_swap_cache_async(entry: swp_entry_t, gfp: u32): page | null {
  let fresh: page | null = null;
  let found: page | null = null;
  for (;;) {
    found = lookup_swap_cache(entry);
    if (found !== null) break;
    if (fresh === null) fresh = alloc_pages(gfp, 0);
    if (fresh === null) break;
    const error = swapcache_prepare(entry);
    if (error === -EEXIST) {
      cond_resched();
      continue;
    }
    if (error !== 0) break;
    // Nobody else knows the page: it is locked before anybody can find it.
    SetPageLocked(fresh);
    SetPageSwapBacked(fresh);
    if (__add_to_swap_cache(fresh, entry) === 0) {
      lru_cache_add_anon(fresh);
      swap_readpage(fresh);
      return fresh;
    }
    ClearPageSwapBacked(fresh);
    unlock_page(fresh);
    swapcache_free(entry, null);
  }
  if (fresh !== null) put_page(fresh);
  return found;
}

/** @may_sleep */
export function swapin_readahead(entry: swp_entry_t, gfp: u32): page | null {
  return read_swap_cache_async(entry, gfp);
}
