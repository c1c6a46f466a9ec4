// Watermarks: how low free memory may fall for whom.
//
//   low    at or below it an allocation leaves the fast path and reclaim begins
//   min    ordinary allocations end here: GFP_KERNEL reclaims, waits, fails; GFP_NOWAIT, which cannot wait, gets a quarter more
//   min/2  __GFP_HIGH; GFP_ATOMIC gets the quarter of what is left, too
//   0      __GFP_MEMALLOC, and a task with PF_MEMALLOC
// min is sqrt(16 * managed KiB) KiB as in Linux, or the boot parameter min_free_kbytes=N; low = 5/4 min, high = 6/4 min.
// The checks read free_pages without the lock: harts that race may each take what was there once.

import { CONFIG } from "config";
import { get_option_u32 } from "../../lib/cmdline.ts";
import { list_empty } from "../../lib/list.ts";
import { pr_warn } from "../../lib/printk.ts";
import { in_interrupt } from "../../sched/preempt.ts";
import { get_current, PF_MEMALLOC } from "../../sched/task.ts";
import { __GFP_HIGH, __GFP_MEMALLOC, __GFP_NOMEMALLOC, __GFP_WAIT } from "../gfp.ts";
import { MAX_ORDER, zone } from "./buddy.ts";

/** Allocation flags beside the watermark, as gfp_to_alloc_flags gives them. */
export const ALLOC_HARDER = 0x10;
export const ALLOC_HIGH = 0x20;
export const ALLOC_NO_WATERMARKS = 0x04;

/** Bounds of min in pages, so that small guests keep most of their memory. */
const MIN_PAGES = 32;
const MIN_PAGES_MAX = 16384;

/** The largest integer whose square is not above `x`. */
function int_sqrt(x: u32): u32 {
  let root: u32 = 0;
  for (let bit: u32 = 1 << 15; bit !== 0; bit >>>= 1) {
    const trial = root + bit;
    if (trial <= 0xffff && trial * trial <= x) root = trial;
  }
  return root;
}

/** At boot, when the size of memory is known. */
export function setup_watermarks(): void {
  const kbytes = zone.managed_pages * 4;
  let min = get_option_u32("min_free_kbytes", int_sqrt(kbytes * 16)) / 4;
  if (min < MIN_PAGES) min = MIN_PAGES;
  if (min > MIN_PAGES_MAX) min = MIN_PAGES_MAX;
  if (min > zone.managed_pages / 4) {
    min = zone.managed_pages / 4;
    pr_warn("page_alloc: min_free_kbytes cut to a quarter of memory, %u KiB\n", min * 4);
  }
  zone.watermark_min = min;
  zone.watermark_low = min + min / 4;
  zone.watermark_high = min + min / 2;
}

/** The running task frees memory, and nothing has interrupted it. */
function memalloc_context(gfp: u32): boolean {
  return (gfp & __GFP_NOMEMALLOC) === 0 && (get_current().flags & PF_MEMALLOC) !== 0 && !in_interrupt();
}

/** What a caller that is in trouble may do. */
export function gfp_to_alloc_flags(gfp: u32): u32 {
  if ((gfp & (__GFP_MEMALLOC | __GFP_NOMEMALLOC)) === __GFP_MEMALLOC) return ALLOC_NO_WATERMARKS;
  if (CONFIG.swap.enabled && memalloc_context(gfp)) return ALLOC_NO_WATERMARKS;
  let flags: u32 = gfp & __GFP_HIGH;
  // Who cannot wait is let in deeper.
  if ((gfp & (__GFP_WAIT | __GFP_NOMEMALLOC)) === 0) flags |= ALLOC_HARDER;
  return flags;
}

/** A block of 2^order pages can be taken and leaves more than `mark` pages, as far as the flags insist. */
export function zone_watermark_ok(order: u32, mark: u32, flags: u32): boolean {
  if ((flags & ALLOC_NO_WATERMARKS) !== 0) return true;
  let min = mark;
  if ((flags & ALLOC_HIGH) !== 0) min -= min / 2;
  if ((flags & ALLOC_HARDER) !== 0) min -= min / 4;
  if (READ_ONCE(zone.free_pages) < min + (1 << order)) return false;
  for (let o = order; o < MAX_ORDER; o++) if (!list_empty(zone.free_area[o].free_list)) return true;
  return false;
}
