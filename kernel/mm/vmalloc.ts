// vmalloc: blocks that are contiguous in virtual addresses only, between VMALLOC_START and VMALLOC_END.
//
// Each block is a vm_struct on vmlist, ordered by address, with an unmapped guard page behind it. Addresses are given first
// fit. Page tables of the area are made when first needed and stay. Freeing unmaps, has all CPUs forget the range, and only
// then gives the pages back.
// Locks: vmlist_lock protects vmlist and the directory entries of the area; entries of a table belong to the block that owns
//   the addresses. Nothing is allocated or flushed under it. Not for interrupt context.
// The first page of a block names the vm_struct in page.index: how vfree finds it, and a reference to it that never moves. (On
//   vmlist alone, an old vm_struct between young neighbours would be reported by kmemleak now and then: its links move.)
// kmemleak: the vm_struct holds the block's address once, so a block needs two hits. The free hook comes before anything is
//   unmapped: it waits for a scanner that reads the block.

import { CONFIG } from "config";
import { MARK } from "../abi/marks.ts";
import { __pa, __va, PAGE_SHIFT, PAGE_SIZE } from "../arch/page.ts";
import { flush_tlb_kernel_range, lookup_pte, mk_pte, PAGE_KERNEL, PAGE_TABLE, pgd_index, pte_index, swapper_pg_dir, VMALLOC_END, VMALLOC_START } from "../arch/pgtable.ts";
import { BUG } from "../lib/bug.ts";
import { list_add_tail, list_del, list_for_each_entry, list_head } from "../lib/list.ts";
import { spin_lock, spin_unlock, spinlock_t } from "../locking/spinlock.ts";
import { might_sleep } from "../sched/preempt.ts";
import { __GFP_ZERO, GFP_KERNEL } from "./gfp.ts";
import { kmemleak_alloc, kmemleak_free } from "./kmemleak.ts";
import { __get_free_pages, free_pages, get_zeroed_page, virt_to_page } from "./page_alloc.ts";
import { kfree, kmalloc } from "./slab.ts";

class vm_struct {
  /** In vmlist, by address. */
  readonly list = new list_head();
  addr: usize;
  /** The block's place in the area, in pages from VMALLOC_START: first page, and one past its guard page. */
  first: u32;
  end: u32;
  nr_pages: u32;
  /** Mapped so far; what is freed when memory runs out half way. */
  mapped: u32;
}

const VMALLOC_PAGES = (VMALLOC_END - VMALLOC_START) >>> PAGE_SHIFT;

const vmlist = new list_head();
const vmlist_lock = new spinlock_t();

/** Hits that tell a block in use from a lost one: the vm_struct's and one more. */
const VMALLOC_MIN_COUNT = 2;

/** Before the first vmalloc. */
export function vmalloc_init(): void {
  if (VMALLOC_START % (1 << 22) !== 0) BUG("vmalloc: the area does not begin on a directory entry");
}

/**
 * Gives `area` a place of its own; false when none is left. Walks page numbers: had it the addresses of other blocks in its
 * registers, they would end as stale words on stacks, and kmemleak would take lost blocks for live ones.
 */
function insert_area(area: vm_struct): boolean {
  const wanted = area.nr_pages + 1;
  spin_lock(vmlist_lock);
  // Page 0 stays empty: its address is a constant of this file, and would keep a block there alive for kmemleak.
  let at: u32 = 1;
  let before: list_head = vmlist;
  for (const other of list_for_each_entry(vmlist, vm_struct, "list")) {
    if (other.first - at >= wanted) {
      before = other.list;
      break;
    }
    at = other.end;
  }
  const fits = VMALLOC_PAGES - at >= wanted;
  if (fits) {
    area.first = at;
    area.end = at + wanted;
    area.addr = VMALLOC_START + (at << PAGE_SHIFT);
    list_add_tail(area.list, before);
  }
  spin_unlock(vmlist_lock);
  return fits;
}

/** The table that maps `va`, made if need be; 0 when there is no memory. */
function pte_table(va: usize): usize {
  const slot = addressOf(swapper_pg_dir[pgd_index(va)]);
  let entry = READ_ONCE(slot[0]);
  if (entry === 0) {
    const table = get_zeroed_page(GFP_KERNEL);
    if (table === 0) return 0;
    spin_lock(vmlist_lock);
    const unclaimed = slot[0] === 0;
    if (unclaimed) {
      fence("w", "w");
      WRITE_ONCE(slot[0], mk_pte(__pa(table), PAGE_TABLE));
    }
    spin_unlock(vmlist_lock);
    if (!unclaimed) free_pages(table, 0);
    entry = READ_ONCE(slot[0]);
  }
  return __va((entry >>> 10) << PAGE_SHIFT);
}

/** Maps fresh pages; false when memory runs out, with area.mapped telling how far it came. */
function map_area(area: vm_struct): boolean {
  for (let n: u32 = 0; n < area.nr_pages; n++) {
    const va = area.addr + n * PAGE_SIZE;
    const table = pte_table(va);
    if (table === 0) return false;
    const block = __get_free_pages(GFP_KERNEL, 0);
    if (block === 0) return false;
    if (n === 0) virt_to_page(block).index = addr(area);
    WRITE_ONCE(cast<Ptr<u32>>(table)[pte_index(va)], mk_pte(__pa(block), PAGE_KERNEL));
    area.mapped = n + 1;
  }
  // The walks of all harts see the entries; a hart that remembers an invalid one faults and tries again.
  fence("rw", "rw");
  sfenceVma();
  return true;
}

/** Unmaps and frees the pages of a block that nobody uses any more, then gives its addresses back. */
function unmap_area(area: vm_struct): void {
  const start = area.addr;
  const count = area.mapped;
  // The table keeps the page's number while the entry is invalid: free only what no CPU can reach any longer.
  for (let n: u32 = 0; n < count; n++) {
    const va = start + n * PAGE_SIZE;
    const entry = addressOf(cast<Ptr<u32>>(pte_table(va))[pte_index(va)]);
    WRITE_ONCE(entry[0], entry[0] & ~PAGE_KERNEL);
  }
  if (count !== 0) flush_tlb_kernel_range(start, start + count * PAGE_SIZE);
  for (let n: u32 = 0; n < count; n++) {
    const va = start + n * PAGE_SIZE;
    const entry = addressOf(cast<Ptr<u32>>(pte_table(va))[pte_index(va)]);
    const block = __va((entry[0] >>> 10) << PAGE_SHIFT);
    WRITE_ONCE(entry[0], 0);
    if (n === 0) virt_to_page(block).index = 0;
    free_pages(block, 0);
  }
  spin_lock(vmlist_lock);
  list_del(area.list);
  spin_unlock(vmlist_lock);
  kfree(addr(area));
}

/** At least `size` bytes, page aligned, or 0. May sleep. */
export function vmalloc(size: usize): usize {
  might_sleep();
  if (size === 0 || size > VMALLOC_END - VMALLOC_START - PAGE_SIZE) return 0;
  const memory = kmalloc(sizeof<vm_struct>(), GFP_KERNEL | __GFP_ZERO);
  if (memory === 0) return 0;
  const area = cast<vm_struct>(memory);
  area.nr_pages = (size + PAGE_SIZE - 1) >>> PAGE_SHIFT;
  if (!insert_area(area)) {
    kfree(memory);
    return 0;
  }
  if (!map_area(area)) {
    unmap_area(area);
    return 0;
  }
  const block = area.addr;
  traceMark(MARK.ALLOC, block, size, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_alloc(block, area.nr_pages << PAGE_SHIFT, VMALLOC_MIN_COUNT, GFP_KERNEL);
  return block;
}

/** The block that begins at an address, or null. */
function find_vm_area(block: usize): vm_struct | null {
  if (block < VMALLOC_START || block >= VMALLOC_END || (block & (PAGE_SIZE - 1)) !== 0) return null;
  const entry = lookup_pte(block);
  if (entry === 0) return null;
  const area = castOrNull<vm_struct>(virt_to_page(__va((entry >>> 10) << PAGE_SHIFT)).index);
  return area !== null && area.addr === block ? area : null;
}

/** Frees what vmalloc gave; 0 is ignored. May sleep. */
export function vfree(block: usize): void {
  might_sleep();
  if (block === 0) return;
  const area = find_vm_area(block);
  if (area === null) BUG("vfree of %p: no block of vmalloc begins there", block);
  traceMark(MARK.FREE, block, 0, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_free(block);
  unmap_area(area!);
}
