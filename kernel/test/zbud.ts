// zbud: two buddies to a page that keep what was written to them; the oldest page is reclaimed first, and whoever keeps a buddy keeps the
// page; on all CPUs at once, with others freeing what is being evicted.

import { PAGE_SIZE } from "../arch/page.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { EAGAIN, EINVAL, ENOSPC } from "../lib/errno.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "../lib/random.ts";
import { spin_lock, spin_unlock, spinlock_t } from "../locking/spinlock.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../mm/gfp.ts";
import {
  NCHUNKS, zbud_alloc, zbud_create_pool, zbud_destroy_pool, zbud_free, zbud_get_pool_size, ZBUD_MAX_SIZE, zbud_pool, zbud_pool_is_sound,
  zbud_reclaim_page,
} from "../mm/zswap/zbud.ts";
import { cond_resched } from "../sched/core.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const SLOTS = 24;
const ROUNDS = 300;
const HEADER_WORDS = 3;
const RETRIES = 8;

/** What a slot's bytes begin with: which slot it is, so that who evicts finds the owner. */
class slot {
  readonly lock = new spinlock_t();
  /** 0: empty. */
  handle: usize = 0;
  size: u32 = 0;
  stamp: u32 = 0;
}
const slots = new StructArray(slot, SLOTS);
let pool: zbud_pool;
let handle: usize = 0;
/** Evictions asked for, and how many of those are to be refused. */
let evictions: u32 = 0;
let refusals: u32 = 0;
let evicted: u32 = 0;
let damaged: u32 = 0;

/** Slot, stamp, size; then bytes that follow from them. */
function write(s: slot, index: u32): void {
  const words = cast<Ptr<u32>>(s.handle);
  words[0] = index;
  words[1] = s.stamp;
  words[2] = s.size;
  for (let n: u32 = HEADER_WORDS; n < s.size >>> 2; n++) words[n] = s.stamp + n;
}

function reads_well(s: slot, index: u32): boolean {
  const words = cast<Ptr<u32>>(s.handle);
  if (words[0] !== index || words[1] !== s.stamp || words[2] !== s.size) return false;
  for (let n: u32 = HEADER_WORDS; n < s.size >>> 2; n++) if (words[n] !== s.stamp + n) return false;
  return true;
}

/** As zswap's: the header names the owner, who may have let go of the handle meanwhile. */
function evict(from: zbud_pool, which: usize): i32 {
  amoAdd(addressOf(evictions), 1);
  // What is freed now is not taken by others: no page of ours is on a list.
  const index = cast<Ptr<u32>>(which)[0];
  if (READ_ONCE(refusals) !== 0) {
    amoAdd(addressOf(refusals), -1);
    return -EAGAIN;
  }
  cond_resched();
  const s = slots[index];
  spin_lock(s.lock);
  if (s.handle === which) {
    s.handle = 0;
    zbud_free(from, which);
    amoAdd(addressOf(evicted), 1);
  }
  spin_unlock(s.lock);
  return 0;
}

function fill(s: slot, index: u32, size: u32, stamp: u32): boolean {
  s.size = size;
  s.stamp = stamp;
  s.handle = 0;
  if (zbud_alloc(pool, size, GFP_ATOMIC, addressOf(s.handle)) !== 0) return false;
  write(s, index);
  return true;
}

function empty(s: slot): void {
  if (s.handle !== 0) zbud_free(pool, s.handle);
  s.handle = 0;
}

function new_pool(with_evict: boolean): boolean {
  const made = zbud_create_pool(GFP_KERNEL, with_evict ? evict : null);
  if (!expect_true(made !== null, "memory for a pool")) return false;
  pool = made!;
  for (let n: u32 = 0; n < SLOTS; n++) slots[n].handle = 0;
  evictions = 0;
  refusals = 0;
  evicted = 0;
  damaged = 0;
  return true;
}

function same_page(a: usize, b: usize): boolean {
  return (a & ~(PAGE_SIZE - 1)) === (b & ~(PAGE_SIZE - 1));
}

/** Where buddies lie, and which page is taken. */
function places(): void {
  if (!new_pool(false)) return;
  expect_equal(u32(zbud_alloc(pool, 0, GFP_KERNEL, addressOf(handle))), u32(-EINVAL), "nothing");
  expect_equal(u32(zbud_alloc(pool, ZBUD_MAX_SIZE + 1, GFP_KERNEL, addressOf(handle))), u32(-ENOSPC), "too much for a page");
  expect_equal(u32(zbud_reclaim_page(pool, 1)), u32(-EINVAL), "a pool that cannot be reclaimed");
  expect_equal(zbud_get_pool_size(pool), 0, "pages that refusals take");
  expect_true(fill(slots[0], 0, 1000, 1), "a first buddy");
  expect_equal(slots[0].handle & (PAGE_SIZE - 1), 64, "a first buddy begins at the first chunk");
  expect_true(fill(slots[1], 1, ZBUD_MAX_SIZE, 2), "the largest one");
  expect_true(!same_page(slots[0].handle, slots[1].handle), "has a page of its own");
  expect_true(fill(slots[2], 2, 700, 3), "a last buddy");
  expect_true(same_page(slots[0].handle, slots[2].handle), "goes where there is room");
  expect_equal(slots[2].handle & (PAGE_SIZE - 1), PAGE_SIZE - 704, "a last buddy ends with the page, in chunks");
  expect_equal(zbud_get_pool_size(pool), 2, "pages");
  // The fullest page that has room: 47 chunks are free beside slot 0, 13 beside slot 3.
  empty(slots[2]);
  expect_true(fill(slots[3], 3, 64 * (NCHUNKS - 13), 4) && fill(slots[4], 4, 64 * 13, 5), "two that fill a page");
  expect_true(same_page(slots[3].handle, slots[4].handle), "fill one page");
  expect_equal(zbud_get_pool_size(pool), 3, "pages");
  for (let n: u32 = 0; n < 5; n++) if (n !== 2) expect_true(reads_well(slots[n], n), "a buddy keeps what was written");
  expect_true(zbud_pool_is_sound(pool), "lists and counts");
  // The first of two goes: the page stays, and its place is taken again.
  const before = slots[3].handle;
  empty(slots[3]);
  expect_true(fill(slots[3], 3, 64 * (NCHUNKS - 13), 6) && slots[3].handle === before, "the first buddy's place is taken again");
  for (let n: u32 = 0; n < 5; n++) empty(slots[n]);
  expect_equal(zbud_get_pool_size(pool), 0, "pages when all is free");
  expect_true(zbud_pool_is_sound(pool), "lists and counts of nothing");
  zbud_destroy_pool(pool);
}

/** The oldest first; a refusal turns to the next. */
function reclaims(): void {
  if (!new_pool(true)) return;
  expect_equal(u32(zbud_reclaim_page(pool, RETRIES)), u32(-EINVAL), "an empty pool");
  for (let n: u32 = 0; n < 4; n++) expect_true(fill(slots[n], n, 3000, n), "a buddy");
  expect_true(fill(slots[4], 4, 500, 4), "a second buddy makes its page young");
  const page_of_4 = slots[4].handle;
  const partner: u32 = same_page(slots[3].handle, page_of_4) ? 3 : same_page(slots[0].handle, page_of_4) ? 0 : 9;
  expect_true(partner !== 9, "it lies beside the last or the first");
  const oldest: u32 = partner === 0 ? 1 : 0;
  expect_equal(u32(zbud_reclaim_page(pool, 1)), 0, "a page is reclaimed");
  expect_equal(slots[oldest].handle, 0, "the one filled longest ago");
  expect_equal(zbud_get_pool_size(pool), 3, "pages");
  // Two refuse, the third goes.
  refusals = 2;
  evictions = 0;
  expect_equal(u32(zbud_reclaim_page(pool, 3)), 0, "the third one");
  expect_true(evictions >= 3, "is asked after two");
  refusals = 100;
  evictions = 0;
  expect_equal(u32(zbud_reclaim_page(pool, RETRIES)), u32(-EAGAIN), "all refuse");
  expect_equal(evictions, RETRIES, "first buddies asked: one a try");
  expect_true(zbud_pool_is_sound(pool), "those that stay are on their lists");
  refusals = 0;
  expect_equal(u32(zbud_reclaim_page(pool, 0)), u32(-EINVAL), "no try");
  for (let n: u32 = 0; n < 5; n++) {
    if (slots[n].handle !== 0) expect_true(reads_well(slots[n], n), "who stays keeps what was written");
    empty(slots[n]);
  }
  expect_equal(zbud_get_pool_size(pool), 0, "pages at the end");
  zbud_destroy_pool(pool);
}

/** Each thread fills, checks and empties any slot, and reclaims. */
function worker(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 100 + index);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const which = prandom_u32_max(random, SLOTS);
    const s = slots[which];
    const dice = prandom_u32_max(random, 8);
    if (dice === 0) {
      zbud_reclaim_page(pool, 1 + prandom_u32_max(random, 3));
      continue;
    }
    spin_lock(s.lock);
    if (s.handle === 0) fill(s, which, 12 + (prandom_u32_max(random, ZBUD_MAX_SIZE - 12) & ~3), round);
    else if (!reads_well(s, which)) damaged += 1;
    else if (dice > 3) empty(s);
    spin_unlock(s.lock);
  }
}

function together(): void {
  if (!new_pool(true)) return;
  expect_true(run_threads(worker, 2) > 1, "threads");
  expect_equal(damaged, 0, "buddies that others have written to");
  expect_true(evicted > 0, "some were evicted");
  expect_true(zbud_pool_is_sound(pool), "lists and counts after all that");
  for (let n: u32 = 0; n < SLOTS; n++) empty(slots[n]);
  expect_equal(zbud_get_pool_size(pool), 0, "pages at the end");
  zbud_destroy_pool(pool);
}

function zbud_cases(): void {
  places();
  reclaims();
  together();
}

export function test_zbud(_arg: u32): void {
  test_run("zbud", zbud_cases);
}
