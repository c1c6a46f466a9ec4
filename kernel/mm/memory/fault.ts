// A user touches an address whose page is not there: a new page, or the one from swap.
//
//   nothing yet  do_anonymous_page: a cleared page, on the active list
//   swap entry   do_swap_page: the page from the swap cache, or read into it; its entry is given back, its slot may stay as long as the
//                page is not written: then it need not be written to swap again
//   present      somebody else was faster, or the hardware wants A or D set by hand
// The caller holds mmap_lock, and is a user of the address space. Whatever may sleep (memory, I/O, the page lock) comes before
// page_table_lock; then the entry is looked at again, since reclaim, or swapoff, may have changed it.
// Differences from Linux: no zero page (a read of nothing makes a page, too), no copy-on-write, so every entry may be written and what is
// in swap is known to be stale by the dirty bit alone.

import { _PAGE_ACCESSED, _PAGE_DIRTY } from "../../arch/pgtable.ts";
import { atomic_dec, atomic_inc } from "../../lib/atomic.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { __GFP_ZERO, GFP_KERNEL } from "../gfp.ts";
import type { mm_struct } from "../mm_types.ts";
import type { page } from "../page/page.ts";
import { alloc_pages, put_page } from "../page_alloc.ts";
import { vm_swap_full } from "../swap/info.ts";
import { try_to_free_swap } from "../swap/reuse.ts";
import { swapin_readahead } from "../swap/swapin.ts";
import { lookup_swap_cache } from "../swap/swap_state.ts";
import { swap_free } from "../swap/swapfile.ts";
import { lock_page, page_private, PageSwapCache, PageUptodate, SetPageUptodate, unlock_page } from "./page-flags.ts";
import { mk_user_pte, pte_present, pte_to_swp_entry, user_pte_alloc, user_pte_offset } from "./pgtable.ts";
import { page_add_anon_rmap, page_add_new_anon_rmap } from "./rmap.ts";
import { count_vm_events, vm_event_states } from "./vmstat.ts";
import { find_vma } from "./vma.ts";

/** Answers of handle_mm_fault: bits. */
export const VM_FAULT_OOM = 1;
/** Swap could not be read. */
export const VM_FAULT_SIGBUS = 2;
/** It was read from swap. */
export const VM_FAULT_MAJOR = 4;
/** Nothing is mapped there. */
export const VM_FAULT_SIGSEGV = 0x40;
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV;

function do_anonymous_page(mm: mm_struct, va: usize, write: boolean): u32 {
  const p = alloc_pages(GFP_KERNEL | __GFP_ZERO, 0);
  if (p === null) return VM_FAULT_OOM;
  SetPageUptodate(p);
  spin_lock(mm.page_table_lock);
  const pte = user_pte_offset(mm, va)!;
  const raced = pte[0] !== 0;
  if (!raced) {
    atomic_inc(mm.anon_pages);
    page_add_new_anon_rmap(p, mm, va);
    // What was cleared and stamped comes before the entry by which others find it.
    fence("w", "w");
    WRITE_ONCE(pte[0], mk_user_pte(p, write ? _PAGE_DIRTY : 0));
  }
  spin_unlock(mm.page_table_lock);
  if (raced) put_page(p);
  return 0;
}

/** The entry is still `orig`. */
function pte_same(mm: mm_struct, va: usize, orig: u32): boolean {
  spin_lock(mm.page_table_lock);
  const same = user_pte_offset(mm, va)![0] === orig;
  spin_unlock(mm.page_table_lock);
  return same;
}

/** The page, locked, with a reference: is it what the entry stands for? Then it is mapped. */
function map_swap_page(mm: mm_struct, va: usize, orig: u32, p: page, write: boolean): u32 {
  const entry = pte_to_swp_entry(orig);
  // It may have left the swap cache while nobody had it locked; then the entry has changed, or will be found again.
  if (!PageSwapCache(p) || page_private(p) !== entry) return 0;
  spin_lock(mm.page_table_lock);
  const pte = user_pte_offset(mm, va)!;
  let result: u32 = 0;
  if (pte[0] === orig) {
    if (PageUptodate(p)) {
      atomic_inc(mm.anon_pages);
      atomic_dec(mm.swap_entries);
      page_add_anon_rmap(p, mm, va);
      fence("w", "w");
      WRITE_ONCE(pte[0], mk_user_pte(p, write ? _PAGE_DIRTY : 0));
      swap_free(entry);
      spin_unlock(mm.page_table_lock);
      if (vm_swap_full()) try_to_free_swap(p);
      return MAPPED;
    }
    result = VM_FAULT_SIGBUS;
  }
  spin_unlock(mm.page_table_lock);
  return result;
}
/** Answer of map_swap_page: the mapping has the reference now. */
const MAPPED = 0x100;

function do_swap_page(mm: mm_struct, va: usize, orig: u32, write: boolean): u32 {
  const entry = pte_to_swp_entry(orig);
  let major: u32 = 0;
  let p = lookup_swap_cache(entry);
  if (p === null) {
    p = swapin_readahead(entry, GFP_KERNEL);
    // No memory; or somebody else has brought it in, and what is to be done has changed.
    if (p === null) return pte_same(mm, va, orig) ? VM_FAULT_OOM : 0;
    major = VM_FAULT_MAJOR;
    count_vm_events(addressOf(vm_event_states.pgmajfault), 1);
  }
  lock_page(p!);
  const result = map_swap_page(mm, va, orig, p!, write);
  unlock_page(p!);
  if (result === MAPPED) return major;
  put_page(p!);
  return result | major;
}

/** The entry has come meanwhile: A and D, where the hardware does not set them. */
function set_access_flags(mm: mm_struct, va: usize, write: boolean): void {
  spin_lock(mm.page_table_lock);
  const pte = user_pte_offset(mm, va)!;
  if (pte_present(pte[0])) amoOr(pte, write ? _PAGE_ACCESSED | _PAGE_DIRTY : _PAGE_ACCESSED);
  spin_unlock(mm.page_table_lock);
  sfenceVma(va);
}

/**
 * Makes the page at `va` accessible, or says why not. 0 is no promise that it is still there: the access is made again, and faults
 * again if need be. mmap_lock is held. @may_sleep @must_use
 */
export function handle_mm_fault(mm: mm_struct, va: usize, write: boolean): u32 {
  if (find_vma(mm, va) === null) return VM_FAULT_SIGSEGV;
  count_vm_events(addressOf(vm_event_states.pgfault), 1);
  if (!user_pte_alloc(mm, va)) return VM_FAULT_OOM;
  const pte = READ_ONCE(user_pte_offset(mm, va)![0]);
  if (pte === 0) return do_anonymous_page(mm, va, write);
  if (!pte_present(pte)) return do_swap_page(mm, va, pte, write);
  set_access_flags(mm, va, write);
  return 0;
}
