// Flags of user pages: each its own bit, changed under each other's feet; the page lock keeps others out and loses no waiter; waiting for
// writeback; fields and bits that a page must not have when it is freed.
// Needs swap.enabled.

import { atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import {
  ClearPageActive, ClearPageDirty, end_page_writeback, lock_page, page_mapcount, page_mapcount_dec_and_test,
  page_mapcount_inc, page_mapped, PageActive, PageDirty, PageError, PageLocked, PageLRU, PageReclaim, PageReferenced, PageSwapBacked,
  PageSwapCache, PageUptodate, PageWriteback, page_private, set_page_private, set_page_writeback, SetPageActive, SetPageDirty, SetPageError,
  SetPageReferenced, SetPageSwapBacked, SetPageSwapCache, SetPageUptodate, TestClearPageReferenced, TestSetPageReferenced, trylock_page,
  unlock_page, wait_on_page_locked, wait_on_page_writeback, ClearPageSwapCache, ClearPageReferenced,
} from "../mm/memory/page-flags.ts";
import { alloc_pages, type page, put_page } from "../mm/page_alloc.ts";
import { cond_resched, yield_cpu } from "../sched/core.ts";
import { kthread_run } from "../sched/kthread.ts";
import { msleep } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const ROUNDS = 200;
let subject: page | null = null;
/** Inside the page lock; more than one is wrong. */
let inside: u32 = 0;
let intruders: u32 = 0;
let turns: u32 = 0;
const lost = new atomic_t();
const ended = new atomic_t();

function flags_cases(p: page): void {
  SetPageUptodate(p);
  SetPageSwapBacked(p);
  expect_true(PageUptodate(p) && PageSwapBacked(p), "what was set is set");
  expect_true(!PageDirty(p) && !PageLocked(p) && !PageWriteback(p) && !PageReclaim(p) && !PageSwapCache(p), "nothing else is");
  expect_true(!PageLRU(p) && !PageActive(p) && !PageReferenced(p) && !PageError(p), "nothing else is, further up");
  SetPageError(p);
  SetPageActive(p);
  expect_true(PageError(p) && PageActive(p), "the highest bits");
  ClearPageActive(p);
  expect_true(!TestSetPageReferenced(p) && TestSetPageReferenced(p), "TestSet returns the old bit");
  expect_true(TestClearPageReferenced(p) && !TestClearPageReferenced(p), "TestClear returns the old bit");
  SetPageSwapCache(p);
  set_page_private(p, 0x0100_0007);
  expect_equal(page_private(p), 0x0100_0007, "private");
  set_page_private(p, 0);
  ClearPageSwapCache(p);
  expect_equal(u32(page_mapcount(p)), 0, "mapped nowhere");
  page_mapcount_inc(p);
  page_mapcount_inc(p);
  expect_true(page_mapped(p) && !page_mapcount_dec_and_test(p) && page_mapcount_dec_and_test(p), "mapcount");
}

/** Even ones change a bit of their own and see nobody touch it; all meet in the page lock. */
function thread(index: u32): void {
  const p = subject!;
  for (let n: u32 = 0; n < ROUNDS; n++) {
    if (index === 0) {
      SetPageDirty(p);
      if (!PageDirty(p)) atomic_inc(lost);
      ClearPageDirty(p);
      if (PageDirty(p)) atomic_inc(lost);
    } else if (index === 1) {
      SetPageReferenced(p);
      if (!PageReferenced(p)) atomic_inc(lost);
      ClearPageReferenced(p);
    }
    if (n % 3 === 0 && trylock_page(p)) unlock_page(p);
    lock_page(p);
    inside += 1;
    if (inside !== 1) intruders += 1;
    turns += 1;
    if (n % 8 === 0) yield_cpu();
    inside -= 1;
    unlock_page(p);
    if (n % 16 === 0) wait_on_page_locked(p);
    cond_resched();
  }
}

function end_of_io(_arg: u32): void {
  msleep(3);
  atomic_inc(ended);
  end_page_writeback(subject!);
}

function page_flags_cases(): void {
  const p = alloc_pages(GFP_KERNEL, 0);
  if (!expect_true(p !== null, "a page")) return;
  subject = p;
  flags_cases(p!);
  inside = 0;
  intruders = 0;
  turns = 0;
  atomic_set(lost, 0);
  atomic_set(ended, 0);
  const threads = run_threads(thread, 2);
  expect_equal(intruders, 0, "two had the page lock");
  expect_equal(turns, threads * ROUNDS, "turns inside the page lock");
  expect_equal(u32(atomic_read(lost)), 0, "bits that others changed");
  expect_true(!PageLocked(p!), "nobody has the page lock");
  lock_page(p!);
  expect_true(!trylock_page(p!), "a locked page is not locked again");
  expect_true(!set_page_writeback(p!), "writeback begins");
  unlock_page(p!);
  kthread_run(end_of_io, 0, "end_of_io");
  wait_on_page_writeback(p!);
  expect_equal(u32(atomic_read(ended)), 1, "waited until writeback was over");
  expect_true(!PageWriteback(p!), "writeback is over");
  msleep(2);
  put_page(p!);
}

export function test_page_flags(_arg: u32): void {
  test_run("page_flags", page_flags_cases);
}
