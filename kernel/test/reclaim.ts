// Reclaim: pages of a user go to swap when memory is asked for, in the order of their use, and come back as they were; what is clean goes
// without being written; swapoff brings all back; unmapping and exit give up slots and pages in the swap cache.
// Needs swap.enabled.
//
// The device of these tests is a piece of memory whose transfers end at once.

import { PAGE_SIZE } from "../arch/page.ts";
import { bio, bio_endio, block_device, REQ_OP_READ } from "../block/bio.ts";
import { atomic_read } from "../lib/atomic.ts";
import { pr_info } from "../lib/printk.ts";
import { memcpy } from "../lib/string.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { get_user, put_user } from "../mm/memory/uaccess.ts";
import { do_mmap, do_munmap } from "../mm/memory/vma.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import { mm_alloc, mmput } from "../mm/mm_struct.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { get_nr_swap_pages, total_swap_pages } from "../mm/swap/info.ts";
import { swap_io_stats } from "../mm/swap/page_io.ts";
import { total_swapcache_pages } from "../mm/swap/swap_state.ts";
import { sys_swapoff } from "../mm/swap/swapoff.ts";
import { sys_swapon } from "../mm/swap/swapon.ts";
import { vfree, vzalloc } from "../mm/vmalloc.ts";
import { LRU_ACTIVE_ANON, LRU_INACTIVE_ANON, lru_pages } from "../mm/vmscan/lru.ts";
import { try_to_free_pages } from "../mm/vmscan/vmscan.ts";
import { kthread_unuse_mm, kthread_use_mm } from "../sched/mm.ts";
import { expect_equal, expect_true, test_run_prepared } from "./tap.ts";

const SLOTS = 256;
const PAGES = 96;
/** Pages that are used all the time. */
const HOT = 12;
const ROUNDS = 32;
const bdev = new block_device();
let memory: usize = 0;
let word: u32 = 0;

function submit(b: bio): void {
  const at = memory + (b.bi_sector << 9);
  if (b.bi_opf === REQ_OP_READ) memcpy(b.bi_buffer, at, b.bi_size);
  else memcpy(at, b.bi_buffer, b.bi_size);
  bio_endio(b, 0);
}

/** vmalloc keeps page tables. */
function warm_up(): void {
  vfree(vzalloc(2 * SLOTS * PAGE_SIZE));
}

function write_all(base: usize, stamp: u32): void {
  for (let n: u32 = 0; n < PAGES; n++) if (put_user(stamp + n, base + n * PAGE_SIZE + 4 * n) !== 0) expect_true(false, "put_user");
}

function check_all(base: usize, stamp: u32, what: string): void {
  let wrong: u32 = 0;
  for (let n: u32 = 0; n < PAGES; n++) if (get_user(addressOf(word), base + n * PAGE_SIZE + 4 * n) !== 0 || word !== stamp + n) wrong += 1;
  expect_equal(wrong, 0, what);
}

/** The type of the device, with memory behind it. */
function swap_on_memory(): i32 {
  memory = vzalloc(SLOTS * PAGE_SIZE);
  bdev.name = "memory";
  bdev.capacity = SLOTS * 8;
  bdev.submit = submit;
  const type = sys_swapon(bdev, SLOTS, 0);
  expect_true(memory !== 0 && type >= 0, "swapon");
  return type;
}

/** Until every page of the address space is in swap. */
function reclaim_all(mm: mm_struct): void {
  for (let round: u32 = 0; round < 64 && atomic_read(mm.anon_pages) !== 0; round++) try_to_free_pages(GFP_KERNEL, 0);
  expect_equal(u32(atomic_read(mm.anon_pages)), 0, "every page has gone");
  expect_equal(u32(atomic_read(mm.swap_entries)), PAGES, "into swap");
}

function reclaim_cases(): void {
  const mine = new mm_ref();
  const used = new mm_ref();
  const type = swap_on_memory();
  const mm = mm_alloc(mine)!;
  kthread_use_mm(mm, used);
  const base = do_mmap(mm, 0, PAGES * PAGE_SIZE);
  write_all(base, 1000);
  expect_equal(lru_pages(LRU_ACTIVE_ANON) + lru_pages(LRU_INACTIVE_ANON), PAGES, "pages on the LRU");
  reclaim_all(mm);
  expect_equal(lru_pages(LRU_ACTIVE_ANON) + lru_pages(LRU_INACTIVE_ANON), 0, "no page on the LRU");
  const written = swap_io_stats.pswpout;
  check_all(base, 1000, "what was written, back from swap");
  expect_equal(u32(atomic_read(mm.anon_pages)), PAGES, "and mapped again");
  reclaim_all(mm);
  expect_equal(swap_io_stats.pswpout, written, "what was only read is not written again");
  check_all(base, 1000, "as before");
  write_all(base, 5000);
  reclaim_all(mm);
  expect_true(swap_io_stats.pswpout >= written + PAGES, "what was changed is");
  check_all(base, 5000, "the new contents");
  reclaim_all(mm);
  expect_equal(u32(do_munmap(mm, base, 8 * PAGE_SIZE)), 0, "unmapped while in swap");
  expect_equal(total_swap_pages - get_nr_swap_pages(), PAGES - 8, "slots that are left");
  expect_equal(u32(sys_swapoff(u32(type))), 0, "swapoff");
  expect_equal(u32(atomic_read(mm.anon_pages)), PAGES - 8, "which has brought all back");
  expect_equal(u32(atomic_read(mm.swap_entries)), 0, "no entry is left");
  for (let n: u32 = 8; n < PAGES; n++) expect_true(get_user(addressOf(word), base + n * PAGE_SIZE + 4 * n) === 0 && word === 5000 + n, "after swapoff");
  kthread_unuse_mm(mm, used);
  mmput(mm, mine);
  expect_equal(lru_pages(LRU_ACTIVE_ANON) + lru_pages(LRU_INACTIVE_ANON) + total_swapcache_pages(), 0, "exit leaves nothing");
  vfree(memory);
}

export function test_reclaim(_arg: u32): void {
  test_run_prepared("reclaim", warm_up, reclaim_cases);
}

/** An address space ends while its pages are in swap, and in the swap cache. */
function exit_cases(): void {
  const mine = new mm_ref();
  const used = new mm_ref();
  const type = swap_on_memory();
  const mm = mm_alloc(mine)!;
  kthread_use_mm(mm, used);
  const base = do_mmap(mm, 0, PAGES * PAGE_SIZE);
  write_all(base, 1);
  reclaim_all(mm);
  for (let n: u32 = 0; n < PAGES; n += 3) expect_equal(u32(get_user(addressOf(word), base + n * PAGE_SIZE)), 0, "some come back");
  expect_true(total_swapcache_pages() !== 0, "their slots stay");
  kthread_unuse_mm(mm, used);
  mmput(mm, mine);
  expect_equal(get_nr_swap_pages(), total_swap_pages, "all slots are free");
  expect_equal(lru_pages(LRU_ACTIVE_ANON) + lru_pages(LRU_INACTIVE_ANON) + total_swapcache_pages(), 0, "no page is left");
  expect_equal(u32(sys_swapoff(u32(type))), 0, "swapoff of an empty device");
  vfree(memory);
}

export function test_reclaim_exit(_arg: u32): void {
  test_run_prepared("reclaim_exit", warm_up, exit_cases);
}

/** What is used between rounds of reclaim stays, what is not goes. */
function lru_cases(): void {
  const mine = new mm_ref();
  const used = new mm_ref();
  const type = swap_on_memory();
  const mm = mm_alloc(mine)!;
  kthread_use_mm(mm, used);
  const base = do_mmap(mm, 0, PAGES * PAGE_SIZE);
  write_all(base, 1);
  let hot: u32 = 0;
  let cold: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    let before = swap_io_stats.pswpin;
    for (let n: u32 = 0; n < HOT; n++) expect_true(get_user(addressOf(word), base + n * PAGE_SIZE + 4 * n) === 0 && word === 1 + n, "a hot page");
    if (round >= ROUNDS / 2) hot += swap_io_stats.pswpin - before;
    before = swap_io_stats.pswpin;
    for (let k: u32 = 0; k < HOT; k++) {
      const n = HOT + (round * HOT + k) % (PAGES - HOT);
      expect_true(get_user(addressOf(word), base + n * PAGE_SIZE + 4 * n) === 0 && word === 1 + n, "a cold page");
    }
    if (round >= ROUNDS / 2) cold += swap_io_stats.pswpin - before;
    // As a CPU that has other things to do in between: what it remembers of A and D is forgotten.
    sfenceVma();
    while (u32(atomic_read(mm.anon_pages)) > PAGES - PAGES / 3) try_to_free_pages(GFP_KERNEL, 0);
  }
  // As many of each were used; hot ones every time, cold ones in turn.
  expect_true(cold >= ROUNDS / 2 * HOT / 3, "cold pages go to swap");
  if (!expect_true(hot < cold / 2, "hot pages stay")) pr_info(`# hot ${hot}, cold ${cold} pages read\n`);
  kthread_unuse_mm(mm, used);
  mmput(mm, mine);
  expect_equal(u32(sys_swapoff(u32(type))), 0, "swapoff");
  vfree(memory);
}

export function test_reclaim_lru(_arg: u32): void {
  test_run_prepared("reclaim_lru", warm_up, lru_cases);
}
