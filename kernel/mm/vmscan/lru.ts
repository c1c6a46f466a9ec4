// The LRU: which user pages there are, the coldest last.
//
//   active    a page begins here when a fault made it; comes back when it is used again
//   inactive  candidates for reclaim; a page that was read from swap begins here, as it may never be mapped
// A list holds no reference: the last put_page takes a page off (page-release.ts). Who wants to work on pages isolates them, which needs a
// reference that is not the last, and puts them back or lets go of them.
// Lock: lru_lock, raw and with interrupts off (the end of I/O rotates pages in any context), innermost; held for SWAP_CLUSTER_MAX pages.
// PG_lru and PG_active change under it while the page is on a list. Unlike Linux there are no per-CPU batches (pagevecs) in front of the
// lists: a page is on its list when lru_cache_add returns, and nothing must be drained when a CPU goes.

import { atomic_inc_not_zero } from "../../lib/atomic.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { list_add, list_add_tail, list_del, list_empty, list_head } from "../../lib/list.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import {
  ClearPageActive, ClearPageLRU, ClearPageReferenced, PageActive, PageLocked, PageLRU, PageReferenced, SetPageActive, SetPageLRU,
  SetPageReferenced,
} from "../memory/page-flags.ts";
import { page } from "../page/page.ts";
import { put_page } from "../page_alloc.ts";

/** Pages that are worked on together. */
export const SWAP_CLUSTER_MAX = 32;
export const LRU_INACTIVE_ANON = 0;
export const LRU_ACTIVE_ANON = 1;

class lru_list {
  readonly head = new list_head();
  /** Pages in it; read without the lock as a hint. */
  nr: u32;
}

class lruvec_t {
  readonly inactive = new lru_list();
  readonly active = new lru_list();
}
const lruvec = new lruvec_t();
const lru_lock = new raw_spinlock_t();

function list_of(lru: u32): lru_list {
  "inline";
  return lru === LRU_ACTIVE_ANON ? lruvec.active : lruvec.inactive;
}

/** Pages in the list; a hint. */
export function lru_pages(lru: u32): u32 {
  return READ_ONCE(list_of(lru).nr);
}

/** The list that the page's flags name, in its state just now. lru_lock is held. */
function page_lru_list(p: page): lru_list {
  "inline";
  return PageActive(p) ? lruvec.active : lruvec.inactive;
}

/** lru_lock is held. */
function add_page_to_lru_list(p: page): void {
  const list = page_lru_list(p);
  SetPageLRU(p);
  list_add(p.lru, list.head);
  WRITE_ONCE(list.nr, list.nr + 1);
}

/** lru_lock is held. */
function del_page_from_lru_list(p: page): void {
  const list = page_lru_list(p);
  list_del(p.lru);
  WRITE_ONCE(list.nr, list.nr - 1);
}

/** A page that is on no list goes to the hot end of the list that PG_active names. The caller has a reference, and keeps it. */
export function lru_cache_add(p: page): void {
  const flags = raw_spin_lock_irqsave(lru_lock);
  BUG_ON(PageLRU(p));
  add_page_to_lru_list(p);
  raw_spin_unlock_irqrestore(lru_lock, flags);
}

/** As lru_cache_add; the page begins on the inactive list. */
export function lru_cache_add_anon(p: page): void {
  ClearPageActive(p);
  lru_cache_add(p);
}

/** Nobody has a reference any more. For page-release.ts. */
export function lru_release_page(p: page): void {
  if (!PageLRU(p)) return;
  const flags = raw_spin_lock_irqsave(lru_lock);
  if (PageLRU(p)) {
    del_page_from_lru_list(p);
    ClearPageLRU(p);
    ClearPageActive(p);
  }
  raw_spin_unlock_irqrestore(lru_lock, flags);
}

/** Used: it goes to the active list. */
export function activate_page(p: page): void {
  const flags = raw_spin_lock_irqsave(lru_lock);
  if (PageLRU(p) && !PageActive(p)) {
    del_page_from_lru_list(p);
    SetPageActive(p);
    add_page_to_lru_list(p);
  }
  raw_spin_unlock_irqrestore(lru_lock, flags);
}

/** The first use is noted, the second one activates. */
export function mark_page_accessed(p: page): void {
  if (PageActive(p) || !PageReferenced(p)) {
    SetPageReferenced(p);
    return;
  }
  activate_page(p);
  ClearPageReferenced(p);
}

/** Writeback is over, and the page was on its way out: it is the next one that reclaim looks at. Any context. */
export function rotate_reclaimable_page(p: page): void {
  const flags = raw_spin_lock_irqsave(lru_lock);
  if (PageLRU(p) && !PageActive(p) && !PageLocked(p)) {
    list_del(p.lru);
    list_add_tail(p.lru, lruvec.inactive.head);
  }
  raw_spin_unlock_irqrestore(lru_lock, flags);
}

/** Takes up to `count` pages off the cold end, each with a reference, to `to`. How many. */
export function isolate_lru_pages(lru: u32, count: u32, to: list_head): u32 {
  const list = list_of(lru);
  let taken: u32 = 0;
  const flags = raw_spin_lock_irqsave(lru_lock);
  for (let n: u32 = 0; n < count && !list_empty(list.head); n++) {
    const p = containerOf(page, "lru", list.head.prev);
    list_del(p.lru);
    if (!atomic_inc_not_zero(p._count)) {
      // Its last reference is going just now, and who lets go of it waits for lru_lock to take it off.
      list_add(p.lru, list.head);
      continue;
    }
    ClearPageLRU(p);
    WRITE_ONCE(list.nr, list.nr - 1);
    list_add(p.lru, to);
    taken += 1;
  }
  raw_spin_unlock_irqrestore(lru_lock, flags);
  return taken;
}

/** Takes one page off its list, with a reference; false: it is on none. The caller has a reference already. @must_use */
export function isolate_lru_page(p: page): boolean {
  const flags = raw_spin_lock_irqsave(lru_lock);
  const found = PageLRU(p) && atomic_inc_not_zero(p._count);
  if (found) {
    del_page_from_lru_list(p);
    ClearPageLRU(p);
  }
  raw_spin_unlock_irqrestore(lru_lock, flags);
  return found;
}

/** An isolated page goes back to the list that its flags name, and its isolator's reference goes. */
export function putback_lru_page(p: page): void {
  lru_cache_add(p);
  put_page(p);
}
