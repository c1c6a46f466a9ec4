// swapoff: everything on a device comes back into memory, and the device goes.
//
//   1. no slot is taken any more (SWP_WRITEOK off, out of the list)
//   2. try_to_unuse: each slot's page is read and locked; the page tables that hold the entry get the page (unuse_process, registered by
//      who knows them), and the page leaves the swap cache, dirty
//   3. the device is empty: its maps go, and frontswap is told (swap.area_call=locked: with swap_lock and p->lock held, as in 2013)
// A slot that keeps users although all page tables have been looked at (one that is being forked or torn down, or somebody else's) is met
// again in the next pass; PASSES_IN_VAIN passes that empty nothing give up with -EBUSY, and the device is used again. Linux tries
// until a signal comes. A page that cannot be read ends it with -EIO, for lack of memory with -ENOMEM; Linux maps what it got.
// swapon_mutex all the time, so that devices come and go one at a time. Linux: mm/swapfile.c of 3.11.

import { CONFIG, SWAP_AREA_CALL } from "config";
import { atomic_sub } from "../../lib/atomic.ts";
import { EBUSY, EINVAL, EIO, ENOMEM } from "../../lib/errno.ts";
import { pr_info } from "../../lib/printk.ts";
import { mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { msleep } from "../../sched/timer.ts";
import { GFP_KERNEL } from "../gfp.ts";
import {
  lock_page, page_private, PageDirty, PageSwapCache, PageUptodate, SetPageDirty, TestClearPageDirty, unlock_page, wait_on_page_locked,
  wait_on_page_writeback,
} from "../memory/page-flags.ts";
import { page, put_page } from "../page_alloc.ts";
import { vfree } from "../vmalloc.ts";
import { MAX_SWAPFILES, SWAP_MAP_BAD, swap_count, swp_entry, swp_entry_t } from "./entry.ts";
import { frontswap_invalidate_area } from "./frontswap.ts";
import {
  add_total_swap_pages, nr_swap_pages, set_swap_list_head, SWP_OFF, SWP_USED, SWP_WRITEOK, swap_info, swap_info_struct, swap_list_head,
  swap_lock,
} from "./info.ts";
import { swap_writepage } from "./page_io.ts";
import { delete_from_swap_cache, swapper_spaces } from "./swap_state.ts";
import { read_swap_cache_async } from "./swapin.ts";
import { open_swap_info, swapon_mutex } from "./swapon.ts";

const PASSES_IN_VAIN = 16;

/** Gives the page, locked and up to date, to all page tables that hold the entry: 0 or a negative errno. May sleep. */
let unuse_process: ((entry: swp_entry_t, p: page) => i32) | null = null;

/** At boot, by who knows the page tables. */
export function register_unuse_process(unuse: (entry: swp_entry_t, p: page) => i32): void {
  unuse_process = unuse;
}

/** Out of the list of devices. Called with swap_lock held. */
function delist(p: swap_info_struct): void {
  if (swap_list_head === p) {
    set_swap_list_head(p.next);
    return;
  }
  for (let q = swap_list_head; q !== null; q = q.next) if (q.next === p) q.next = p.next;
}

/** No slot of it is taken from now on; false: it is not in use. */
function close_swap_info(p: swap_info_struct): boolean {
  spin_lock(swap_lock);
  spin_lock(p.lock);
  const open = (p.flags & SWP_WRITEOK) !== 0;
  if (open) {
    delist(p);
    WRITE_ONCE(p.flags, SWP_USED | SWP_OFF);
    atomic_sub(i32(p.pages - p.inuse_pages), nr_swap_pages);
    add_total_swap_pages(0 - i32(p.pages));
  }
  spin_unlock(p.lock);
  spin_unlock(swap_lock);
  return open;
}

/** The locked page leaves the swap cache, and what its slot still has is right. @may_sleep */
function leave_swap_cache(p: page, slot: Ptr<u8>, entry: swp_entry_t): void {
  if (swap_count(READ_ONCE(slot[0])) !== 0 && PageSwapCache(p) && TestClearPageDirty(p)) {
    swap_writepage(p, null);
    lock_page(p);
    wait_on_page_writeback(p);
  }
  if (PageSwapCache(p) && page_private(p) === entry) delete_from_swap_cache(p);
}

/** The page, locked, up to date, and the slot's: its users get it, and it leaves the swap cache. @may_sleep */
function unuse_page(page: page, slot: Ptr<u8>, entry: swp_entry_t): i32 {
  // Who removed it meanwhile has left the slot free, or another page to come: the next pass sees.
  if (!PageSwapCache(page) || page_private(page) !== entry) return 0;
  if (!PageUptodate(page)) return -EIO;
  const unuse = unuse_process;
  const error = unuse !== null && swap_count(READ_ONCE(slot[0])) !== 0 ? unuse(entry, page) : 0;
  if (error !== 0) return error;
  leave_swap_cache(page, slot, entry);
  if (!PageDirty(page)) SetPageDirty(page);
  return 0;
}

/** Empties one slot as far as it goes: 0 or a negative errno. @may_sleep */
function unuse_slot(p: swap_info_struct, offset: u32): i32 {
  const slot = p.swap_map.add(offset);
  const entry = swp_entry(p.type, offset);
  const page = read_swap_cache_async(entry, GFP_KERNEL);
  if (page === null) return READ_ONCE(slot[0]) === 0 ? 0 : -ENOMEM;
  wait_on_page_locked(page);
  lock_page(page);
  wait_on_page_writeback(page);
  const error = unuse_page(page, slot, entry);
  unlock_page(page);
  put_page(page);
  return error;
}

/** 0: no slot is in use. @may_sleep */
function try_to_unuse(p: swap_info_struct): i32 {
  let in_vain: u32 = 0;
  for (;;) {
    const before = READ_ONCE(p.inuse_pages);
    for (let offset: u32 = 1; offset < p.max && READ_ONCE(p.inuse_pages) !== 0; offset++) {
      const ent = READ_ONCE(p.swap_map[offset]);
      if (ent === 0 || ent === SWAP_MAP_BAD) continue;
      const error = unuse_slot(p, offset);
      if (error !== 0) return error;
      cond_resched();
    }
    const left = READ_ONCE(p.inuse_pages);
    if (left === 0) return 0;
    in_vain = left < before ? 0 : in_vain + 1;
    if (in_vain === PASSES_IN_VAIN) return -EBUSY;
    msleep(1);
  }
}

/** The device is used again. */
function reopen_swap_info(p: swap_info_struct): void {
  spin_lock(swap_lock);
  spin_lock(p.lock);
  open_swap_info(p);
  spin_unlock(p.lock);
  spin_unlock(swap_lock);
}

/** The empty device is forgotten. */
function destroy_swap_info(p: swap_info_struct): void {
  const space = swapper_spaces[p.type];
  const map = addr(p.swap_map);
  const front = addr(p.frontswap_map);
  const table = addr(space.pages);
  spin_lock(swap_lock);
  spin_lock(p.lock);
  spin_lock(space.tree_lock);
  space.max = 0;
  spin_unlock(space.tree_lock);
  WRITE_ONCE(p.max, 0);
  if (CONFIG.swap.area_call === SWAP_AREA_CALL.locked) frontswap_invalidate_area(p.type);
  spin_unlock(p.lock);
  spin_unlock(swap_lock);
  if (CONFIG.swap.area_call === SWAP_AREA_CALL.unlocked) frontswap_invalidate_area(p.type);
  vfree(map);
  vfree(front);
  vfree(table);
  // Last: swapon may take the structure.
  WRITE_ONCE(p.flags, 0);
}

/** 0, or -EINVAL (no such device), -EBUSY (somebody keeps slots), -EIO, -ENOMEM: then the device is in use as before. @may_sleep @must_use */
export function sys_swapoff(type: u32): i32 {
  if (type >= MAX_SWAPFILES) return -EINVAL;
  const p = swap_info[type];
  mutex_lock(swapon_mutex);
  let error: i32 = close_swap_info(p) ? 0 : -EINVAL;
  if (error === 0) {
    error = try_to_unuse(p);
    if (error === 0) destroy_swap_info(p);
    else reopen_swap_info(p);
  }
  mutex_unlock(swapon_mutex);
  if (error === 0) pr_info("swapoff: %s\n", p.bdev.name);
  return error;
}
