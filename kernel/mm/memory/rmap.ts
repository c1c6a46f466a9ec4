// From a page to the entry of the page table that maps it, and taking it out there.
//
// A page is mapped once at most: there is no fork, so nothing is shared between address spaces. page_mapping and page_index say where
// (page-flags.ts); they change under the page's rmap lock only, and name an address space only while the page is mapped there. An address
// space unmaps everything before it drops its last mm_count, so who finds it there, with the rmap lock held, may mmgrab it.
// Locks: page lock, page_table_lock, then the rmap lock (one of RMAP_LOCKS by the page's number; raw, since it is innermost).
// vm.bug=no-flush: CPUs may go on using a page that was taken from its user. lost-dirty: what was written since the page came from swap is
// not carried over to the page, so it goes without being written again.
// Source: Linux 3.11, mm/rmap.c, with a pointer in the page instead of anon_vma.

import { CONFIG, VM_BUG } from "config";
import { _PAGE_ACCESSED, _PAGE_DIRTY } from "../../arch/pgtable.ts";
import { atomic_dec, atomic_inc } from "../../lib/atomic.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { list_add, list_empty } from "../../lib/list.ts";
import {
  raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t, spin_lock, spin_unlock,
} from "../../locking/spinlock.ts";
import { mm_ref } from "../mm_ref/types.ts";
import { mmdrop, mmgrab, mmlist, mmlist_lock } from "../mm_struct.ts";
import { mm_struct } from "../mm_types.ts";
import { page_to_pfn, type page } from "../page/page.ts";
import { put_page } from "../page_alloc.ts";
import { swap_duplicate } from "../swap/swapfile.ts";
import { lru_cache_add } from "../vmscan/lru.ts";
import {
  page_index, page_mapcount_dec_and_test, page_mapcount_inc, page_mapped, page_mapping, page_private, PageLocked, PageSwapCache,
  set_page_mapping, SetPageActive, SetPageDirty, SetPageSwapBacked, TestClearPageReferenced,
} from "./page-flags.ts";
import { flush_tlb_page, pte_page, pte_present, swp_entry_to_pte, user_pte_offset } from "./pgtable.ts";

const RMAP_LOCKS = 16;
const rmap_locks = new StructArray(raw_spinlock_t, RMAP_LOCKS);

/** What try_to_unmap did: nothing maps the page any more; try again some time; it cannot be unmapped now. */
export const SWAP_SUCCESS = 0;
export const SWAP_AGAIN = 1;
export const SWAP_FAIL = 2;

/** At boot. */
export function rmap_init(): void {
  for (let n: u32 = 0; n < RMAP_LOCKS; n++) raw_spin_lock_init(rmap_locks[n], "rmap_lock");
}

function rmap_lock_of(p: page): raw_spinlock_t {
  "inline";
  return rmap_locks[page_to_pfn(p) % RMAP_LOCKS];
}

/** The page is mapped at `va` from now on. page_table_lock is held; the page is locked, or new. */
export function page_add_anon_rmap(p: page, mm: mm_struct, va: usize): void {
  const lock = rmap_lock_of(p);
  const flags = raw_spin_lock_irqsave(lock);
  BUG_ON(page_mapped(p));
  set_page_mapping(p, addr(mm), va);
  page_mapcount_inc(p);
  raw_spin_unlock_irqrestore(lock, flags);
}

/** As page_add_anon_rmap, for a page that nobody else knows; it goes on the active list. */
export function page_add_new_anon_rmap(p: page, mm: mm_struct, va: usize): void {
  SetPageSwapBacked(p);
  page_add_anon_rmap(p, mm, va);
  SetPageActive(p);
  lru_cache_add(p);
}

/** The entry has gone. page_table_lock is held. */
export function page_remove_rmap(p: page): void {
  const lock = rmap_lock_of(p);
  const flags = raw_spin_lock_irqsave(lock);
  if (page_mapcount_dec_and_test(p)) set_page_mapping(p, 0, 0);
  raw_spin_unlock_irqrestore(lock, flags);
}

/** The address space that maps the page, with a reference of the structure, or null. */
function page_lock_mm(p: page, ref: mm_ref): mm_struct | null {
  const lock = rmap_lock_of(p);
  const flags = raw_spin_lock_irqsave(lock);
  const mm = castOrNull<mm_struct>(page_mapping(p));
  if (mm !== null) mmgrab(mm, ref);
  raw_spin_unlock_irqrestore(lock, flags);
  return mm;
}

/** The entry that maps the page, or null. page_table_lock is held. */
function page_check_address(p: page, mm: mm_struct, va: usize): Ptr<u32> | null {
  const pte = user_pte_offset(mm, va);
  if (pte === null || !pte_present(pte[0]) || pte_page(pte[0]) !== p) return null;
  return pte;
}

/** The address space has entries in swap from now on: swapoff must look there. */
function enlist_for_swapoff(mm: mm_struct): void {
  spin_lock(mmlist_lock);
  if (list_empty(mm.mmlist)) list_add(mm.mmlist, mmlist);
  spin_unlock(mmlist_lock);
}

/** The page is locked, in the swap cache and mapped at `pte`. page_table_lock is held. */
function unmap_one(p: page, mm: mm_struct, va: usize, pte: Ptr<u32>): u32 {
  // Out first, then forgotten everywhere, then looked at: what the last user wrote through it is in its dirty bit.
  const old = amoSwap(pte, 0);
  if (CONFIG.vm.bug !== VM_BUG.no_flush) flush_tlb_page(mm, va);
  if ((old & _PAGE_DIRTY) !== 0 && CONFIG.vm.bug !== VM_BUG.lost_dirty) SetPageDirty(p);
  const entry = page_private(p);
  if (swap_duplicate(entry) < 0) {
    WRITE_ONCE(pte[0], old);
    return SWAP_FAIL;
  }
  enlist_for_swapoff(mm);
  atomic_dec(mm.anon_pages);
  atomic_inc(mm.swap_entries);
  WRITE_ONCE(pte[0], swp_entry_to_pte(entry));
  page_remove_rmap(p);
  return SWAP_SUCCESS;
}

/** Puts the page's swap entry where the page was mapped. The page is locked and in the swap cache, and the caller has a reference. */
export function try_to_unmap(p: page): u32 {
  BUG_ON(!PageLocked(p) || !PageSwapCache(p));
  const ref = new mm_ref();
  const mm = page_lock_mm(p, ref);
  if (mm === null) return page_mapped(p) ? SWAP_AGAIN : SWAP_SUCCESS;
  let result: u32 = SWAP_AGAIN;
  spin_lock(mm.page_table_lock);
  const va = page_index(p);
  const pte = page_check_address(p, mm, va);
  if (pte !== null) result = unmap_one(p, mm, va, pte);
  spin_unlock(mm.page_table_lock);
  mmdrop(mm, ref);
  if (result === SWAP_SUCCESS) put_page(p);
  return result === SWAP_AGAIN && !page_mapped(p) ? SWAP_SUCCESS : result;
}

/** How often the page has been used since somebody asked: by its entry, and by mark_page_accessed. The entry's bit is cleared. */
export function page_referenced(p: page): u32 {
  const ref = new mm_ref();
  const mm = page_lock_mm(p, ref);
  let referenced: u32 = 0;
  if (mm !== null) {
    spin_lock(mm.page_table_lock);
    const pte = page_check_address(p, mm, page_index(p));
    // No flush: a CPU that remembers the translation sets the bit again only once it has forgotten, so some uses are missed.
    if (pte !== null && (amoAnd(pte, ~_PAGE_ACCESSED) & _PAGE_ACCESSED) !== 0) referenced += 1;
    spin_unlock(mm.page_table_lock);
    mmdrop(mm, ref);
  }
  if (TestClearPageReferenced(p)) referenced += 1;
  return referenced;
}
