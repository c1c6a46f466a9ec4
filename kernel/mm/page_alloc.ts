// Allocation of pages: blocks of 2^order page frames, for every context.
//
//   alloc_pages   above the low watermark: this CPU's list (pcp.ts) for one page, the buddy allocator (buddy.ts) for more
//                 at or below it: the slow path, which looks at what the caller may do (gfp.ts, watermark.ts, reclaim.ts)
//   __free_pages  drops a reference; the last one frees
// Failure is null, with a report (report.ts) unless __GFP_NOWARN; with configuration fault_injection some fail on purpose
// (fault-inject.ts). A block that is freed twice, with another order, while it belongs to the slab allocator, or that was
// never allocated is reported as a bad page and stays out of the free lists.
// Locks: a CPU's list: interrupts off; inside it zone.lock, the innermost of mm. The fields of an allocated block belong to
// its owner.

import { CONFIG } from "config";
import { MARK } from "../abi/marks.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { LINEAR_MAX, PAGE_SHIFT, PAGE_SIZE, PHYS_OFFSET } from "../arch/page.ts";
import { atomic_dec_and_test, atomic_read, atomic_set } from "../lib/atomic.ts";
import { BUG, WARN_ON_ONCE } from "../lib/bug.ts";
import { pr_info } from "../lib/printk.ts";
import { memset } from "../lib/string.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { should_fail_alloc_page } from "./fault-inject.ts";
import { __GFP_COMP, __GFP_NOFAIL, __GFP_NOWARN, __GFP_ZERO, might_alloc } from "./gfp.ts";
import { memblock_alloc, memblock_end, memblock_free_all } from "./memblock.ts";
import { buddy_init, free_one_block, MAX_ORDER, take_block, zone } from "./page/buddy.ts";
import {
  compound_head, mem_map_init, nth_page, page, page_address, PG_buddy, PG_head, PG_large, PG_reserved, PG_slab, PG_tail, virt_addr_valid,
  virt_to_page,
} from "./page/page.ts";
import { is_user_page, prep_user_fields, user_page_released } from "./memory/page-release.ts";
import { drain_all_pages, pcp_alloc, pcp_free, setup_pageset } from "./page/pcp.ts";
import { kernel_poison_pages, kernel_unpoison_pages } from "./page/poison.ts";
import { can_wait, direct_reclaim, should_reclaim_retry } from "./page/reclaim.ts";
import { bad_page, warn_alloc } from "./page/report.ts";
import { gfp_to_alloc_flags, setup_watermarks, zone_watermark_ok } from "./page/watermark.ts";
import { wakeup_kswapd } from "./vmscan/kswapd.ts";

/** Pages that page_alloc_init gave to the allocator. */
export let totalram_pages: u32 = 0;

/** A block whose fields still show that it is free, or null. Watermarks are not looked at. */
function rmqueue(order: u32): page | null {
  "inline";
  if (likely(order === 0)) {
    const flags = local_irq_save();
    const p = pcp_alloc();
    local_irq_restore(flags);
    return p;
  }
  if (order >= MAX_ORDER) return null;
  const flags = raw_spin_lock_irqsave(zone.lock);
  const p = take_block(order);
  raw_spin_unlock_irqrestore(zone.lock, flags);
  return p;
}

/** With what the caller may use of the reserves. */
function get_page_from_freelist(order: u32, alloc_flags: u32): page | null {
  return zone_watermark_ok(order, zone.watermark_min, alloc_flags) ? rmqueue(order) : null;
}

/** Memory is short. May sleep when the caller may. */
function alloc_pages_slowpath(gfp: u32, order: u32): page | null {
  "noinline";
  if (order >= MAX_ORDER) return null;
  if (CONFIG.swap.enabled) wakeup_kswapd();
  const alloc_flags = gfp_to_alloc_flags(gfp);
  let p = get_page_from_freelist(order, alloc_flags);
  const waits = can_wait(gfp);
  WARN_ON_ONCE((gfp & __GFP_NOFAIL) !== 0 && !waits);
  let in_vain: u32 = 0;
  while (p === null && waits) {
    if (!CONFIG.swap.enabled) drain_all_pages();
    const freed = direct_reclaim(gfp, order);
    p = get_page_from_freelist(order, alloc_flags);
    if (CONFIG.swap.enabled && p === null) {
      drain_all_pages();
      p = get_page_from_freelist(order, alloc_flags);
    }
    if (p !== null) break;
    in_vain = freed === 0 ? in_vain + 1 : 0;
    if (!should_reclaim_retry(gfp, order, freed, in_vain)) break;
  }
  if (p === null && (gfp & __GFP_NOWARN) === 0) warn_alloc(gfp, order);
  return p;
}

/** Tails know the first page, which knows the order. */
function prep_compound_page(p: page, order: u32): void {
  "noinline";
  p.flags = PG_head;
  for (let n: u32 = 1; n < 1 << order; n++) {
    const tail = nth_page(p, n);
    tail.flags = PG_tail;
    tail.private = addr(p);
  }
}

function destroy_compound_page(p: page, order: u32): void {
  "noinline";
  for (let n: u32 = 0; n < 1 << order; n++) nth_page(p, n).flags = 0;
}

/** A block of 2^order pages, or null. @may_sleep_if gfp __GFP_WAIT */
export function alloc_pages(gfp: u32, order: u32): page | null {
  might_alloc(gfp);
  if (CONFIG.fault_injection && should_fail_alloc_page(gfp, order)) return null;
  let p: page | null = null;
  if (likely(READ_ONCE(zone.free_pages) >= zone.watermark_low + (1 << order))) p = rmqueue(order);
  for (;;) {
    if (p === null) {
      p = alloc_pages_slowpath(gfp, order);
      if (p === null) return null;
    }
    if (likely(p.flags === 0 && atomic_read(p._count) === 0)) break;
    bad_page(p, "a free page has flags or references");
    p = null;
  }
  p.private = order;
  if (CONFIG.swap.enabled) prep_user_fields(p);
  atomic_set(p._count, 1);
  traceMark(MARK.PAGE_ALLOC, page_address(p), order, gfp);
  if (CONFIG.page_poisoning) kernel_unpoison_pages(p, order);
  if (unlikely((gfp & (__GFP_COMP | __GFP_ZERO)) !== 0)) {
    if ((gfp & __GFP_COMP) !== 0 && order !== 0) prep_compound_page(p, order);
    if ((gfp & __GFP_ZERO) !== 0) memset(page_address(p), 0, PAGE_SIZE << order);
  }
  return p;
}

/** Why a block must not be freed, for bad_page. */
function bad_free(p: page, order: u32): void {
  "noinline";
  if (atomic_read(p._count) <= 0) traceMark(MARK.PAGE_FREE, page_address(p), order, 0);
  if ((p.flags & PG_reserved) !== 0) bad_page(p, "freed, but reserved: it was never allocated");
  else if ((p.flags & (PG_slab | PG_large)) !== 0) bad_page(p, "freed, but it belongs to the slab allocator");
  else if ((p.flags & PG_buddy) !== 0 || atomic_read(p._count) <= 0) bad_page(p, "freed, but free already or not the start of a block");
  else if ((p.flags & PG_tail) !== 0) bad_page(p, "freed, but it is inside a compound block");
  else if (p.private !== order) bad_page(p, "freed with another order than it was allocated with");
  else bad_page(p, "freed with unknown flags");
}

/** A single page that nobody refers to any more. */
function free_released_page(p: page): void {
  "noinline";
  if (CONFIG.page_poisoning) kernel_poison_pages(p, 0);
  traceMark(MARK.PAGE_FREE, page_address(p), 0, 0);
  const flags = local_irq_save();
  pcp_free(p);
  local_irq_restore(flags);
}

/** Drop a reference to the block; the last one frees it. */
export function __free_pages(p: page, order: u32): void {
  if (unlikely((p.flags & ~PG_head) !== 0 || atomic_read(p._count) <= 0 || p.private !== order)) {
    bad_free(p, order);
    return;
  }
  if (!atomic_dec_and_test(p._count)) return;
  if (unlikely(p.flags !== 0)) destroy_compound_page(p, order);
  if (CONFIG.page_poisoning) kernel_poison_pages(p, order);
  traceMark(MARK.PAGE_FREE, page_address(p), order, 0);
  if (likely(order === 0)) {
    const flags = local_irq_save();
    pcp_free(p);
    local_irq_restore(flags);
    return;
  }
  const flags = raw_spin_lock_irqsave(zone.lock);
  free_one_block(p, order);
  raw_spin_unlock_irqrestore(zone.lock, flags);
}

/** Drops a reference to the block that `p` belongs to: a compound one, or a single page. */
export function put_page(p: page): void {
  if (CONFIG.swap.enabled && is_user_page(p)) {
    if (atomic_dec_and_test(p._count) && user_page_released(p)) free_released_page(p);
    return;
  }
  const head = compound_head(p);
  __free_pages(head, head.private);
}

/** The address of a block of 2^order pages, or 0. @may_sleep_if gfp __GFP_WAIT */
export function __get_free_pages(gfp: u32, order: u32): usize {
  const p = alloc_pages(gfp, order);
  return p === null ? 0 : page_address(p);
}

/** @may_sleep_if gfp __GFP_WAIT */
export function get_zeroed_page(gfp: u32): usize {
  return __get_free_pages(gfp | __GFP_ZERO, 0);
}

/** 0 is ignored. */
export function free_pages(va: usize, order: u32): void {
  if (va === 0) return;
  if (!virt_addr_valid(va) || (va & (PAGE_SIZE - 1)) !== 0) BUG("free_pages: %p is not the address of a page", va);
  __free_pages(virt_to_page(va), order);
}

/** The smallest order whose block holds `size` bytes. */
export function get_order(size: usize): u32 {
  let order: u32 = 0;
  while (order < MAX_ORDER && PAGE_SIZE << order < size) order++;
  return order;
}

/** Pages in the free lists; after drain_all_pages these are all free ones. */
export function nr_free_pages(): u32 {
  return READ_ONCE(zone.free_pages);
}

/** Ends memblock: what boot has not taken becomes free pages. mem_map describes all frames from the kernel's first on. */
export function page_alloc_init(): void {
  const end = memblock_end();
  const limit = end - PHYS_OFFSET > LINEAR_MAX ? PHYS_OFFSET + LINEAR_MAX : end;
  const pages = (limit - PHYS_OFFSET) >>> PAGE_SHIFT;
  mem_map_init(memblock_alloc(pages * sizeof<page>(), 64), pages);
  buddy_init();
  totalram_pages = memblock_free_all();
  setup_watermarks();
  setup_pageset();
  pr_info("Memory: %uK/%uK available\n", totalram_pages * 4, pages * 4);
}

export { MAX_ORDER } from "./page/buddy.ts";
export {
  compound_head, get_page, max_low_pfn, mem_map, mem_map_end, mem_map_start, min_low_pfn, nth_page, page, page_address, page_to_pfn,
  pfn_to_page, pfn_valid, PG_buddy, PG_head, PG_large, PG_reserved, PG_slab, PG_tail, virt_addr_valid, virt_to_page,
} from "./page/page.ts";
export { drain_all_pages, page_alloc_cpu_dead } from "./page/pcp.ts";
