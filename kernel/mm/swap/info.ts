// The swap devices: what there is of each, and the locks.
//
//   swap_lock          the order of devices (`next`, swap_list_head), who is writable
//   p->lock            that device's swap_map and counters
// Order: swap_lock -> p->lock -> {tree_lock of the swap cache, the locks of a frontswap backend}; none is taken in interrupts.
// nr_swap_pages is atomic: get_swap_page reads it before it takes any lock.
// Lifetime: the structures are static; their arrays live from swapon until swapoff has emptied the device, when nobody holds an entry
// of it any more. Linux: mm/swapfile.c since the locks of each device (3.9).

import { atomic_read, atomic_t } from "../../lib/atomic.ts";
import { list_head } from "../../lib/list.ts";
import { pr_err } from "../../lib/printk.ts";
import { WARN_ON } from "../../lib/bug.ts";
import { spin_lock, spin_unlock, spinlock_t } from "../../locking/spinlock.ts";
import type { block_device } from "../../block/bio.ts";
import { MAX_SWAPFILES, swp_entry_t, swp_offset, swp_type } from "./entry.ts";

export const SWP_USED = 1;
/** Slots may be taken. */
export const SWP_WRITEOK = 2;
/** The device is being taken out of use. */
export const SWP_OFF = 4;

export class swap_info_struct {
  readonly lock = new spinlock_t();
  /** SWP_*; written under swap_lock and p->lock. */
  flags: u32;
  /** A higher one is used first. */
  prio: i32;
  type: u32;
  /** Slots with the one that is never used; swap_map has so many bytes. 0: no device. */
  max: u32;
  /** Usable slots, and how many of them are taken. */
  pages: u32;
  inuse_pages: u32;
  /** Where the search for a free slot goes on. */
  cluster_next: u32;
  swap_map: Ptr<u8>;
  /** One bit a slot: the data is in frontswap. */
  frontswap_map: Ptr<u32>;
  readonly frontswap_pages = new atomic_t();
  bdev: block_device;
  /** Slots with more users than a byte counts (continuation.ts). */
  readonly continuations = new list_head();
  /** The next of lower or equal priority. */
  next: swap_info_struct | null;
}

export const swap_lock = new spinlock_t();
export const swap_info = new StructArray(swap_info_struct, MAX_SWAPFILES);
/** Devices in use by priority, highest first. */
export let swap_list_head: swap_info_struct | null = null;

/** Called with swap_lock held. */
export function set_swap_list_head(p: swap_info_struct | null): void {
  swap_list_head = p;
}

/** Free slots of all devices in use. */
export const nr_swap_pages = new atomic_t();
/** Usable slots of all devices in use. */
export let total_swap_pages: u32 = 0;

/** Called with swap_lock held. */
export function add_total_swap_pages(pages: i32): void {
  WRITE_ONCE(total_swap_pages, total_swap_pages + u32(pages));
}

export function get_nr_swap_pages(): u32 {
  const free = atomic_read(nr_swap_pages);
  return free < 0 ? 0 : u32(free);
}

/** Half of swap is taken: who can do without a slot gives it up. */
export function vm_swap_full(): boolean {
  return get_nr_swap_pages() * 2 < READ_ONCE(total_swap_pages);
}

export class sysinfo_swap {
  totalswap: u32;
  freeswap: u32;
}

export function si_swapinfo(val: sysinfo_swap): void {
  val.totalswap = READ_ONCE(total_swap_pages);
  val.freeswap = get_nr_swap_pages();
}

/** The device an entry names, or null; whether it is in use, and has that slot, is for who has p->lock to say: max, swap_map. */
export function swap_info_of(entry: swp_entry_t): swap_info_struct | null {
  "inline";
  return swp_type(entry) < MAX_SWAPFILES ? swap_info[swp_type(entry)] : null;
}

/** Called with p->lock held. */
function what_is_wrong(p: swap_info_struct, entry: swp_entry_t): string | null {
  if ((p.flags & SWP_USED) === 0) return "Unused swap file entry";
  if (swp_offset(entry) === 0 || swp_offset(entry) >= p.max) return "Bad swap offset entry";
  return p.swap_map[swp_offset(entry)] === 0 ? "Unused swap offset entry" : null;
}

/** The device of an entry that the caller holds, with p->lock held; null and a complaint when nobody can hold it. */
export function swap_info_get(entry: swp_entry_t): swap_info_struct | null {
  const p = swap_info_of(entry);
  let wrong: string | null = "Bad swap file entry";
  if (p !== null) {
    spin_lock(p.lock);
    wrong = what_is_wrong(p, entry);
    if (wrong === null) return p;
    spin_unlock(p.lock);
  }
  pr_err("swap_info_get: %s %08x\n", addr(wrong), entry);
  WARN_ON(true);
  return null;
}
