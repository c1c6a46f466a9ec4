// swapoff: the page of a slot goes back into every page table that holds the slot's entry. For swap/swapoff.ts.
//
// Address spaces with entries in swap are in mmlist; each is held as a user while its tables are searched, so none of them vanishes, and
// the list can be followed without mmlist_lock. mmap_lock is not needed: tables go with the last user only. It could not be taken
// either: the page is locked, and faults take the page lock inside mmap_lock.
// Cost: each slot searches all tables; as in Linux of that time.

import { PAGE_SIZE } from "../../arch/page.ts";
import { atomic_dec, atomic_inc } from "../../lib/atomic.ts";
import { list_empty } from "../../lib/list.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { move_mm_users_ref } from "../mm_ref/mm_ref.ts";
import { mm_ref } from "../mm_ref/types.ts";
import { mmget_not_zero, mmlist, mmlist_lock, mmput } from "../mm_struct.ts";
import { mm_struct } from "../mm_types.ts";
import type { page } from "../page/page.ts";
import { get_page } from "../page_alloc.ts";
import { swap_free } from "../swap/swapfile.ts";
import { page_mapped } from "./page-flags.ts";
import { mk_user_pte, swp_entry_to_pte, TASK_SIZE, TASK_UNMAPPED_BASE, user_pte_offset } from "./pgtable.ts";
import { page_add_anon_rmap } from "./rmap.ts";

const TABLE_BYTES = 1 << 22;

/** One table, if there is one; true: the entry was there, and the page is now. */
function unuse_pte_range(mm: mm_struct, start: usize, entry: u32, p: page): boolean {
  let found = false;
  spin_lock(mm.page_table_lock);
  const table = user_pte_offset(mm, start);
  if (table !== null) {
    for (let n: u32 = 0; n < TABLE_BYTES / PAGE_SIZE && !found; n++) {
      if (READ_ONCE(table[n]) !== swp_entry_to_pte(entry)) continue;
      found = true;
      get_page(p);
      atomic_inc(mm.anon_pages);
      atomic_dec(mm.swap_entries);
      page_add_anon_rmap(p, mm, start + n * PAGE_SIZE);
      fence("w", "w");
      WRITE_ONCE(table[n], mk_user_pte(p, 0));
      swap_free(entry);
    }
  }
  spin_unlock(mm.page_table_lock);
  return found;
}

function unuse_mm(mm: mm_struct, entry: u32, p: page): boolean {
  for (let va: usize = TASK_UNMAPPED_BASE; va < TASK_SIZE; va += TABLE_BYTES) {
    if (unuse_pte_range(mm, va, entry, p)) return true;
    cond_resched();
  }
  return false;
}

/** The address space behind `after` in mmlist (null: the first) that still has users, with a user's reference; null: none. */
function next_mm(after: mm_struct | null, ref: mm_ref): mm_struct | null {
  let found: mm_struct | null = null;
  spin_lock(mmlist_lock);
  let at = after === null ? mmlist.next : after.mmlist.next;
  while (found === null && at !== mmlist) {
    const mm = containerOf(mm_struct, "mmlist", at);
    if (mmget_not_zero(mm, ref)) found = mm;
    at = at.next;
  }
  spin_unlock(mmlist_lock);
  return found;
}

/** The page, locked and up to date, takes the entry's place: 0. Whoever maps it is its only user. @may_sleep */
export function unuse_process(entry: u32, p: page): i32 {
  const ref = new mm_ref();
  const next_ref = new mm_ref();
  let mm = next_mm(null, ref);
  while (mm !== null) {
    const here: mm_struct = mm;
    const done = page_mapped(p) || unuse_mm(here, entry, p);
    // The next one first: while there is a user the address space stays in the list.
    mm = done || list_empty(here.mmlist) ? null : next_mm(here, next_ref);
    mmput(here, ref);
    if (mm !== null) move_mm_users_ref(mm, next_ref, ref);
  }
  return 0;
}
