// Tasks for the test of swap devices: pages go out and come back, with the time that takes.

import { smp_processor_id } from "kernel/sched/task.ts";
import { sched_clock } from "kernel/sched/clock.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import {
  ClearPageDirty, lock_page, page_private, PageUptodate, SetPageSwapBacked, SetPageUptodate, unlock_page, wait_on_page_writeback,
} from "kernel/mm/memory/page-flags.ts";
import { alloc_pages, page, page_address, put_page } from "kernel/mm/page_alloc.ts";
import { swp_entry_t } from "kernel/mm/swap/entry.ts";
import { get_nr_swap_pages } from "kernel/mm/swap/info.ts";
import { swap_io_stats, swap_writepage } from "kernel/mm/swap/page_io.ts";
import { try_to_free_swap } from "kernel/mm/swap/reuse.ts";
import { add_to_swap, delete_from_swap_cache } from "kernel/mm/swap/swap_state.ts";
import { swap_duplicate, swap_free } from "kernel/mm/swap/swapfile.ts";
import { read_swap_cache_async } from "kernel/mm/swap/swapin.ts";
import { sys_swapoff } from "kernel/mm/swap/swapoff.ts";

const PAGES = 20;

class entries {
  readonly entry = new FixedArray<u32>(PAGES);
  readonly page = new FixedArray<page | null>(PAGES);
}

function fill(p: page, value: u32): void {
  const words = cast<Ptr<u32>>(page_address(p));
  for (let n: u32 = 0; n < 1024; n += 16) words[n] = value + n;
}

function right(p: page, value: u32): boolean {
  const words = cast<Ptr<u32>>(page_address(p));
  for (let n: u32 = 0; n < 1024; n += 16) if (words[n] !== value + n) return false;
  return true;
}

/** Starts writing a page with `value`; it stays in the swap cache. */
function out(value: u32, to: entries, n: u32): void {
  const p = alloc_pages(GFP_KERNEL, 0)!;
  lock_page(p);
  SetPageSwapBacked(p);
  SetPageUptodate(p);
  fill(p, value);
  to.entry[n] = 0;
  to.page[n] = null;
  if (!add_to_swap(p) || swap_duplicate(page_private(p)) !== 0) {
    unlock_page(p);
    put_page(p);
    return;
  }
  to.entry[n] = page_private(p);
  to.page[n] = p;
  ClearPageDirty(p);
  swap_writepage(p, null);
}

/** Waits until it is written, and lets go of it. */
function gone(p: page): void {
  wait_on_page_writeback(p);
  lock_page(p);
  delete_from_swap_cache(p);
  unlock_page(p);
  put_page(p);
}

function back(e: swp_entry_t, value: u32): boolean {
  const p = read_swap_cache_async(e, GFP_KERNEL)!;
  lock_page(p);
  const same = PageUptodate(p) && right(p, value);
  swap_free(e);
  try_to_free_swap(p);
  unlock_page(p);
  put_page(p);
  return same;
}

/** PAGES pages out at once, then one by one in again. */
export function there_and_back(_arg: u32): void {
  const mine = new entries();
  const base: u32 = smp_processor_id() << 20;
  let wrong: u32 = 0;
  const began = sched_clock();
  for (let n: u32 = 0; n < PAGES; n++) out(base + (n << 12), mine, n);
  for (let n: u32 = 0; n < PAGES; n++) if (mine.page[n] !== null) gone(mine.page[n]!);
  const written = sched_clock();
  for (let n: u32 = 0; n < PAGES; n++) if (mine.entry[n] === 0 || !back(mine.entry[n], base + (n << 12))) wrong++;
  const done = sched_clock();
  pr_info("pages: %u wrong, out in %u us, in in %u us\n", wrong, u32((written - began) / 1000n), u32((done - written) / 1000n));
}

export function finish(_arg: u32): void {
  const free = get_nr_swap_pages();
  pr_info("end: %u free, written %u, read %u, swapoff %d, %u free\n", free, swap_io_stats.pswpout, swap_io_stats.pswpin, sys_swapoff(0), get_nr_swap_pages());
}
