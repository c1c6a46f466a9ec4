// Page tables of the vmalloc area: made when first needed, never freed. One directory serves all CPUs, so a new table is seen
// by all at once.
//
// The entries of a table belong to the block that owns the addresses; directory entries are written under vmap_area_lock.
// A CPU that remembers that an address was not mapped faults and tries again (irq/fault.ts).

import { __pa, __va, PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import { local_flush_tlb_kernel_range, mk_pte, PAGE_TABLE, PGDIR_SIZE, pgd_index, pte_index, swapper_pg_dir } from "../../arch/pgtable.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { GFP_KERNEL } from "../gfp.ts";
import { free_pages, get_zeroed_page } from "../page_alloc.ts";
import { vmap_area_lock } from "./area.ts";

/** The table whose directory entry this is. */
function table_of(entry: u32): usize {
  "inline";
  return __va((entry >>> 10) << PAGE_SHIFT);
}

function make_table(slot: Ptr<u32>): boolean {
  "noinline";
  const table = get_zeroed_page(GFP_KERNEL);
  if (table === 0) return false;
  spin_lock(vmap_area_lock);
  const unclaimed = slot[0] === 0;
  if (unclaimed) {
    fence("w", "w");
    WRITE_ONCE(slot[0], mk_pte(__pa(table), PAGE_TABLE));
  }
  spin_unlock(vmap_area_lock);
  if (!unclaimed) free_pages(table, 0);
  return true;
}

/** The entry that maps `va`, its table made if need be; null when there is no memory. @may_sleep */
export function pte_alloc(va: usize): Ptr<u32> | null {
  const slot = addressOf(swapper_pg_dir[pgd_index(va)]);
  if (READ_ONCE(slot[0]) === 0 && !make_table(slot)) return null;
  return addressOf(cast<Ptr<u32>>(table_of(READ_ONCE(slot[0])))[pte_index(va)]);
}

/** The entry that maps `va`, whose table has been made. */
export function pte_offset(va: usize): Ptr<u32> {
  "inline";
  return addressOf(cast<Ptr<u32>>(table_of(READ_ONCE(swapper_pg_dir[pgd_index(va)])))[pte_index(va)]);
}

/** The next page's entry, `pte` being that of `va`: the next word, unless another table begins. */
export function pte_next(pte: Ptr<u32>, next_va: usize): Ptr<u32> {
  "inline";
  return (next_va & (PGDIR_SIZE - 1)) !== 0 ? pte.add(1) : pte_offset(next_va);
}

/** New entries are there for the walks of all CPUs, and this one forgets that there were none. */
export function flush_cache_vmap(start: usize, pages: u32): void {
  fence("rw", "rw");
  local_flush_tlb_kernel_range(start, start + pages * PAGE_SIZE);
}

/** Empties the entries of `pages` pages, all of which have tables. */
export function clear_range(start: usize, pages: u32): void {
  if (pages === 0) return;
  let pte = pte_offset(start);
  let va = start;
  for (let n: u32 = 0; n < pages; n++) {
    if (n !== 0) pte = pte_next(pte, va);
    WRITE_ONCE(pte[0], 0);
    va += PAGE_SIZE;
  }
}
