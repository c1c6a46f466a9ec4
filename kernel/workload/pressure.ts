// pressure: more anonymous memory than there is RAM, every byte of it verified.
//
// Threads, free to go anywhere, share address spaces; each has pages of its own in one of them. They read whole pages
// and single words, write whole pages and single words, and unmap pieces and map them again; half of it in a window that moves, so that
// the LRU has something to find. One more, when there is a second CPU, does nothing but use SEATS pages as long as the others work:
// its CPU seldom forgets these translations by itself. What each page should be stands in the kernel's memory (pressure_stamp.ts), and is compared at every read:
// a page that is lost, old, somebody else's or half written is a BUG in the log. At the end all is read once more and
// unmapped, and then no slot of swap, no page of the LRU and none of the swap cache may be left.
//
// Boot parameters:
//   pressure.pages=N      pages in all; default: twice what is free when it begins
//   pressure.threads=N    default: one for each online CPU but one
//   pressure.mms=N        address spaces, default 2
//   pressure.ops=N        operations a page, on the average; default 3
// Run it on one CPU. When it ends it stops the scenario.

import { num_online_cpus } from "../arch/cpumask.ts";
import { PAGE_SIZE } from "../arch/page.ts";
import { scenario_stop } from "../init/scenario.ts";
import { atomic_dec_and_test, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { panic } from "../lib/bug.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { pr_err, pr_info } from "../lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "../lib/random.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { copy_from_user, copy_to_user, get_user, put_user } from "../mm/memory/uaccess.ts";
import { do_mmap, do_munmap, IS_ERR_VALUE } from "../mm/memory/vma.ts";
import { vmstat_show } from "../mm/memory/vmstat.ts";
import { mm_ref } from "../mm/mm_ref/types.ts";
import { mm_alloc, mmput } from "../mm/mm_struct.ts";
import type { mm_struct } from "../mm/mm_types.ts";
import { drain_all_pages, nr_free_pages } from "../mm/page_alloc.ts";
import { kfree, kmalloc } from "../mm/slab.ts";
import { get_nr_swap_pages, total_swap_pages } from "../mm/swap/info.ts";
import { total_swapcache_pages } from "../mm/swap/swap_state.ts";
import { vfree, vzalloc } from "../mm/vmalloc.ts";
import { LRU_ACTIVE_ANON, LRU_INACTIVE_ANON, lru_pages } from "../mm/vmscan/lru.ts";
import { complete, completion, init_completion, wait_for_completion } from "../sched/completion.ts";
import { cond_resched, yield_cpu } from "../sched/core.ts";
import { kthread_run } from "../sched/kthread.ts";
import { kthread_unuse_mm, kthread_use_mm } from "../sched/mm.ts";
import { msleep } from "../sched/timer.ts";
import { expected_word, fill_page, first_wrong_word, page_stamp, say_what_is_wrong, say_wrong_word, TOUCHES_WORD, WORDS } from "./pressure_stamp.ts";

const MMS_MAX = 8;
/** Pages that are unmapped together, and the hot window. */
const PIECE = 8;
const WINDOW = 32;
/** Pages of the one that sits, and how often it uses one of them between two looks at the others. */
const SEATS = 8;
const SITS = 64;
/** What is wrong and told; the rest is counted. */
const REPORTS = 8;

class pressure_mm {
  mm: mm_struct | null;
  base: usize;
  readonly ref = new mm_ref();
}

/** What a page should be: version in the low half, touches in the high one. Written by its thread alone. */
let stamps: Ptr<u32>;
const mms = new StructArray(pressure_mm, MMS_MAX);
let nr_mms: u32 = 0;
let pages_each: u32 = 0;
let ops_each: u32 = 0;
let wrong: u32 = 0;
const running = new atomic_t();
const all_done = new completion();

/** A thread at work. */
class pressure_thread {
  readonly random = new prandom_state();
  readonly stamp = new page_stamp();
  buffer: usize;
  /** First of its pages: the number in the stamps, and the address. */
  first: u32;
  base: usize;
}

/** Something is wrong; true: there is room for a report. */
function note_wrong(): boolean {
  return amoAdd(addressOf(wrong), 1) < REPORTS;
}

function load_stamp(t: pressure_thread, n: u32): page_stamp {
  const s = t.stamp;
  s.number = t.first + n;
  s.version = stamps[s.number] & 0xffff;
  s.touches = stamps[s.number] >>> 16;
  return s;
}

function access_failed(what: string, s: page_stamp): void {
  "noinline";
  if (note_wrong()) pr_err("BUG: pressure: %s of page %u failed: out of memory?\n", what, s.number);
}

function read_page(t: pressure_thread, n: u32): void {
  const s = load_stamp(t, n);
  if (copy_from_user(t.buffer, t.base + n * PAGE_SIZE, PAGE_SIZE) !== 0) access_failed("a read", s);
  else if (first_wrong_word(cast<Ptr<u32>>(t.buffer), s) !== WORDS && note_wrong()) say_what_is_wrong(cast<Ptr<u32>>(t.buffer), s);
}

function write_page(t: pressure_thread, n: u32): void {
  const s = load_stamp(t, n);
  s.version = s.version === 0xffff ? 1 : s.version + 1;
  s.touches = 0;
  fill_page(cast<Ptr<u32>>(t.buffer), s);
  if (copy_to_user(t.base + n * PAGE_SIZE, t.buffer, PAGE_SIZE) !== 0) access_failed("a write", s);
  stamps[s.number] = s.version;
}

/** One word is read, and for a page that has contents another one written. */
function touch_page(t: pressure_thread, n: u32): void {
  const s = load_stamp(t, n);
  const word = prandom_u32_max(t.random, WORDS);
  const va = t.base + n * PAGE_SIZE;
  const found = cast<Ptr<u32>>(t.buffer);
  if (get_user(found, va + 4 * word) !== 0) {
    access_failed("a read", s);
  } else if (found[0] !== expected_word(s, word)) {
    if (note_wrong()) say_wrong_word(s, word, found[0]);
  }
  if (s.version === 0) return;
  if (s.touches === 0xffff) {
    write_page(t, n);
    return;
  }
  if (put_user(s.touches + 1, va + 4 * TOUCHES_WORD) !== 0) access_failed("a write", s);
  stamps[s.number] = s.version | ((s.touches + 1) << 16);
}

/** A piece goes, and comes back empty. */
function remap_piece(t: pressure_thread, mm: mm_struct, n: u32): void {
  const first = n & ~(PIECE - 1);
  if (first + PIECE > pages_each) return;
  const va = t.base + first * PAGE_SIZE;
  for (let k: u32 = 0; k < PIECE; k++) stamps[t.first + first + k] = 0;
  if (do_munmap(mm, va, PIECE * PAGE_SIZE) !== 0 || do_mmap(mm, va, PIECE * PAGE_SIZE) !== va) access_failed("unmapping", load_stamp(t, first));
}

function work(t: pressure_thread, mm: mm_struct): void {
  for (let n: u32 = 0; n < pages_each; n++) {
    write_page(t, n);
    cond_resched();
  }
  for (let op: u32 = 0; op < ops_each; op++) {
    const window = (op >>> 7) * WINDOW % pages_each;
    const n = (op & 1) === 0 ? prandom_u32_max(t.random, pages_each) : (window + prandom_u32_max(t.random, WINDOW)) % pages_each;
    const dice = prandom_u32_max(t.random, 100);
    if (dice < 40) read_page(t, n);
    else if (dice < 70) write_page(t, n);
    else if (dice < 98) touch_page(t, n);
    else remap_piece(t, mm, n);
    cond_resched();
  }
  for (let n: u32 = 0; n < pages_each; n++) {
    read_page(t, n);
    cond_resched();
  }
}

function pressure_worker(index: u32): void {
  const t = new pressure_thread();
  const used = new mm_ref();
  const place = mms[index % nr_mms];
  prandom_seed(t.random, get_option_u32("seed", 1) * 0x9e37_79b9 + index);
  t.buffer = kmalloc(PAGE_SIZE, GFP_KERNEL);
  t.first = index * pages_each;
  t.base = place.base + index / nr_mms * pages_each * PAGE_SIZE;
  if (t.buffer === 0) {
    pr_err("BUG: pressure: no memory for a thread\n");
    note_wrong();
  } else {
    kthread_use_mm(place.mm!, used);
    work(t, place.mm!);
    kthread_unuse_mm(place.mm!, used);
    kfree(t.buffer);
  }
  if (atomic_dec_and_test(running)) complete(all_done);
}

/** On its pages, which are the last in the table of stamps, until everybody else has ended. */
function pressure_sitter(number: u32): void {
  const t = new pressure_thread();
  const used = new mm_ref();
  const mm = mms[0].mm!;
  prandom_seed(t.random, number);
  t.buffer = kmalloc(PAGE_SIZE, GFP_KERNEL);
  t.first = number;
  t.base = do_mmap(mm, 0, SEATS * PAGE_SIZE);
  if (t.buffer === 0 || IS_ERR_VALUE(t.base)) panic("pressure: no memory for a few pages");
  kthread_use_mm(mm, used);
  for (let n: u32 = 0; n < SEATS; n++) write_page(t, n);
  while (atomic_read(running) !== 1) {
    for (let n: u32 = 0; n < SITS; n++) touch_page(t, n % SEATS);
    yield_cpu();
  }
  for (let n: u32 = 0; n < SEATS; n++) read_page(t, n);
  kthread_unuse_mm(mm, used);
  kfree(t.buffer);
  if (atomic_dec_and_test(running)) complete(all_done);
}

/** Address spaces with room for the threads' pages. */
function make_mms(threads: u32): void {
  nr_mms = get_option_u32("pressure.mms", 2);
  if (nr_mms > MMS_MAX) nr_mms = MMS_MAX;
  if (nr_mms > threads) nr_mms = threads;
  for (let n: u32 = 0; n < nr_mms; n++) {
    mms[n].mm = mm_alloc(mms[n].ref);
    if (mms[n].mm === null) panic("pressure: no memory for an address space");
    mms[n].base = do_mmap(mms[n].mm!, 0, (threads + nr_mms - 1) / nr_mms * pages_each * PAGE_SIZE);
    if (IS_ERR_VALUE(mms[n].base)) panic("pressure: no room for %u pages", threads * pages_each);
  }
}

/** Nothing of it may be left; writes that are under way may have some pages still. */
function check_leftovers(): void {
  let pages: u32 = 0;
  for (let round: u32 = 0; round < 20; round++) {
    pages = lru_pages(LRU_ACTIVE_ANON) + lru_pages(LRU_INACTIVE_ANON) + total_swapcache_pages();
    if (pages === 0 && get_nr_swap_pages() === total_swap_pages) return;
    msleep(5);
  }
  pr_err("BUG: pressure: %u slots of swap, %u pages of users are left\n", total_swap_pages - get_nr_swap_pages(), pages);
  note_wrong();
}

/** All of it once; false: something was wrong. */
export function pressure_round(): boolean {
  drain_all_pages();
  const free = nr_free_pages();
  const pages = get_option_u32("pressure.pages", 2 * free);
  const sitter: u32 = num_online_cpus() > 1 ? 1 : 0;
  const threads = get_option_u32("pressure.threads", num_online_cpus() - sitter);
  pages_each = pages / threads;
  ops_each = pages_each * get_option_u32("pressure.ops", 3);
  const table = vzalloc((pages + SEATS) * 4);
  if (threads === 0 || pages_each < WINDOW || table === 0) panic("pressure: %u pages for %u threads", pages, threads);
  stamps = cast<Ptr<u32>>(table);
  make_mms(threads);
  pr_info("pressure: %u pages in %u address spaces for %u threads; %u pages are free, %u slots of swap\n", pages_each * threads, nr_mms, threads,
    free, get_nr_swap_pages());
  init_completion(all_done);
  atomic_set(running, i32(threads + sitter));
  for (let n: u32 = 0; n < threads; n++) if (kthread_run(pressure_worker, n, "pressure") === null) panic("pressure: no memory for a thread");
  if (sitter !== 0 && kthread_run(pressure_sitter, pages, "pressure_sitter") === null) panic("pressure: no memory for a thread");
  wait_for_completion(all_done);
  for (let n: u32 = 0; n < nr_mms; n++) mmput(mms[n].mm!, mms[n].ref);
  vfree(table);
  check_leftovers();
  return wrong === 0;
}

export function pressure(_arg: u32): void {
  const right = pressure_round();
  vmstat_show();
  if (right) pr_info("pressure: every read was right\n");
  else pr_err("BUG: pressure: %u reads were wrong\n", wrong);
  scenario_stop();
}
