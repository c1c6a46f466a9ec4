// User memory: what faults make, what the functions of uaccess refuse, that memory of several address spaces is apart and what one thread
// writes another one reads, that everything comes back; pages that go to swap and come again, by hand and by swapoff.
// Needs swap.enabled.

import { PAGE_SIZE } from "../arch/page.ts";
import { atomic_read } from "../lib/atomic.ts";
import { EEXIST, EFAULT, EINVAL, ENOMEM } from "../lib/errno.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import { copy_from_user, copy_to_user, get_user, put_user } from "../mm/memory/uaccess.ts";
import { TASK_SIZE, TASK_UNMAPPED_BASE } from "../mm/memory/pgtable.ts";
import { do_mmap, do_munmap, IS_ERR_VALUE } from "../mm/memory/vma.ts";
import { mm_alloc, mmput } from "../mm/mm_struct.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { kthread_unuse_mm, kthread_use_mm } from "../sched/mm.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const PAGES = 24;
let word: u32 = 0;
let shared: mm_struct;
let base: usize = 0;
const buffer = new FixedArray<u32>(64);

function read_word(va: usize): u32 {
  word = 0xdead_beef;
  expect_equal(u32(get_user(addressOf(word), va)), 0, "get_user");
  return word;
}

function refusals(mm: mm_struct): void {
  expect_equal(u32(get_user(addressOf(word), base - PAGE_SIZE)), u32(-EFAULT), "nothing is mapped below");
  expect_equal(u32(put_user(1, base + PAGES * PAGE_SIZE)), u32(-EFAULT), "nothing is mapped above");
  expect_equal(u32(get_user(addressOf(word), 0xc000_0000)), u32(-EFAULT), "the kernel's memory is no user's");
  expect_equal(copy_to_user(base + PAGES * PAGE_SIZE - 16, addr(buffer), 64), 48, "copied as far as it goes");
  preempt_disable();
  const atomic = put_user(1, base + 9 * PAGE_SIZE);
  preempt_enable();
  expect_equal(u32(atomic), u32(-EFAULT), "where nobody may sleep nothing comes");
  expect_equal(do_mmap(mm, base + PAGE_SIZE, 1), u32(-EEXIST), "something is there");
  expect_equal(do_mmap(mm, base + 4, 1), u32(-EINVAL), "not the address of a page");
  expect_equal(do_mmap(mm, 0, TASK_SIZE - TASK_UNMAPPED_BASE), u32(-ENOMEM), "not enough room");
  expect_equal(u32(do_munmap(mm, TASK_SIZE, 1)), u32(-EINVAL), "not in the user's half");
}

function fault_cases(): void {
  const mine = new mm_ref();
  const used = new mm_ref();
  const mm = mm_alloc(mine)!;
  expect_equal(u32(get_user(addressOf(word), TASK_UNMAPPED_BASE)), u32(-EFAULT), "without an address space");
  kthread_use_mm(mm, used);
  base = do_mmap(mm, TASK_UNMAPPED_BASE + 16 * PAGE_SIZE, PAGES * PAGE_SIZE - 8);
  expect_true(!IS_ERR_VALUE(base), "do_mmap");
  expect_equal(read_word(base), 0, "new memory is clear");
  for (let n: u32 = 0; n < PAGES; n += 2) expect_equal(u32(put_user(n + 7, base + n * PAGE_SIZE + 4 * n)), 0, "put_user");
  for (let n: u32 = 0; n < PAGES; n += 2) expect_equal(read_word(base + n * PAGE_SIZE + 4 * n), n + 7, "what was written");
  for (let n: u32 = 0; n < 64; n++) buffer[n] = n * n;
  expect_equal(copy_to_user(base + PAGE_SIZE - 128, addr(buffer), 256), 0, "across two pages");
  for (let n: u32 = 0; n < 64; n++) buffer[n] = 0;
  expect_equal(copy_from_user(addr(buffer), base + PAGE_SIZE - 128, 256), 0, "and back");
  for (let n: u32 = 0; n < 64; n++) expect_equal(buffer[n], n * n, "a word of it");
  refusals(mm);
  expect_equal(u32(atomic_read(mm.anon_pages)), PAGES / 2 + 2, "pages that were touched");
  expect_equal(u32(do_munmap(mm, base + 4 * PAGE_SIZE, 2 * PAGE_SIZE)), 0, "a hole in the middle");
  expect_equal(u32(get_user(addressOf(word), base + 5 * PAGE_SIZE)), u32(-EFAULT), "nothing in the hole");
  expect_equal(read_word(base + 6 * PAGE_SIZE + 24), 13, "behind the hole");
  expect_equal(do_mmap(mm, base + 4 * PAGE_SIZE, PAGE_SIZE), base + 4 * PAGE_SIZE, "again in the hole");
  expect_equal(read_word(base + 4 * PAGE_SIZE + 16), 0, "clear again");
  const other = do_mmap(mm, 0, 3 * PAGE_SIZE);
  expect_equal(other, TASK_UNMAPPED_BASE, "the first gap that is large enough");
  expect_equal(u32(do_munmap(mm, base, PAGES * PAGE_SIZE)), 0, "all");
  expect_equal(u32(atomic_read(mm.anon_pages)), 0, "nothing is left");
  kthread_unuse_mm(mm, used);
  mmput(mm, mine);
}

export function test_fault(_arg: u32): void {
  test_run("fault", fault_cases);
}

/** Everybody writes words of their own in all pages, and reads everybody's who was before. */
function sharer(index: u32): void {
  const used = new mm_ref();
  kthread_use_mm(shared, used);
  for (let n: u32 = 0; n < PAGES; n++) {
    const va = base + ((n * 5 + index) % PAGES) * PAGE_SIZE + 4 * index;
    if (put_user(n + 1, va) !== 0) expect_true(false, "put_user of a sharer");
    if (get_user(addressOf(buffer[index]), va) !== 0 || buffer[index] !== n + 1) expect_true(false, "what a sharer has written");
  }
  kthread_unuse_mm(shared, used);
}

function share_cases(): void {
  const mine = new mm_ref();
  const used = new mm_ref();
  shared = mm_alloc(mine)!;
  base = do_mmap(shared, 0, PAGES * PAGE_SIZE);
  const threads = run_threads(sharer, 2);
  expect_equal(u32(atomic_read(shared.anon_pages)), PAGES, "one page each");
  kthread_use_mm(shared, used);
  for (let index: u32 = 0; index < threads; index++)
    for (let n: u32 = 0; n < PAGES; n++) expect_equal(read_word(base + ((n * 5 + index) % PAGES) * PAGE_SIZE + 4 * index), n + 1, "of a sharer");
  kthread_unuse_mm(shared, used);
  mmput(shared, mine);
}

export function test_fault_shared(_arg: u32): void {
  test_run("fault_shared", share_cases);
}
