// Writeback: zbud wants a page back, so an entry's page goes to the block of its slot, through the swap cache.
//
//   1. the header says whose the bytes are; the entry is found and kept (a reference, or the state RECLAIM)
//   2. a page for the slot in the swap cache: NEW. EXIST: it has one, so the page is in use and not cold. FAIL: no memory, or no slot any more
//   3. NEW: decompress, start the write; the page stays in the swap cache, to be reclaimed when the write is over
//   4. the entry goes; or after 2 stays, as the design says (refs.ts, pos.ts)
// Between 1 and 2 nothing keeps others from the slot: it may become free (race 1), or have a newer entry (races 1b and 2). From 2 on the slot
// has HAS_CACHE: it cannot become free, and nobody else can put a page there. z4 looks then whether the entry is still the slot's.
// Sleeps: 2 allocates, 3 waits for a bio. No lock is held there.
// zswap.design=z4-bug: who finds that it is not takes the page out of the swap cache, and neither unlocks it nor lets go of it.
// Sources: Linux 3.11; 04fc7816089c and e3b63e966cac for z4-bug and z4.

import { CONFIG, ZSWAP } from "config";
import { BUG_ON } from "../../lib/bug.ts";
import { EAGAIN, EEXIST, ENOMEM } from "../../lib/errno.ts";
import { point } from "../../lib/point.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { GFP_KERNEL } from "../gfp.ts";
import {
  ClearPageLocked, ClearPageSwapBacked, SetPageLocked, SetPageReclaim, SetPageSwapBacked, SetPageUptodate, unlock_page,
} from "../memory/page-flags.ts";
import { alloc_pages, page, page_address, put_page } from "../page_alloc.ts";
import { MAX_SWAPFILES, swp_offset, swp_type } from "../swap/entry.ts";
import { __swap_writepage, end_swap_bio_write } from "../swap/page_io.ts";
import { __add_to_swap_cache, delete_from_swap_cache, lookup_swap_cache } from "../swap/swap_state.ts";
import { swapcache_free, swapcache_prepare } from "../swap/swapfile.ts";
import { lru_cache_add_anon } from "../vmscan/lru.ts";
import { zswap_decompress } from "./cpu.ts";
import { CAS, zswap_entry, zswap_free_entry, zswap_header, zswap_rb_erase, zswap_rb_search, zswap_tree, zswap_trees } from "./entry.ts";
import { WAITER, zswap_pos_change, zswap_pos_restore, ZSWAP_POOL, ZSWAP_RECLAIM, zswap_waited } from "./pos.ts";
import { zswap_entry_find_get, zswap_writeback_fail_put, zswap_writeback_put } from "./refs.ts";
import { zswap_stats } from "./stats.ts";
import { zbud_map, zbud_pool, zbud_unmap } from "./zbud.ts";

const RECHECKS: boolean = CONFIG.zswap.design === ZSWAP.z4 || CONFIG.zswap.design === ZSWAP.z4_bug;

/** What zswap_get_swap_cache_page found. In 3.11 the last was called NOMEM; most often it is a slot that is free by now. */
export const enum SWAPCACHE { NEW, EXIST, FAIL }

/**
 * The page of a slot in the swap cache: with a reference in retpage[0], and if it is NEW locked and without contents. @may_sleep
 */
export function zswap_get_swap_cache_page(entry: u32, retpage: Ptr<page | null>): u32 {
  "noinline";
  let fresh: page | null = null;
  let found: page | null = null;
  for (;;) {
    found = lookup_swap_cache(entry);
    if (found !== null) break;
    if (fresh === null) fresh = alloc_pages(GFP_KERNEL, 0);
    if (fresh === null) break;
    const error = swapcache_prepare(entry);
    if (error === -EEXIST) {
      cond_resched();
      continue;
    }
    if (error !== 0) break;
    SetPageLocked(fresh);
    SetPageSwapBacked(fresh);
    if (__add_to_swap_cache(fresh, entry) === 0) {
      lru_cache_add_anon(fresh);
      retpage[0] = fresh;
      return SWAPCACHE.NEW;
    }
    ClearPageSwapBacked(fresh);
    ClearPageLocked(fresh);
    swapcache_free(entry, null);
  }
  if (fresh !== null) put_page(fresh);
  retpage[0] = found;
  return found === null ? SWAPCACHE.FAIL : SWAPCACHE.EXIST;
}

/** Keeps the entry of an offset: it, or null; busy[0]: somebody else has it (z3). */
function keep_entry(tree: zswap_tree, offset: u32, busy: Ptr<boolean>): zswap_entry | null {
  busy[0] = false;
  spin_lock(tree.lock);
  let entry: zswap_entry | null = null;
  if (!CAS) {
    entry = zswap_entry_find_get(tree, offset);
  } else {
    entry = zswap_rb_search(tree.rbroot, offset);
    if (entry !== null) {
      busy[0] = !zswap_pos_change(addressOf(entry.pos), ZSWAP_POOL, ZSWAP_RECLAIM);
      zswap_waited(WAITER.RECLAIM, busy[0] ? 1 : 0);
    }
  }
  spin_unlock(tree.lock);
  return entry;
}

/** Whether the entry is still the offset's, now that nobody can store there. */
function still_current(tree: zswap_tree, entry: zswap_entry, offset: u32): boolean {
  spin_lock(tree.lock);
  const current = zswap_rb_search(tree.rbroot, offset) === entry;
  spin_unlock(tree.lock);
  return current;
}

/** A page of the swap cache, locked and new, that nobody shall have. */
function drop_swap_cache_page(p: page): void {
  "noinline";
  delete_from_swap_cache(p);
  if (CONFIG.zswap.design === ZSWAP.z4_bug) return;
  unlock_page(p);
  put_page(p);
}

/** Steps 2 and 3: 0, the page is on its way to the device; or why not. @may_sleep */
function write_entry(tree: zswap_tree, entry: zswap_entry, swpentry: u32): i32 {
  const got = new swap_cache_page();
  const what = zswap_get_swap_cache_page(swpentry, addressOf(got.page));
  if (what === SWAPCACHE.FAIL) return -ENOMEM;
  const p = got.page!;
  if (what === SWAPCACHE.EXIST) {
    put_page(p);
    return -EEXIST;
  }
  if (RECHECKS && !still_current(tree, entry, swp_offset(swpentry))) {
    drop_swap_cache_page(p);
    return -ENOMEM;
  }
  const src = zbud_map(tree.pool, entry.handle) + sizeof<zswap_header>();
  BUG_ON(zswap_decompress(src, entry.length, page_address(p)) !== 0);
  zbud_unmap(tree.pool, entry.handle);
  SetPageUptodate(p);
  // Goes to the cold end of the LRU when the write is over.
  SetPageReclaim(p);
  __swap_writepage(p, null, end_swap_bio_write);
  put_page(p);
  data_race((zswap_stats.written_back_pages += 1));
  return 0;
}

class swap_cache_page {
  page: page | null = null;
}

/** Step 4 of z3. */
function end_reclaim(tree: zswap_tree, entry: zswap_entry, error: i32): i32 {
  "noinline";
  if (error !== 0) {
    zswap_pos_restore(addressOf(entry.pos), ZSWAP_RECLAIM);
    return error;
  }
  spin_lock(tree.lock);
  zswap_rb_erase(tree.rbroot, entry);
  spin_unlock(tree.lock);
  zswap_free_entry(tree, entry);
  return 0;
}

/** zbud's evict: 0, or a negative errno when the bytes stay. @may_sleep */
export function zswap_writeback_entry(pool: zbud_pool, handle: usize): i32 {
  "noinline";
  // Not freed under us: zbud gives no half of a page that it reclaims to anybody. But the entry that the header names may be a newer one.
  const swpentry = READ_ONCE(cast<zswap_header>(zbud_map(pool, handle)).swpentry);
  zbud_unmap(pool, handle);
  // zbud lists a page before its owner has written the header: then it may name anything.
  const tree = swp_type(swpentry) < MAX_SWAPFILES ? zswap_trees[swp_type(swpentry)] : null;
  if (tree === null) return 0;
  const offset = swp_offset(swpentry);
  const state = new keep_result();
  const entry = keep_entry(tree, offset, addressOf(state.busy));
  if (entry === null) return 0;
  if (CAS && state.busy) return -EAGAIN;
  BUG_ON(entry.offset !== offset);
  point("zswap-reclaim");
  const error = write_entry(tree, entry, swpentry);
  point("zswap-tail");
  if (CAS) return end_reclaim(tree, entry, error);
  return error === 0 ? zswap_writeback_put(tree, entry, offset) : zswap_writeback_fail_put(tree, entry, error);
}

class keep_result {
  busy: boolean = false;
}
