// Isolated pages, one after the other: which of them go, and how far each gets this time.
//
//   used since somebody looked     to the active list
//   mapped                         gets a place in swap, its entry goes into the page table (memory/rmap.ts)
//   dirty                          is written there; it comes back to the cold end when that is over (rotate_reclaimable_page)
//   clean, and nobody else has it  leaves the swap cache and is free
// A page that somebody has locked, or that is being written, is kept: nobody here waits for a page.
// Locks: the page lock by trylock; inside it page_table_lock, and what swap takes. Interrupts are on; whoever reclaims has PF_MEMALLOC, so
// that what he allocates on the way comes out of the reserves and does not reclaim again.
// Source: Linux 3.11, mm/vmscan.c, for anonymous pages.

import { atomic_read } from "../../lib/atomic.ts";
import { list_del, list_empty, list_head } from "../../lib/list.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { __GFP_IO } from "../gfp.ts";
import {
  ClearPageActive, ClearPageReclaim, page_mapped, page_private, PageDirty, PageSwapCache, PageWriteback, SetPageActive, SetPageReclaim,
  TestClearPageDirty, trylock_page, unlock_page,
} from "../memory/page-flags.ts";
import { page_referenced, SWAP_AGAIN, SWAP_FAIL, try_to_unmap } from "../memory/rmap.ts";
import { count_vm_events, vm_event_states } from "../memory/vmstat.ts";
import { page } from "../page/page.ts";
import { put_page } from "../page_alloc.ts";
import { swap_writepage } from "../swap/page_io.ts";
import { __delete_from_swap_cache, add_to_swap, swap_tree_lock } from "../swap/swap_state.ts";
import { swapcache_free } from "../swap/swapfile.ts";
import { putback_lru_page } from "./lru.ts";

/** What becomes of a page: it is free; back to its list; back, and hot. */
const enum FATE { free = 0, keep = 1, activate = 2 }

/** The page is locked, unmapped, in the swap cache and clean. True: it has left, and the caller has the only reference. */
function remove_mapping(p: page): boolean {
  const lock = swap_tree_lock(p);
  spin_lock(lock);
  // The caller's and the cache's. Who finds it gets a reference with this lock held, so nobody comes while we look.
  if (atomic_read(p._count) !== 2 || PageDirty(p)) {
    spin_unlock(lock);
    return false;
  }
  const entry = page_private(p);
  __delete_from_swap_cache(p);
  spin_unlock(lock);
  swapcache_free(entry, p);
  put_page(p);
  return true;
}

/** Writes the locked page to swap. True: it is clean, written, and locked again. */
function pageout(p: page): boolean {
  // Somebody else looks at it just now: what he wants is unknown.
  if (atomic_read(p._count) !== 2 || !TestClearPageDirty(p)) {
    unlock_page(p);
    return false;
  }
  SetPageReclaim(p);
  swap_writepage(p, null);
  if (!PageWriteback(p)) ClearPageReclaim(p);
  if (PageWriteback(p) || PageDirty(p) || !trylock_page(p)) return false;
  if (!PageDirty(p) && !PageWriteback(p)) return true;
  unlock_page(p);
  return false;
}

/** A locked page that nobody has used: true, it may be freed, and is locked still. False: unlocked, `fate` says what becomes of it, if not `keep`. */
function evict(p: page, gfp: u32, fate: Ptr<u32>): boolean {
  let activate = false;
  if (!PageSwapCache(p)) {
    if ((gfp & __GFP_IO) === 0) {
      unlock_page(p);
      return false;
    }
    activate = !add_to_swap(p);
  }
  if (!activate && page_mapped(p)) {
    const result = try_to_unmap(p);
    if (result === SWAP_AGAIN) {
      unlock_page(p);
      return false;
    }
    activate = result === SWAP_FAIL;
  }
  if (activate) {
    fate[0] = FATE.activate;
    unlock_page(p);
    return false;
  }
  if (!PageDirty(p)) return true;
  if ((gfp & __GFP_IO) !== 0) return pageout(p);
  unlock_page(p);
  return false;
}

function shrink_page(p: page, gfp: u32): u32 {
  if (!trylock_page(p)) return FATE.keep;
  if (PageWriteback(p)) {
    SetPageReclaim(p);
    unlock_page(p);
    return FATE.keep;
  }
  // Its owner has let go of it since it was isolated.
  if (atomic_read(p._count) === 1) {
    unlock_page(p);
    return FATE.free;
  }
  if (page_referenced(p) !== 0) {
    unlock_page(p);
    return FATE.activate;
  }
  let fate: u32 = FATE.keep;
  if (!evict(p, gfp, addressOf(fate))) return fate;
  const free = !PageSwapCache(p) || remove_mapping(p);
  unlock_page(p);
  return free && !page_mapped(p) ? FATE.free : FATE.keep;
}

/** Works on isolated pages until the list is empty; how many came free. @may_sleep */
export function shrink_page_list(pages: list_head, gfp: u32): u32 {
  let freed: u32 = 0;
  while (!list_empty(pages)) {
    const p = containerOf(page, "lru", pages.prev);
    list_del(p.lru);
    const fate = shrink_page(p, gfp);
    if (fate === FATE.free) {
      // The last reference: nobody else can have one. Off every list it is not active either.
      ClearPageActive(p);
      put_page(p);
      freed += 1;
    } else {
      if (fate === FATE.activate) {
        SetPageActive(p);
        count_vm_events(addressOf(vm_event_states.pgactivate), 1);
      }
      putback_lru_page(p);
    }
    cond_resched();
  }
  return freed;
}
