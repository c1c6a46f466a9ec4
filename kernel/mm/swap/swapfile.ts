// Slots: one byte of swap_map each (entry.ts says what is in it).
//
//   call                 effect, with p->lock held                            errors
//   get_swap_page        a free slot; HAS_CACHE alone                         0: none free
//   swap_duplicate       users + 1, while there are users or HAS_CACHE        ENOENT: the slot is free; ENOMEM: too many users
//   swapcache_prepare    HAS_CACHE, while there are users                     EEXIST: it was set; ENOENT: no users
//   swap_free            users - 1; 0: the slot is free
//   swapcache_free       HAS_CACHE off; 0: the slot is free
// A slot that becomes free is told to frontswap with p->lock held, so that nobody can have it again before the old copy is gone.
// Whoever puts an entry into a page table calls swap_duplicate; the count therefore says in how many places the entry is.
// Lock: p->lock around every byte; a byte may be read without it, as a hint. Linux: mm/swapfile.c of 3.11. Unlike it: the search for a
// slot goes on behind the last one taken and looks at every byte, with no clusters, and does not sleep.

import { atomic_add_return, atomic_inc } from "../../lib/atomic.ts";
import { WARN_ON } from "../../lib/bug.ts";
import { EEXIST, EINVAL, ENOENT, ENOMEM } from "../../lib/errno.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import type { page } from "../page/page.ts";
import { free_swap_count_continuation, swap_count_borrow, swap_count_carry } from "./continuation.ts";
import {
  COUNT_CONTINUED, SWAP_HAS_CACHE, SWAP_MAP_BAD, SWAP_MAP_MAX, swap_count, swp_entry, swp_entry_t, swp_offset, swp_type,
} from "./entry.ts";
import { frontswap_invalidate_page } from "./frontswap.ts";
import { nr_swap_pages, SWP_WRITEOK, swap_info, swap_info_get, swap_info_of, swap_info_struct, swap_list_head, swap_lock } from "./info.ts";

/** A free slot, taken for the swap cache; 0: none. Called with p->lock held. */
function scan_swap_map(p: swap_info_struct): u32 {
  if (p.inuse_pages === p.pages) return 0;
  const map = p.swap_map;
  let offset = p.cluster_next;
  for (let tried: u32 = 1; tried < p.max; tried++) {
    if (offset >= p.max) offset = 1;
    if (map[offset] === 0) {
      WRITE_ONCE(map[offset], u8(SWAP_HAS_CACHE));
      p.cluster_next = offset + 1;
      WRITE_ONCE(p.inuse_pages, p.inuse_pages + 1);
      return offset;
    }
    offset += 1;
  }
  return 0;
}

/** A slot for a page that goes into the swap cache next, or 0. @must_use */
export function get_swap_page(): swp_entry_t {
  if (atomic_add_return(-1, nr_swap_pages) < 0) {
    atomic_inc(nr_swap_pages);
    return 0;
  }
  spin_lock(swap_lock);
  for (let p = swap_list_head; p !== null; p = p.next) {
    spin_lock(p.lock);
    const offset = (p.flags & SWP_WRITEOK) !== 0 ? scan_swap_map(p) : 0;
    spin_unlock(p.lock);
    if (offset === 0) continue;
    spin_unlock(swap_lock);
    return swp_entry(p.type, offset);
  }
  spin_unlock(swap_lock);
  atomic_inc(nr_swap_pages);
  return 0;
}

/** The byte has become 0. Called with p->lock held. */
function free_slot(p: swap_info_struct, offset: u32): void {
  WRITE_ONCE(p.inuse_pages, p.inuse_pages - 1);
  if ((p.flags & SWP_WRITEOK) !== 0) atomic_inc(nr_swap_pages);
  free_swap_count_continuation(p, offset);
  frontswap_invalidate_page(p.type, offset);
}

/**
 * Gives one use of the slot back: `usage` 1 for a user, SWAP_HAS_CACHE for the cache. What is left of the byte. Called with p->lock
 * held.
 */
export function swap_entry_free(p: swap_info_struct, entry: swp_entry_t, usage: u32): u32 {
  const offset = swp_offset(entry);
  const ent = p.swap_map[offset];
  let has_cache: u32 = ent & SWAP_HAS_CACHE;
  let count = swap_count(ent);
  if (usage === SWAP_HAS_CACHE) {
    WARN_ON(has_cache === 0);
    has_cache = 0;
  } else if (count === (COUNT_CONTINUED | 1)) {
    count = swap_count_borrow(p, offset);
  } else if (!WARN_ON(count === 0 || count === SWAP_MAP_BAD)) {
    count -= 1;
  }
  const left = count | has_cache;
  WRITE_ONCE(p.swap_map[offset], u8(left));
  if (left === 0) free_slot(p, offset);
  return left;
}

/** A page table, or whoever holds the entry, does without it. */
export function swap_free(entry: swp_entry_t): void {
  const p = swap_info_get(entry);
  if (p === null) return;
  swap_entry_free(p, entry, 1);
  spin_unlock(p.lock);
}

/** The page has left the swap cache, or never came into it (null). */
export function swapcache_free(entry: swp_entry_t, _page: page | null): void {
  const p = swap_info_get(entry);
  if (p === null) return;
  swap_entry_free(p, entry, SWAP_HAS_CACHE);
  spin_unlock(p.lock);
}

/** The byte with one user more, or with SWAP_HAS_CACHE; negative: why not. Called with p->lock held. */
function one_more(p: swap_info_struct, offset: u32, usage: u32): i32 {
  const ent = p.swap_map[offset];
  const has_cache: u32 = ent & SWAP_HAS_CACHE;
  const count = swap_count(ent);
  if (ent === 0 || count === SWAP_MAP_BAD) return -ENOENT;
  if (usage === SWAP_HAS_CACHE) {
    if (has_cache !== 0) return -EEXIST;
    // Users keep a slot alive; a slot that only the cache holds has HAS_CACHE.
    return i32(count | SWAP_HAS_CACHE);
  }
  if ((count & ~COUNT_CONTINUED) < SWAP_MAP_MAX) return i32((count + 1) | has_cache);
  const continued = swap_count_carry(p, offset);
  return continued === 0 ? -ENOMEM : i32(continued | has_cache);
}

/** The entry may be stale: the slot free, the device gone. */
function __swap_duplicate(entry: swp_entry_t, usage: u32): i32 {
  const p = swap_info_of(entry);
  if (p === null) return -EINVAL;
  spin_lock(p.lock);
  const offset = swp_offset(entry);
  const byte = offset < p.max ? one_more(p, offset, usage) : -EINVAL;
  if (byte >= 0) WRITE_ONCE(p.swap_map[offset], u8(byte));
  spin_unlock(p.lock);
  return byte < 0 ? byte : 0;
}

/**
 * One more place holds the entry: 0, or -ENOENT (the slot is free), -EINVAL (no such slot), -ENOMEM: after add_swap_count_continuation it works.
 * @must_use
 */
export function swap_duplicate(entry: swp_entry_t): i32 {
  return __swap_duplicate(entry, 1);
}

/**
 * The caller will put a page for this entry into the swap cache: 0, or -EEXIST (one is there, or somebody else is about to), -ENOENT
 * (nobody uses the slot any more), -EINVAL (no such slot).
 * @must_use
 */
export function swapcache_prepare(entry: swp_entry_t): i32 {
  return __swap_duplicate(entry, SWAP_HAS_CACHE);
}

/** Users of the slot of a page in the swap cache, as the byte has them: 0x80 and more when it cannot count them. */
export function page_swapcount(page: page): u32 {
  const p = swap_info[swp_type(page.private)];
  spin_lock(p.lock);
  const count = swap_count(p.swap_map[swp_offset(page.private)]);
  spin_unlock(p.lock);
  return count;
}
