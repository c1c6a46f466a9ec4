// What the workloads of this folder are made of: a swap device, and pages of a process that has one page table entry for each, driven through
// the swap layer as reclaim and faults do it. Every page says in each word which page and which version it is.
//
//   page_out_new   anonymous memory is swapped out the first time           page_out   again, to the same slot
//   page_in        a fault: the slot's page in the swap cache, checked      page_drop  reclaim of a clean page: out of the swap cache, freed
//   page_free      the process exits, or unmaps it: the entry is given back
// Transfers end at once, in the context of who asks for them. Who calls these for one page at a time locks for himself.

import { bio, bio_endio, block_device, REQ_OP_READ } from "kernel/block/bio.ts";
import { PAGE_SIZE } from "kernel/arch/page.ts";
import { atomic_read } from "kernel/lib/atomic.ts";
import { panic } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { pr_err } from "kernel/lib/printk.ts";
import { memcpy } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import {
  ClearPageDirty, lock_page, page_private, PageDirty, PageLocked, PageSwapCache, PageUptodate, SetPageDirty, SetPageSwapBacked, SetPageUptodate, unlock_page,
  wait_on_page_writeback,
} from "kernel/mm/memory/page-flags.ts";
import {
  alloc_pages, max_low_pfn, min_low_pfn, page, page_address, pfn_to_page, PG_buddy, PG_head, PG_reserved, PG_slab, PG_tail, put_page,
} from "kernel/mm/page_alloc.ts";
import { swp_offset } from "kernel/mm/swap/entry.ts";
import { swap_writepage } from "kernel/mm/swap/page_io.ts";
import { free_swap_and_cache } from "kernel/mm/swap/reuse.ts";
import { add_to_swap, delete_from_swap_cache } from "kernel/mm/swap/swap_state.ts";
import { swap_duplicate } from "kernel/mm/swap/swapfile.ts";
import { read_swap_cache_async } from "kernel/mm/swap/swapin.ts";
import { sys_swapon } from "kernel/mm/swap/swapon.ts";
import { sys_swapoff } from "kernel/mm/swap/swapoff.ts";
import { vfree, vzalloc } from "kernel/mm/vmalloc.ts";
import { cond_resched } from "kernel/sched/core.ts";

const WORDS = PAGE_SIZE / 4;
const SECTORS_A_PAGE = 8;
/** Words of a page that say who it is; the rest repeats them, so that it compresses. */
const PERIOD = 8;

const device = new block_device();
let blocks: usize = 0;

/** A page of the process: its entry in the page table, and what it holds. */
export class user_page {
  entry: u32 = 0;
  id: u32 = 0;
  version: u32 = 0;
  /** Contents that do not compress. */
  noise: boolean = false;
}

function submit(b: bio): void {
  const at = blocks + (b.bi_sector << 9);
  if (b.bi_opf === REQ_OP_READ) memcpy(b.bi_buffer, at, b.bi_size);
  else memcpy(at, b.bi_buffer, b.bi_size);
  bio_endio(b, 0);
}

/** A device of so many slots, the first of which is never used: its type. @may_sleep */
export function device_on(slots: u32): u32 {
  blocks = vzalloc(slots * PAGE_SIZE);
  device.name = "memory";
  device.capacity = slots * SECTORS_A_PAGE;
  device.submit = submit;
  const type = sys_swapon(device, slots, 0);
  if (blocks === 0 || type < 0) panic("no swap device");
  return u32(type);
}

/** All pages were freed. @may_sleep */
export function device_off(type: u32): void {
  if (sys_swapoff(type) !== 0) pr_err("BUG: swapoff of an empty device fails\n");
  vfree(blocks);
}

function word_of(u: user_page, n: u32): u32 {
  if (u.noise) return (u.version * 0x9e37_79b1 + u.id) * (n * 0x85eb_ca6b + 0xc2b2_ae35) + ((n * n * 0x27d4_eb2f) >>> 3);
  return n % PERIOD === 0 ? u.id : n % PERIOD === 1 ? u.version : n % PERIOD;
}

function write_page(u: user_page, p: page): void {
  const words = cast<Ptr<u32>>(page_address(p));
  for (let n: u32 = 0; n < WORDS; n++) words[n] = word_of(u, n);
}

/** Complains unless the page holds what was written to it last. */
export function check_page(u: user_page, p: page): void {
  const words = cast<Ptr<u32>>(page_address(p));
  for (let n: u32 = 0; n < WORDS; n++) {
    if (words[n] === word_of(u, n)) continue;
    pr_err("BUG: slot %u: page %u comes back as page %u version %u, version %u was written last\n", swp_offset(u.entry), u.id, words[0], words[1], u.version);
    return;
  }
}

/** The page, with a reference of the caller's and not locked, goes out to its slot; it stays in the swap cache. @may_sleep */
export function page_write(p: page): void {
  "noinline";
  lock_page(p);
  ClearPageDirty(p);
  swap_writepage(p, null);
  point("written");
}

/** Out of the swap cache; the caller's reference goes, too. @may_sleep */
export function page_drop(p: page): void {
  "noinline";
  lock_page(p);
  wait_on_page_writeback(p);
  if (PageSwapCache(p) && !PageDirty(p)) delete_from_swap_cache(p);
  unlock_page(p);
  put_page(p);
}

/** @may_sleep */
export function page_out(u: user_page, version: u32, p: page): void {
  lock_page(p);
  u.version = version;
  write_page(u, p);
  SetPageDirty(p);
  unlock_page(p);
  page_write(p);
  page_drop(p);
}

/** The page, in the swap cache, with a reference; null: no memory or no slot. @may_sleep */
export function page_out_cached(u: user_page, id: u32, version: u32): page | null {
  const p = alloc_pages(GFP_KERNEL, 0);
  if (p === null) return null;
  u.id = id;
  u.version = version;
  write_page(u, p);
  lock_page(p);
  SetPageUptodate(p);
  SetPageSwapBacked(p);
  const added = add_to_swap(p);
  if (added) {
    u.entry = page_private(p);
    if (swap_duplicate(u.entry) !== 0) panic("a slot of ours has no room for a user");
  }
  unlock_page(p);
  if (!added) {
    put_page(p);
    return null;
  }
  page_write(p);
  return p;
}

/** False: no memory or no slot. @may_sleep */
export function page_out_new(u: user_page, id: u32, version: u32): boolean {
  const p = page_out_cached(u, id, version);
  if (p !== null) page_drop(p);
  return p !== null;
}

/** The page in the swap cache, with a reference and checked; not locked. @may_sleep */
export function page_in(u: user_page): page {
  "noinline";
  for (;;) {
    const p = read_swap_cache_async(u.entry, GFP_KERNEL);
    if (p === null) panic("no memory for a page that is swapped in");
    lock_page(p);
    // It may have left the swap cache before it was locked.
    const valid = PageSwapCache(p) && page_private(p) === u.entry;
    if (valid && !PageUptodate(p)) panic("a slot cannot be read");
    if (valid) check_page(u, p);
    unlock_page(p);
    if (valid) return p;
    put_page(p);
    cond_resched();
  }
}

/** Complains about pages that somebody has locked and nobody can find. Nobody works on user pages meanwhile. */
export function check_stranded(): void {
  for (let pfn: u32 = min_low_pfn; pfn < max_low_pfn; pfn++) {
    const p = pfn_to_page(pfn);
    if ((p.flags & (PG_buddy | PG_slab | PG_tail | PG_head | PG_reserved)) !== 0 || atomic_read(p._count) === 0) continue;
    if (!PageLocked(p) || PageSwapCache(p)) continue;
    pr_err("BUG: the page at pfn %u is locked, outside of the swap cache, with %d references\n", pfn, atomic_read(p._count));
  }
}

/** The process does without the page. @may_sleep */
export function page_free(u: user_page): void {
  "noinline";
  free_swap_and_cache(u.entry);
  u.entry = 0;
}
