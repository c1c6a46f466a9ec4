// The birth and the end of a user page, for the page allocator.
//
// The allocator asks is_user_page before it drops a reference: such a page may be in the swap cache, where `private` is no order, and it
// may have bits that others change meanwhile. Whoever has a reference to a user page sees PG_swapbacked or PG_locked, so the answer cannot
// change under the question. A page that goes is taken off the LRU here.

import { lru_release_page } from "../vmscan/lru.ts";
import { page, PG_tail } from "../page/page.ts";
import { bad_page } from "../page/report.ts";
import { PAGE_FLAGS_CHECK_AT_FREE, PAGE_FLAGS_USER, page_flags, page_mapcount } from "./page-flags.ts";

/** A page is given out: nobody maps it, and nothing is left of its former owner. */
export function prep_user_fields(p: page): void {
  "inline";
  page_flags(p)[0] = 0;
  p.slab_cache = 0;
  p.freelist = 0;
}

export function is_user_page(p: page): boolean {
  "inline";
  const flags = READ_ONCE(page_flags(p)[0]);
  return (flags & PAGE_FLAGS_USER) !== 0 && (flags & PG_tail) === 0;
}

/** The last reference to a user page has gone: what its flags still say vanishes. False: it must not be freed, which has been reported. */
export function user_page_released(p: page): boolean {
  "noinline";
  lru_release_page(p);
  const flags = READ_ONCE(page_flags(p)[0]);
  if ((flags & PAGE_FLAGS_CHECK_AT_FREE) !== 0 || page_mapcount(p) !== 0 || p.private !== 0) {
    if (page_mapcount(p) !== 0) bad_page(p, "freed while page tables point to it");
    else bad_page(p, p.private !== 0 ? "freed with another order than it was allocated with" : "freed while it is locked, written back, active or in the swap cache");
    return false;
  }
  page_flags(p)[0] = 0;
  return true;
}
