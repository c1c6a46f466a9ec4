// frontswap: what a backend is asked and told, and when; what the bit of a slot does.
// Needs swap.enabled.
//
// The backend of these tests keeps the first word of each page, refuses and forgets as it is told to, and counts what it hears.

import { bio, bio_endio, block_device, REQ_OP_READ } from "../block/bio.ts";
import { atomic_read } from "../lib/atomic.ts";
import { ENOMEM } from "../lib/errno.ts";
import { spin_is_locked } from "../locking/spinlock.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import {
  ClearPageDirty, lock_page, page_private, PageDirty, PageUptodate, SetPageSwapBacked, SetPageUptodate, unlock_page,
} from "../mm/memory/page-flags.ts";
import { alloc_pages, page, page_address, put_page } from "../mm/page_alloc.ts";
import { swp_entry_t, swp_offset } from "../mm/swap/entry.ts";
import { frontswap_ops, frontswap_register_ops, frontswap_test, frontswap_tmem_exclusive_gets } from "../mm/swap/frontswap.ts";
import { swap_info } from "../mm/swap/info.ts";
import { swap_writepage } from "../mm/swap/page_io.ts";
import { try_to_free_swap } from "../mm/swap/reuse.ts";
import { add_to_swap, delete_from_swap_cache } from "../mm/swap/swap_state.ts";
import { swap_duplicate, swap_free } from "../mm/swap/swapfile.ts";
import { read_swap_cache_async } from "../mm/swap/swapin.ts";
import { sys_swapoff } from "../mm/swap/swapoff.ts";
import { sys_swapon } from "../mm/swap/swapon.ts";
import { vfree, vzalloc } from "../mm/vmalloc.ts";
import { expect_equal, expect_true, test_run_prepared } from "./tap.ts";

const SLOTS = 16;
/** The device keeps the first word of each page, too. */
const device_words = new FixedArray<u32>(SLOTS);
const device = new block_device();

class backend_state {
  readonly word = new FixedArray<u32>(SLOTS);
  refuses: boolean;
  inits: u32;
  invalidates: u32;
  areas: u32;
  /** The slot's lock was not held when it was told that the slot is free. */
  unlocked: u32;
}
const backend = new backend_state();

function word_of(p: page): Ptr<u32> {
  return cast<Ptr<u32>>(page_address(p));
}

function be_init(_type: u32): void {
  backend.inits += 1;
}

function be_store(_type: u32, offset: u32, p: page): i32 {
  if (backend.refuses) return -ENOMEM;
  backend.word[offset] = word_of(p)[0];
  return 0;
}

function be_load(_type: u32, offset: u32, p: page): i32 {
  word_of(p)[0] = backend.word[offset];
  return 0;
}

function be_invalidate_page(type: u32, offset: u32): void {
  if (!spin_is_locked(swap_info[type].lock)) backend.unlocked += 1;
  backend.word[offset] = 0;
  backend.invalidates += 1;
}

function be_invalidate_area(_type: u32): void {
  backend.areas += 1;
}

const be_ops = new frontswap_ops();

function device_submit(b: bio): void {
  const slot = b.bi_sector >>> 3;
  if (b.bi_opf === REQ_OP_READ) cast<Ptr<u32>>(b.bi_buffer)[0] = device_words[slot];
  else device_words[slot] = cast<Ptr<u32>>(b.bi_buffer)[0];
  bio_endio(b, 0);
}

function warm_up(): void {
  vfree(vzalloc(3 * 4096));
}

/** The locked page goes out, to whoever takes it; locked again. */
function write_out(p: page, value: u32): void {
  word_of(p)[0] = value;
  ClearPageDirty(p);
  swap_writepage(p, null);
  lock_page(p);
}

/** The page leaves the swap cache and comes back by way of its slot; locked. */
function read_again(p: page, e: swp_entry_t): page {
  delete_from_swap_cache(p);
  unlock_page(p);
  put_page(p);
  const q = read_swap_cache_async(e, GFP_KERNEL)!;
  lock_page(q);
  expect_true(PageUptodate(q), "what is read is up to date");
  return q;
}

function store_cases(type: u32): void {
  const sis = swap_info[type];
  const p = alloc_pages(GFP_KERNEL, 0)!;
  lock_page(p);
  SetPageSwapBacked(p);
  SetPageUptodate(p);
  expect_true(add_to_swap(p), "add_to_swap");
  const e = page_private(p);
  const slot = swp_offset(e);
  expect_equal(u32(swap_duplicate(e)), 0, "a user");
  write_out(p, 11);
  expect_true(frontswap_test(sis, slot) && backend.word[slot] === 11 && device_words[slot] === 0, "the backend took it: no I/O");
  let q = read_again(p, e);
  expect_true(word_of(q)[0] === 11 && frontswap_test(sis, slot) && !PageDirty(q), "the backend gives it, and keeps it");
  write_out(q, 12);
  expect_true(backend.word[slot] === 12 && atomic_read(sis.frontswap_pages) === 1, "stored again: one page still");
  backend.refuses = true;
  write_out(q, 13);
  expect_true(!frontswap_test(sis, slot) && backend.invalidates === 1 && device_words[slot] === 13, "refused: bit and old copy go, the device has it");
  q = read_again(q, e);
  expect_equal(word_of(q)[0], 13, "read from the device");
  backend.refuses = false;
  write_out(q, 14);
  frontswap_tmem_exclusive_gets(true);
  q = read_again(q, e);
  frontswap_tmem_exclusive_gets(false);
  expect_true(word_of(q)[0] === 14 && PageDirty(q) && !frontswap_test(sis, slot), "an exclusive get: the page is the only copy, and dirty");
  write_out(q, 15);
  expect_true(frontswap_test(sis, slot), "stored once more");
  backend.unlocked = 0;
  swap_free(e);
  expect_true(try_to_free_swap(q), "the slot is free");
  expect_true(!frontswap_test(sis, slot) && backend.word[slot] === 0 && backend.unlocked === 0, "the backend hears of it with the device's lock held");
  unlock_page(q);
  put_page(q);
  expect_equal(u32(atomic_read(sis.frontswap_pages)), 0, "pages in frontswap");
}

function cases(): void {
  be_ops.init = be_init;
  be_ops.store = be_store;
  be_ops.load = be_load;
  be_ops.invalidate_page = be_invalidate_page;
  be_ops.invalidate_area = be_invalidate_area;
  backend.inits = 0;
  backend.invalidates = 0;
  backend.areas = 0;
  backend.refuses = false;
  for (let n: u32 = 0; n < SLOTS; n++) device_words[n] = 0;
  device.name = "words";
  device.capacity = SLOTS * 8;
  device.submit = device_submit;
  const before = frontswap_register_ops(be_ops);
  const type = sys_swapon(device, SLOTS, 0);
  expect_true(type >= 0 && backend.inits === 1, "a device comes: init");
  store_cases(u32(type));
  expect_true(sys_swapoff(u32(type)) === 0 && backend.areas === 1, "the device goes: invalidate_area");
  frontswap_register_ops(before);
}

export function test_frontswap(_arg: u32): void {
  test_run_prepared("frontswap", warm_up, cases);
}
