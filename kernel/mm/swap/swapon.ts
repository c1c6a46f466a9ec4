// swapon: a block device becomes a swap device; its slot 0 is never used.
//
// swap_map, the bitmap of frontswap and the swap cache's table (1, 1/8 and 4 bytes a slot) come from vmalloc. The device is announced to
// frontswap with swap_lock held, before any slot can be taken. swapon_mutex: devices come and go one at a time; outside swap_lock.
// Unlike Linux: no header is read, the caller says how many pages the device has, and a device of another priority goes strictly before
// or behind, without turns among equals.

import { SECTOR_SHIFT, type block_device } from "../../block/bio.ts";
import { PAGE_SHIFT } from "../../arch/page.ts";
import { atomic_add, atomic_set } from "../../lib/atomic.ts";
import { EBUSY, EINVAL, ENOMEM } from "../../lib/errno.ts";
import { INIT_LIST_HEAD } from "../../lib/list.ts";
import { pr_info } from "../../lib/printk.ts";
import { mutex, mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "../../locking/spinlock.ts";
import type { page } from "../page/page.ts";
import { vfree, vzalloc } from "../vmalloc.ts";
import { MAX_SWAPFILES, SWAP_MAP_BAD } from "./entry.ts";
import { frontswap_init, frontswap_map_bytes } from "./frontswap.ts";
import {
  add_total_swap_pages, nr_swap_pages, set_swap_list_head, SWP_USED, SWP_WRITEOK, swap_info, swap_info_struct, swap_list_head, swap_lock,
} from "./info.ts";
import { swapper_spaces } from "./swap_state.ts";

export const swapon_mutex = new mutex();
const SECTORS_A_PAGE = 1 << (PAGE_SHIFT - SECTOR_SHIFT);

/** A structure that no device uses. Called with swapon_mutex held. */
function free_swap_info(): swap_info_struct | null {
  for (let type: u32 = 0; type < MAX_SWAPFILES; type++) {
    const p = swap_info[type];
    if (READ_ONCE(p.flags) !== 0) continue;
    p.type = type;
    return p;
  }
  return null;
}

/** False: no memory, and nothing is left allocated. */
function alloc_maps(p: swap_info_struct, slots: u32): boolean {
  const map = vzalloc(slots);
  const front = vzalloc(frontswap_map_bytes(slots));
  const table = vzalloc(slots * 4);
  if (map === 0 || front === 0 || table === 0) {
    if (map !== 0) vfree(map);
    if (front !== 0) vfree(front);
    if (table !== 0) vfree(table);
    return false;
  }
  p.swap_map = cast<Ptr<u8>>(map);
  p.frontswap_map = cast<Ptr<u32>>(front);
  swapper_spaces[p.type].pages = cast<Ptr<page | null>>(table);
  return true;
}

/** Behind all of higher or the same priority. Called with swap_lock held. */
export function enlist_swap_info(p: swap_info_struct): void {
  let before: swap_info_struct | null = null;
  for (let q = swap_list_head; q !== null && q.prio >= p.prio; q = q.next) before = q;
  if (before === null) {
    p.next = swap_list_head;
    set_swap_list_head(p);
  } else {
    p.next = before.next;
    before.next = p;
  }
}

/** Slots can be taken from now on. Called with swap_lock and p->lock held. */
export function open_swap_info(p: swap_info_struct): void {
  WRITE_ONCE(p.flags, SWP_USED | SWP_WRITEOK);
  atomic_add(i32(p.pages - p.inuse_pages), nr_swap_pages);
  add_total_swap_pages(i32(p.pages));
  enlist_swap_info(p);
}

function enable_swap_info(p: swap_info_struct, slots: u32): void {
  const space = swapper_spaces[p.type];
  spin_lock_init(p.lock, "swap_info_struct.lock");
  spin_lock_init(space.tree_lock, "swapper_space.tree_lock");
  INIT_LIST_HEAD(p.continuations);
  atomic_set(p.frontswap_pages, 0);
  spin_lock(swap_lock);
  frontswap_init(p.type);
  spin_lock(p.lock);
  spin_lock(space.tree_lock);
  space.max = slots;
  spin_unlock(space.tree_lock);
  p.swap_map[0] = u8(SWAP_MAP_BAD);
  p.cluster_next = 1;
  p.pages = slots - 1;
  p.inuse_pages = 0;
  p.max = slots;
  open_swap_info(p);
  spin_unlock(p.lock);
  spin_unlock(swap_lock);
}

/**
 * The first `slots` pages of the device are used for swap, the very first of them excepted: the type, or -EINVAL (the device is smaller,
 * or there is nothing to use), -EBUSY (MAX_SWAPFILES are in use, or this one is), -ENOMEM. @may_sleep @must_use
 */
export function sys_swapon(bdev: block_device, slots: u32, prio: i32): i32 {
  if (slots < 2 || slots > bdev.capacity / SECTORS_A_PAGE || slots >= 1 << 24) return -EINVAL;
  mutex_lock(swapon_mutex);
  for (let type: u32 = 0; type < MAX_SWAPFILES; type++) {
    if (READ_ONCE(swap_info[type].flags) === 0 || swap_info[type].bdev !== bdev) continue;
    mutex_unlock(swapon_mutex);
    return -EBUSY;
  }
  const p = free_swap_info();
  let error: i32 = p === null ? -EBUSY : 0;
  if (p !== null) {
    if (alloc_maps(p, slots)) {
      p.bdev = bdev;
      p.prio = prio;
      enable_swap_info(p, slots);
    } else {
      error = -ENOMEM;
    }
  }
  mutex_unlock(swapon_mutex);
  if (error !== 0) return error;
  pr_info("Adding %uk swap on %s.  Priority:%d\n", (slots - 1) * 4, bdev.name, prio);
  return i32(p!.type);
}
