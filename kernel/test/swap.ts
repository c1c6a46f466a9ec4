// Swap: the table of what may be done to a slot, entry by entry; the swap cache; a page's way to its slot and back; swapoff.
// Needs swap.enabled.
//
// The device of these tests is a piece of memory whose transfers end at once.

import { bio, bio_endio, block_device, REQ_OP_READ } from "../block/bio.ts";
import { atomic_read } from "../lib/atomic.ts";
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from "../lib/errno.ts";
import { memcpy } from "../lib/string.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import {
  ClearPageDirty, lock_page, page_private, PageDirty, PageLocked, PageSwapCache, PageUptodate, PageWriteback, SetPageSwapBacked,
  SetPageUptodate, trylock_page, unlock_page,
} from "../mm/memory/page-flags.ts";
import { alloc_pages, page, page_address, put_page } from "../mm/page_alloc.ts";
import { add_swap_count_continuation } from "../mm/swap/continuation.ts";
import { COUNT_CONTINUED, SWAP_HAS_CACHE, SWAP_MAP_BAD, SWAP_MAP_MAX, swp_entry, swp_entry_t, swp_offset, swp_type } from "../mm/swap/entry.ts";
import { get_nr_swap_pages, swap_info, total_swap_pages, vm_swap_full } from "../mm/swap/info.ts";
import { swap_writepage } from "../mm/swap/page_io.ts";
import { free_swap_and_cache, reuse_swap_page, try_to_free_swap } from "../mm/swap/reuse.ts";
import { add_to_swap, delete_from_swap_cache, lookup_swap_cache, total_swapcache_pages } from "../mm/swap/swap_state.ts";
import { get_swap_page, page_swapcount, swap_duplicate, swap_free, swapcache_free, swapcache_prepare } from "../mm/swap/swapfile.ts";
import { read_swap_cache_async } from "../mm/swap/swapin.ts";
import { sys_swapoff } from "../mm/swap/swapoff.ts";
import { sys_swapon } from "../mm/swap/swapon.ts";
import { vfree, vzalloc } from "../mm/vmalloc.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { expect_equal, expect_true, test_run_prepared } from "./tap.ts";
import { run_threads } from "./threads.ts";

const SLOTS = 64;
const memory_bdev = new block_device();
let memory: usize = 0;

function memory_submit(b: bio): void {
  const at = memory + (b.bi_sector << 9);
  if (b.bi_opf === REQ_OP_READ) memcpy(b.bi_buffer, at, b.bi_size);
  else memcpy(at, b.bi_buffer, b.bi_size);
  bio_endio(b, 0);
}

/** vmalloc keeps page tables. */
function warm_up(): void {
  vfree(vzalloc(2 * SLOTS * 4096));
}

function run(name: string, body: () => void): void {
  test_run_prepared(name, warm_up, body);
}

/** A swap device of SLOTS slots; its type. */
function swap_begin(): u32 {
  memory = vzalloc(SLOTS * 4096);
  memory_bdev.name = "memory";
  memory_bdev.capacity = SLOTS * 8;
  memory_bdev.submit = memory_submit;
  const type = sys_swapon(memory_bdev, SLOTS, 0);
  expect_true(memory !== 0 && type >= 0, "swapon");
  return u32(type);
}

function swap_end(type: u32): void {
  expect_equal(u32(sys_swapoff(type)), 0, "swapoff of an empty device");
  vfree(memory);
}

function byte_of(entry: swp_entry_t): u32 {
  return swap_info[swp_type(entry)].swap_map[swp_offset(entry)];
}

function expect_call(got: i32, expected: i32, what: string): void {
  expect_equal(u32(got), u32(expected), what);
}

// ---- the table ----

function slot_table_cases(): void {
  const type = swap_begin();
  expect_equal(byte_of(swp_entry(type, 0)), SWAP_MAP_BAD, "slot 0");
  expect_call(swap_duplicate(swp_entry(type, 0)), -ENOENT, "a user more of a bad slot");
  const e = get_swap_page();
  expect_true(e !== 0 && swp_type(e) === type && swp_offset(e) !== 0, "get_swap_page finds a slot");
  expect_equal(byte_of(e), SWAP_HAS_CACHE, "get_swap_page");
  expect_call(swapcache_prepare(e), -EEXIST, "swapcache_prepare, only HAS_CACHE");
  expect_call(swap_duplicate(e), 0, "swap_duplicate with HAS_CACHE alone");
  expect_equal(byte_of(e), SWAP_HAS_CACHE | 1, "swap_duplicate with HAS_CACHE alone");
  expect_call(swapcache_prepare(e), -EEXIST, "swapcache_prepare, users and HAS_CACHE");
  swapcache_free(e, null);
  expect_equal(byte_of(e), 1, "swapcache_free with a user");
  expect_call(swap_duplicate(e), 0, "swap_duplicate with users alone");
  expect_equal(byte_of(e), 2, "swap_duplicate with users alone");
  expect_call(swapcache_prepare(e), 0, "swapcache_prepare with users alone");
  expect_equal(byte_of(e), SWAP_HAS_CACHE | 2, "swapcache_prepare with users alone");
  swap_free(e);
  swap_free(e);
  expect_equal(byte_of(e), SWAP_HAS_CACHE, "swap_free of the last user, HAS_CACHE");
  swapcache_free(e, null);
  expect_equal(byte_of(e), 0, "swapcache_free without users: free");
  expect_call(swap_duplicate(e), -ENOENT, "swap_duplicate of a free slot");
  expect_call(swapcache_prepare(e), -ENOENT, "swapcache_prepare of a free slot");
  expect_call(swapcache_prepare(swp_entry(type, SLOTS)), -EINVAL, "swapcache_prepare behind the end");
  expect_call(swapcache_prepare(swp_entry(3, 1)), -EINVAL, "swapcache_prepare without a device");
  swap_end(type);
}

/** More users than a byte counts. */
function continuation_cases(): void {
  const type = swap_begin();
  const e = get_swap_page();
  swapcache_prepare_and_forget(e);
  for (let n: u32 = 0; n < SWAP_MAP_MAX; n++) expect_call(swap_duplicate(e), 0, "a user more");
  expect_equal(byte_of(e), SWAP_HAS_CACHE | SWAP_MAP_MAX, "as many users as the byte counts");
  expect_call(swap_duplicate(e), -ENOMEM, "one more than the byte counts");
  expect_call(add_swap_count_continuation(e, GFP_KERNEL), 0, "a continuation");
  expect_call(add_swap_count_continuation(e, GFP_KERNEL), 0, "a second continuation");
  const more: u32 = 3 * SWAP_MAP_MAX;
  for (let n: u32 = 0; n < more; n++) expect_call(swap_duplicate(e), 0, "a user more, continued");
  expect_equal(byte_of(e), COUNT_CONTINUED | SWAP_HAS_CACHE | SWAP_MAP_MAX, "four times as many users");
  for (let n: u32 = 0; n < more; n++) swap_free(e);
  expect_equal(byte_of(e), SWAP_HAS_CACHE | SWAP_MAP_MAX, "back to what the byte counts");
  for (let n: u32 = 0; n < SWAP_MAP_MAX; n++) swap_free(e);
  expect_equal(byte_of(e), SWAP_HAS_CACHE, "no users");
  swapcache_free(e, null);
  expect_equal(byte_of(e), 0, "free");
  swap_end(type);
}

function swapcache_prepare_and_forget(e: swp_entry_t): void {
  expect_call(swapcache_prepare(e), -EEXIST, "HAS_CACHE is set once");
}

/** All slots are given out once, and counted. */
function all_slots_cases(): void {
  const type = swap_begin();
  const taken = new slots();
  expect_equal(get_nr_swap_pages(), SLOTS - 1, "free slots at first");
  for (let n: u32 = 0; n < SLOTS; n++) taken.seen[n] = 0;
  for (let n: u32 = 1; n < SLOTS; n++) {
    expect_true(vm_swap_full() === (2 * (SLOTS - n) < SLOTS - 1), "vm_swap_full");
    taken.seen[swp_offset(get_swap_page())] += 1;
  }
  for (let n: u32 = 1; n < SLOTS; n++) expect_equal(taken.seen[n], 1, "each slot is taken once");
  expect_equal(taken.seen[0], 0, "slot 0");
  expect_equal(get_swap_page(), 0, "swap is full");
  expect_equal(get_nr_swap_pages(), 0, "free slots, full");
  for (let n: u32 = 1; n < SLOTS; n++) swapcache_free(swp_entry(type, n), null);
  expect_equal(get_nr_swap_pages(), SLOTS - 1, "free slots in the end");
  expect_equal(total_swap_pages, SLOTS - 1, "slots");
  swap_end(type);
  expect_equal(total_swap_pages + get_nr_swap_pages(), 0, "slots without a device");
}

class slots {
  readonly seen = new FixedArray<u32>(SLOTS);
}

export function test_swap_map(_arg: u32): void {
  run("swap_map", slot_table_cases);
}

export function test_swap_continuation(_arg: u32): void {
  run("swap_continuation", continuation_cases);
}

export function test_swap_slots(_arg: u32): void {
  run("swap_slots", all_slots_cases);
}

// ---- pages ----

/** An anonymous page, locked and up to date, with `value` in its first and last word. */
function anonymous_page(value: u32): page {
  const p = alloc_pages(GFP_KERNEL, 0)!;
  lock_page(p);
  SetPageSwapBacked(p);
  SetPageUptodate(p);
  fill(p, value);
  return p;
}

function fill(p: page, value: u32): void {
  const words = cast<Ptr<u32>>(page_address(p));
  words[0] = value;
  words[1023] = ~value;
}

function holds(p: page, value: u32): boolean {
  const words = cast<Ptr<u32>>(page_address(p));
  return words[0] === value && words[1023] === ~value;
}

/** One page out and in again, with every state on the way. */
function there_and_back_cases(): void {
  const type = swap_begin();
  const p = anonymous_page(7);
  expect_true(add_to_swap(p), "add_to_swap");
  const e = page_private(p);
  expect_true(PageSwapCache(p) && PageDirty(p) && atomic_read(p._count) === 2, "in the swap cache: dirty, with its reference");
  expect_equal(total_swapcache_pages(), 1, "pages in the swap cache");
  expect_true(lookup_swap_cache(e) === p, "lookup_swap_cache finds it");
  put_page(p);
  expect_call(swap_duplicate(e), 0, "a page table holds the entry");
  expect_equal(page_swapcount(p), 1, "page_swapcount");
  expect_true(!try_to_free_swap(p), "try_to_free_swap while the slot has a user");
  ClearPageDirty(p);
  expect_call(swap_writepage(p, null), 0, "swap_writepage");
  expect_true(!PageLocked(p) && !PageWriteback(p), "written, unlocked");
  lock_page(p);
  delete_from_swap_cache(p);
  expect_true(!PageSwapCache(p) && byte_of(e) === 1 && atomic_read(p._count) === 1, "out of the swap cache");
  unlock_page(p);
  put_page(p);
  expect_true(lookup_swap_cache(e) === null, "lookup_swap_cache of a slot without a page");
  const q = read_swap_cache_async(e, GFP_KERNEL)!;
  lock_page(q);
  expect_true(PageUptodate(q) && holds(q, 7) && byte_of(e) === (SWAP_HAS_CACHE | 1), "read back");
  expect_true(read_swap_cache_async(e, GFP_KERNEL) === q, "the second reader finds the page");
  put_page(q);
  free_swap_and_cache_while_locked(e, q);
  swap_end(type);
}

/** What a write fault asks: whether the page is its own. */
function reuse_cases(): void {
  const type = swap_begin();
  const p = anonymous_page(5);
  expect_true(reuse_swap_page(p), "a page that is not in the swap cache");
  expect_true(add_to_swap(p), "add_to_swap");
  const e = page_private(p);
  expect_call(swap_duplicate(e), 0, "a user");
  expect_call(swap_duplicate(e), 0, "another");
  expect_true(!reuse_swap_page(p) && PageSwapCache(p), "two users of the slot: not the caller's alone");
  swap_free(e);
  ClearPageDirty(p);
  expect_true(reuse_swap_page(p), "one user of the slot, which is the caller");
  expect_true(!PageSwapCache(p) && PageDirty(p) && byte_of(e) === 1, "the page has left the swap cache, the user still has the slot");
  swap_free(e);
  expect_equal(byte_of(e), 0, "free");
  unlock_page(p);
  put_page(p);
  swap_end(type);
}

/** The last user goes while the page is locked: it stays in the cache; who unlocks it frees the slot. */
function free_swap_and_cache_while_locked(e: swp_entry_t, q: page): void {
  free_swap_and_cache(e);
  expect_true(PageSwapCache(q) && byte_of(e) === SWAP_HAS_CACHE, "a locked page stays in the swap cache");
  expect_true(try_to_free_swap(q) && PageDirty(q) && byte_of(e) === 0, "try_to_free_swap of an unused slot");
  unlock_page(q);
  put_page(q);
}

/** Nobody uses the slot any more when the page is to be written; or the page is not locked when the last user goes. */
function unused_cases(): void {
  const type = swap_begin();
  const p = anonymous_page(1);
  expect_true(add_to_swap(p), "add_to_swap");
  const e = page_private(p);
  expect_call(swap_writepage(p, null), 0, "swap_writepage of a page whose slot nobody uses");
  expect_true(!PageSwapCache(p) && !PageLocked(p) && byte_of(e) === 0, "it has left the swap cache instead");
  lock_page(p);
  expect_true(add_to_swap(p), "add_to_swap again");
  const f = page_private(p);
  expect_call(swap_duplicate(f), 0, "a user");
  unlock_page(p);
  free_swap_and_cache(f);
  expect_true(!PageSwapCache(p) && trylock_page(p) && byte_of(f) === 0, "the last user takes the page out of the swap cache");
  unlock_page(p);
  put_page(p);
  expect_true(read_swap_cache_async(f, GFP_KERNEL) === null, "no page for a slot that is free");
  swap_end(type);
}

export function test_swap_page(_arg: u32): void {
  run("swap_page", there_and_back_cases);
}

export function test_swap_reuse(_arg: u32): void {
  run("swap_reuse", reuse_cases);
}

export function test_swap_unused(_arg: u32): void {
  run("swap_unused", unused_cases);
}

// ---- many at once ----

const ENTRIES = 24;
const ROUNDS = 150;
/** Entries that have a user each, and the value of its page; taken and put by exchange. */
const parked = new FixedArray<u32>(ENTRIES);

/** A page with the entry as contents goes out. */
function swap_out(value: u32): swp_entry_t {
  const p = anonymous_page(value);
  let e: swp_entry_t = 0;
  if (add_to_swap(p)) {
    e = page_private(p);
    fill(p, e);
    expect_call(swap_duplicate(e), 0, "a user of a page in the swap cache");
    ClearPageDirty(p);
    swap_writepage(p, null);
    lock_page(p);
    if ((value & 1) !== 0 && PageSwapCache(p) && !PageWriteback(p)) delete_from_swap_cache(p);
  }
  unlock_page(p);
  put_page(p);
  return e;
}

/** It comes back and must say its own name; the user goes. */
function swap_in(e: swp_entry_t): void {
  const p = read_swap_cache_async(e, GFP_KERNEL);
  if (!expect_true(p !== null, "a slot with a user has a page")) return;
  lock_page(p!);
  expect_true(PageUptodate(p!) && holds(p!, e), "what comes back is what went out");
  swap_free(e);
  try_to_free_swap(p!);
  unlock_page(p!);
  put_page(p!);
}

function churn_slots(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const dice = prandom_u32(random);
    const mine = (dice & 3) === 0 ? 0 : swap_out(dice >>> 8);
    const other = amoSwap(addressOf(parked[(dice >>> 16) % ENTRIES]), mine);
    if (other === 0) continue;
    if ((dice & 4) !== 0) free_swap_and_cache(other);
    else swap_in(other);
  }
}

function many_cases(): void {
  const type = swap_begin();
  for (let n: u32 = 0; n < ENTRIES; n++) parked[n] = 0;
  run_threads(churn_slots, 2);
  for (let n: u32 = 0; n < ENTRIES; n++) if (parked[n] !== 0) swap_in(parked[n]);
  expect_true(total_swapcache_pages() <= SLOTS - 1, "no more pages in the swap cache than slots");
  swap_end(type);
  expect_equal(total_swapcache_pages(), 0, "pages in the swap cache without a device");
}

export function test_swap_many(_arg: u32): void {
  run("swap_many", many_cases);
}

// ---- swapon, swapoff ----

function swapoff_cases(): void {
  const type = swap_begin();
  expect_call(sys_swapon(memory_bdev, SLOTS, 0), -EBUSY, "the same device twice");
  expect_call(sys_swapon(memory_bdev, SLOTS + 1, 0), -EINVAL, "more slots than the device has");
  expect_call(sys_swapon(memory_bdev, 1, 0), -EINVAL, "slot 0 alone");
  expect_call(sys_swapoff(type + 1), -EINVAL, "swapoff of nothing");
  const p = anonymous_page(3);
  expect_true(add_to_swap(p), "add_to_swap");
  const e = page_private(p);
  expect_call(swap_duplicate(e), 0, "a user that swapoff does not know");
  unlock_page(p);
  expect_call(sys_swapoff(type), -EBUSY, "swapoff while somebody keeps a slot");
  const q = read_swap_cache_async(e, GFP_KERNEL)!;
  lock_page(q);
  expect_true(holds(q, 3), "what swapoff wrote");
  unlock_page(q);
  put_page(q);
  swap_free(e);
  expect_call(sys_swapoff(type), 0, "swapoff");
  expect_true(lookup_swap_cache(e) === null, "an entry of a device that is gone");
  put_page(p);
  vfree(memory);
}

export function test_swapoff(_arg: u32): void {
  run("swapoff", swapoff_cases);
}
