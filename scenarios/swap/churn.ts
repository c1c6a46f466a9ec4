// The workload of swap/churn: every hart swaps pages out and in as fast as it can, to one device. An entry of a page table is a word here:
// who takes it out of the table by an exchange owns the slot's only user.
//
//   out      a new page, which says its entry in every eighth word, is written; some leave the swap cache at once, some stay
//   in       an entry that somebody, mostly another hart, has put there: the page must say that entry; its user goes
//   again    as in, then dirtied, written a second time to the same slot, and the entry goes back into the table
//   exit     an entry is given back unread

import { PAGE_SIZE } from "kernel/arch/page.ts";
import { nr_cpu_ids } from "kernel/arch/cpumask.ts";
import { pr_err, pr_info } from "kernel/lib/printk.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import {
  lock_page, page_private, PageSwapCache, PageUptodate, PageWriteback, SetPageDirty, SetPageSwapBacked, SetPageUptodate, TestClearPageDirty,
  unlock_page, wait_on_page_writeback,
} from "kernel/mm/memory/page-flags.ts";
import { alloc_pages, page, page_address, put_page } from "kernel/mm/page_alloc.ts";
import { frontswap_stats } from "kernel/mm/swap/frontswap.ts";
import { get_nr_swap_pages } from "kernel/mm/swap/info.ts";
import { swap_io_stats, swap_writepage } from "kernel/mm/swap/page_io.ts";
import { free_swap_and_cache, try_to_free_swap } from "kernel/mm/swap/reuse.ts";
import { add_to_swap, delete_from_swap_cache, total_swapcache_pages } from "kernel/mm/swap/swap_state.ts";
import { swap_duplicate, swap_free } from "kernel/mm/swap/swapfile.ts";
import { read_swap_cache_async } from "kernel/mm/swap/swapin.ts";
import { sys_swapoff } from "kernel/mm/swap/swapoff.ts";
import { atomic_read } from "kernel/lib/atomic.ts";

const ENTRIES = 32;
const WORDS = PAGE_SIZE / 4;

/** The page table. */
const table = new FixedArray<u32>(ENTRIES);
let harts_left: u32 = 0;

/** A quarter of the pages does not compress: zswap refuses them. */
function fill(p: page, e: u32): void {
  const words = cast<Ptr<u32>>(page_address(p));
  const noise: u32 = (e & 3) === 0 ? 0x9e37_79b1 : 0;
  let word: u32 = e;
  for (let n: u32 = 0; n < WORDS; n++) {
    words[n] = (n & 7) === 0 ? e : word;
    word = word * (noise | 1) + (noise >>> 3);
  }
}

function check(p: page, e: u32): void {
  const words = cast<Ptr<u32>>(page_address(p));
  for (let n: u32 = 0; n < WORDS; n += 8) {
    if (words[n] === e) continue;
    pr_err("BUG: the page of entry %08x says %08x at word %u\n", e, words[n], n);
    return;
  }
}

/** The locked page of the swap cache is written and, if `drop`, leaves the cache when that needs no waiting; unlocked, and let go of. */
function write_back(p: page, drop: boolean): void {
  if (TestClearPageDirty(p)) {
    swap_writepage(p, null);
    if (drop) wait_on_page_writeback(p);
    lock_page(p);
  }
  if (drop && PageSwapCache(p) && !PageWriteback(p)) delete_from_swap_cache(p);
  unlock_page(p);
  put_page(p);
}

/** The entry, or 0: memory or swap is full. */
function out(drop: boolean): u32 {
  const p = alloc_pages(GFP_KERNEL, 0);
  if (p === null) return 0;
  lock_page(p);
  SetPageSwapBacked(p);
  SetPageUptodate(p);
  if (!add_to_swap(p)) {
    unlock_page(p);
    put_page(p);
    return 0;
  }
  const e = page_private(p);
  fill(p, e);
  if (swap_duplicate(e) !== 0) pr_err("BUG: no user for a slot in the swap cache\n");
  write_back(p, drop);
  return e;
}

/** The page of an entry whose user the caller is, checked and locked. */
function page_of(e: u32): page {
  for (;;) {
    const p = read_swap_cache_async(e, GFP_KERNEL);
    if (p === null) continue;
    lock_page(p);
    if (PageSwapCache(p) && page_private(p) === e) {
      if (!PageUptodate(p)) pr_err("BUG: entry %08x cannot be read\n", e);
      check(p, e);
      return p;
    }
    unlock_page(p);
    put_page(p);
  }
}

function back(e: u32): void {
  const p = page_of(e);
  wait_on_page_writeback(p);
  swap_free(e);
  try_to_free_swap(p);
  unlock_page(p);
  put_page(p);
}

function again(e: u32, drop: boolean): void {
  const p = page_of(e);
  wait_on_page_writeback(p);
  fill(p, e);
  SetPageDirty(p);
  write_back(p, drop);
}

export function churn_swap(arg: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + arg);
  const rounds = get_option_u32("rounds", 150);
  amoAdd(addressOf(harts_left), 1);
  for (let round: u32 = 0; round < rounds; round++) {
    const dice = prandom_u32(random);
    const mine = (dice & 1) === 0 ? out((dice & 2) !== 0) : 0;
    let e = amoSwap(addressOf(table[(dice >>> 8) % ENTRIES]), mine);
    if (e === 0) continue;
    if ((dice & 0x30) === 0x10) {
      again(e, (dice & 2) !== 0);
      e = amoSwap(addressOf(table[(dice >>> 16) % ENTRIES]), e);
      if (e === 0) continue;
    }
    if ((dice & 0x30) === 0) free_swap_and_cache(e);
    else back(e);
  }
  if (amoAdd(addressOf(harts_left), -1) === 1) pr_info("churn: %u CPUs, the last one is through\n", nr_cpu_ids);
}

/** When all harts are through. */
export function last(_arg: u32): void {
  let left: u32 = 0;
  for (let n: u32 = 0; n < ENTRIES; n++) {
    if (table[n] === 0) continue;
    back(table[n]);
    table[n] = 0;
    left += 1;
  }
  const free = get_nr_swap_pages();
  const error = sys_swapoff(0);
  pr_info("churn: %u entries were left, %u slots free, swapoff %d, %u pages in the swap cache\n", left, free, error, total_swapcache_pages());
  pr_info("churn: written %u, read %u, frontswap took %u, refused %u, gave %u\n", swap_io_stats.pswpout, swap_io_stats.pswpin,
    atomic_read(frontswap_stats.succ_stores), atomic_read(frontswap_stats.failed_stores), atomic_read(frontswap_stats.loads));
  if (error !== 0 || total_swapcache_pages() !== 0) pr_err("BUG: swap is not empty in the end\n");
}
