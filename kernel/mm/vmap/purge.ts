// When CPUs forget the translations of a freed range (configuration vmalloc.flush).
//
//   eager  at once, every CPU, before the pages are freed: whoever still uses the block faults
//   lazy   many ranges together. The addresses wait in the tree (VM_LAZY_FREE) and are not given again before a flush of all
//          CPUs: when lazy_max_pages of them wait, when no address is left, or in vm_unmap_aliases. Until then a CPU that uses
//          the freed block may reach its former pages, as in Linux.
// Locks: vmap_purge_lock (mutex): one purge at a time, so whoever got it after another purge knows that it is complete.
//   vmap_area_lock inside it, not while CPUs flush.
// The purge list is a chain from purge_list: links of waiting areas never move, which kmemleak relies on.

import { BUSTED, CONFIG, VMALLOC_FLUSH } from "config";
import { nr_cpu_ids } from "../../arch/cpumask.ts";
import { PAGE_SIZE } from "../../arch/page.ts";
import { flush_tlb_kernel_range, local_flush_tlb_all } from "../../arch/pgtable.ts";
import { get_option_u32 } from "../../lib/cmdline.ts";
import { mutex, mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { kfree } from "../slab.ts";
import { page_reclaimer, register_page_reclaimer } from "../page/reclaim.ts";
import { remove_area, VM_LAZY_FREE, vm_struct, vmap_area_lock } from "./area.ts";

export const LAZY = CONFIG.vmalloc.flush === VMALLOC_FLUSH.lazy;

const vmap_purge_lock = new mutex();
/** Under vmap_area_lock: freed areas, the youngest first, and their pages. */
let purge_list: vm_struct | null = null;
let vmap_lazy_nr: u32 = 0;
let lazy_max: u32 = 0;

const vmap_reclaimer = new page_reclaimer();

/** 2 MiB times the number of bits of the number of CPUs: more CPUs make a flush dearer. */
function lazy_max_pages(): u32 {
  let bits: u32 = 0;
  for (let n = nr_cpu_ids; n !== 0; n >>>= 1) bits += 1;
  return bits * ((2 << 20) / PAGE_SIZE);
}

/** All CPUs forget the range; with the seeded bug only this one does. */
export function flush_range(start: usize, end: usize): void {
  if (CONFIG.busted === BUSTED.vmalloc) local_flush_tlb_all();
  else flush_tlb_kernel_range(start, end);
}

/** Gives the addresses of an area that no CPU has a translation for back at once. */
export function drop_vmap_area(area: vm_struct): void {
  remove_area(area);
  kfree(addr(area.va));
  kfree(addr(area));
}

/** How many areas went. vmap_purge_lock is held. @may_sleep */
function __purge_vmap_area_lazy(): u32 {
  spin_lock(vmap_area_lock);
  const list = purge_list;
  purge_list = null;
  vmap_lazy_nr = 0;
  spin_unlock(vmap_area_lock);
  if (list === null) return 0;
  let start = list.addr;
  let end = start;
  for (let area: vm_struct | null = list; area !== null; area = area.purge_next) {
    if (area.addr < start) start = area.addr;
    if (area.addr + area.nr_pages * PAGE_SIZE > end) end = area.addr + area.nr_pages * PAGE_SIZE;
  }
  flush_range(start, end);
  let count: u32 = 0;
  for (let area: vm_struct | null = list; area !== null; ) {
    const next: vm_struct | null = area.purge_next;
    drop_vmap_area(area);
    area = next;
    count += 1;
  }
  return count;
}

/** Every range that was freed before the call is forgotten by all CPUs and can be used again. @may_sleep */
export function vm_unmap_aliases(): void {
  if (!LAZY) return;
  mutex_lock(vmap_purge_lock);
  __purge_vmap_area_lazy();
  mutex_unlock(vmap_purge_lock);
}

/** When no address is left: whether waiting ones were freed. @may_sleep */
export function purge_for_space(): boolean {
  if (!LAZY) return false;
  mutex_lock(vmap_purge_lock);
  const freed = __purge_vmap_area_lazy();
  mutex_unlock(vmap_purge_lock);
  return freed !== 0;
}

/** The area has nothing mapped any more; its addresses go back, now or after a flush. @may_sleep */
export function free_vmap_area(area: vm_struct): void {
  if (!LAZY) {
    drop_vmap_area(area);
    return;
  }
  spin_lock(vmap_area_lock);
  area.flags |= VM_LAZY_FREE;
  area.purge_next = purge_list;
  purge_list = area;
  vmap_lazy_nr += area.nr_pages;
  const many = vmap_lazy_nr > lazy_max;
  spin_unlock(vmap_area_lock);
  if (many) vm_unmap_aliases();
}

/** Short of memory: the vm_structs that wait; the slab allocator knows what pages that is. */
function reclaim_lazy(_gfp: u32, _order: u32): u32 {
  vm_unmap_aliases();
  return 0;
}

/** At boot. */
export function vmap_purge_init(): void {
  if (!LAZY) return;
  lazy_max = get_option_u32("vmalloc.lazy_max_pages", lazy_max_pages());
  vmap_reclaimer.reclaim = reclaim_lazy;
  register_page_reclaimer(vmap_reclaimer);
}
