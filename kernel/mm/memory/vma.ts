// Regions of an address space: where anonymous memory may be.
//
// mm.mmap has them in order of addresses, under mmap_lock; they do not overlap, and neighbours are not merged. do_mmap makes one, do_munmap
// takes away what lies in a range, splitting regions at its ends; the last mmput ends all (exit_mmap).
// What is mapped goes in batches of GATHER pages: entries cleared under page_table_lock, translations forgotten, then the pages let go of,
// so that nobody writes to a frame that has another owner.
// vm.bug=lost-slot: an entry of swap that is unmapped keeps its slot.
// Unlike Linux: a list instead of a tree, no protections, mappings are made where nothing is (MAP_FIXED_NOREPLACE) or anywhere.

import { CONFIG, VM_BUG } from "config";
import { PAGE_SIZE } from "../../arch/page.ts";
import { atomic_dec } from "../../lib/atomic.ts";
import { BUG } from "../../lib/bug.ts";
import { EEXIST, EINVAL, ENOMEM } from "../../lib/errno.ts";
import { list_add_tail, list_del, list_for_each_entry, list_for_each_entry_safe, list_head } from "../../lib/list.ts";
import { mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { GFP_KERNEL } from "../gfp.ts";
import type { mm_struct } from "../mm_types.ts";
import type { page } from "../page/page.ts";
import { put_page } from "../page_alloc.ts";
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_free, type kmem_cache } from "../slab.ts";
import { free_swap_and_cache, try_to_free_swap } from "../swap/reuse.ts";
import { page_mapped, PageSwapCache, trylock_page, unlock_page } from "./page-flags.ts";
import { flush_tlb_page, free_pgtables, pte_page, pte_present, pte_to_swp_entry, TASK_SIZE, TASK_UNMAPPED_BASE, user_pte_offset } from "./pgtable.ts";
import { page_remove_rmap } from "./rmap.ts";

const GATHER = 16;

export class vm_area_struct {
  /** In mm.mmap. */
  readonly list = new list_head();
  /** First address, and the first one behind. */
  vm_start: usize;
  vm_end: usize;
}

let vm_area_cachep: kmem_cache | null = null;

/** At boot. */
export function vma_init(): void {
  vm_area_cachep = kmem_cache_create("vm_area_struct", sizeof<vm_area_struct>(), 8, 0, null);
  if (vm_area_cachep === null) BUG("no memory for the vm_area_struct cache");
}

/** True: a result of do_mmap is an error number. */
export function IS_ERR_VALUE(value: usize): boolean {
  "inline";
  return value >= 0xffff_f000;
}

/** The region that holds `va`, or null (Linux's returns the next one above, then). mmap_lock is held. */
export function find_vma(mm: mm_struct, va: usize): vm_area_struct | null {
  for (const vma of list_for_each_entry(mm.mmap, vm_area_struct, "list")) {
    if (va < vma.vm_start) return null;
    if (va < vma.vm_end) return vma;
  }
  return null;
}

/** A region [start, end) before the one whose link is `next`; false: no memory. */
function insert_vma(start: usize, end: usize, next: list_head): boolean {
  const memory = kmem_cache_alloc(vm_area_cachep!, GFP_KERNEL);
  if (memory === 0) return false;
  const vma = cast<vm_area_struct>(memory);
  vma.vm_start = start;
  vma.vm_end = end;
  list_add_tail(vma.list, next);
  return true;
}

/** Called with mmap_lock held. */
function mmap_region(mm: mm_struct, at: usize, len: u32): usize {
  let start: usize = at === 0 ? TASK_UNMAPPED_BASE : at;
  let next: list_head = mm.mmap;
  for (const vma of list_for_each_entry(mm.mmap, vm_area_struct, "list")) {
    if (vma.vm_start >= start && vma.vm_start - start >= len) {
      next = vma.list;
      break;
    }
    if (at !== 0 && vma.vm_start < start + len && vma.vm_end > start) return u32(-EEXIST);
    if (at === 0 && vma.vm_end > start) start = vma.vm_end;
  }
  if (start < TASK_UNMAPPED_BASE || start >= TASK_SIZE || len > TASK_SIZE - start) return u32(-ENOMEM);
  return insert_vma(start, start + len, next) ? start : u32(-ENOMEM);
}

/**
 * Anonymous memory of `len` bytes, rounded up to pages, at `at` or anywhere (0): its address, or -EINVAL (not the address of a page,
 * nothing), -EEXIST (something is there), -ENOMEM. @may_sleep @must_use
 */
export function do_mmap(mm: mm_struct, at: usize, len: u32): usize {
  const rounded = (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  if (rounded === 0 || (at & (PAGE_SIZE - 1)) !== 0) return u32(-EINVAL);
  mutex_lock(mm.mmap_lock);
  const result = mmap_region(mm, at, rounded);
  mutex_unlock(mm.mmap_lock);
  return result;
}

/** The page was mapped, and is no more: its slot goes with it, unless somebody has it locked; then reclaim finds it. */
function free_page_and_swap_cache(p: page): void {
  if (PageSwapCache(p) && !page_mapped(p) && trylock_page(p)) {
    try_to_free_swap(p);
    unlock_page(p);
  }
  put_page(p);
}

/** Up to GATHER pages from `start` on: how far it came. */
function zap_some(mm: mm_struct, start: usize, end: usize): usize {
  const pages = new FixedArray<page>(GATHER);
  let gathered: u32 = 0;
  let va = start;
  spin_lock(mm.page_table_lock);
  for (; va < end && gathered < GATHER; va += PAGE_SIZE) {
    const pte = user_pte_offset(mm, va);
    if (pte === null) {
      va |= (1 << 22) - PAGE_SIZE;
      continue;
    }
    if (READ_ONCE(pte[0]) === 0) continue;
    const old = amoSwap(pte, 0);
    if (pte_present(old)) {
      flush_tlb_page(mm, va);
      atomic_dec(mm.anon_pages);
      page_remove_rmap(pte_page(old));
      pages[gathered] = pte_page(old);
      gathered += 1;
    } else {
      atomic_dec(mm.swap_entries);
      if (CONFIG.vm.bug !== VM_BUG.lost_slot) free_swap_and_cache(pte_to_swp_entry(old));
    }
  }
  spin_unlock(mm.page_table_lock);
  for (let n: u32 = 0; n < gathered; n++) free_page_and_swap_cache(pages[n]);
  return va;
}

function zap_page_range(mm: mm_struct, start: usize, end: usize): void {
  for (let va = start; va < end;) {
    va = zap_some(mm, va, end);
    cond_resched();
  }
}

/** Called with mmap_lock held: 0, or -ENOMEM when a region has to be split and cannot. */
function unmap_region(mm: mm_struct, start: usize, end: usize): i32 {
  for (const vma of list_for_each_entry_safe(mm.mmap, vm_area_struct, "list")) {
    if (vma.vm_end <= start) continue;
    if (vma.vm_start >= end) break;
    const from = vma.vm_start > start ? vma.vm_start : start;
    const to = vma.vm_end < end ? vma.vm_end : end;
    if (from > vma.vm_start && to < vma.vm_end) {
      if (!insert_vma(vma.vm_start, from, vma.list)) return -ENOMEM;
      vma.vm_start = from;
    }
    zap_page_range(mm, from, to);
    if (from > vma.vm_start) vma.vm_end = from;
    else if (to < vma.vm_end) vma.vm_start = to;
    else {
      list_del(vma.list);
      kmem_cache_free(vm_area_cachep!, addr(vma));
    }
  }
  return 0;
}

/** What is mapped in the range goes; nothing may be there. 0, -EINVAL, or -ENOMEM: a region in it must be split. @may_sleep @must_use */
export function do_munmap(mm: mm_struct, start: usize, len: u32): i32 {
  if (len === 0 || (start & (PAGE_SIZE - 1)) !== 0 || start < TASK_UNMAPPED_BASE || start > TASK_SIZE || len > TASK_SIZE - start) return -EINVAL;
  mutex_lock(mm.mmap_lock);
  const error = unmap_region(mm, start, (start + len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
  mutex_unlock(mm.mmap_lock);
  return error;
}

/** The last user has gone: no locks are needed but those that reclaim takes. @may_sleep */
export function exit_mmap(mm: mm_struct): void {
  unmap_region(mm, TASK_UNMAPPED_BASE, TASK_SIZE);
  free_pgtables(mm);
}
