// The page allocator: blocks do not overlap, are aligned, keep what was written, merge when they come back; who may take how
// much when memory is short; compound blocks.
//
// With fault_injection compiled a fifth of the allocations of the threads fails on purpose.

import { CONFIG } from "config";
import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { list_for_each_entry } from "../lib/list.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { fail_page_alloc_attr, fail_page_alloc_filter } from "../mm/fault-inject.ts";
import {
  __GFP_COMP, __GFP_MEMALLOC, __GFP_NOFAIL, __GFP_NORETRY, __GFP_NOWARN, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL, GFP_NOWAIT,
} from "../mm/gfp.ts";
import { zone } from "../mm/page/buddy.ts";
import { pcp_count, pcp_high } from "../mm/page/pcp.ts";
import {
  __free_pages, alloc_pages, compound_head, drain_all_pages, get_page, max_low_pfn, MAX_ORDER, mem_map, min_low_pfn, nr_free_pages,
  nth_page, page, page_address, page_to_pfn, PG_buddy, put_page,
} from "../mm/page_alloc.ts";
import { kthread_run } from "../sched/kthread.ts";
import { msleep } from "../sched/timer.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";
import { run_threads } from "./threads.ts";

const SLOTS = 24;
const ROUNDS = 250;
/** Frames that the map of owners covers: 256 MiB. */
const FRAMES = 65536;

/** A bit for each frame that a thread holds. */
const owned = new FixedArray<u32>(FRAMES / 32);
const held = new FixedArray<page | null>(NR_CPUS * SLOTS);
const orders = new FixedArray<u32>(NR_CPUS * SLOTS);
/** Blocks on their way from one thread to another: addresses of pages. */
const exchange = new FixedArray<u32>(4);
let refused: u32 = 0;
let overlaps: u32 = 0;

/** Marks or unmarks the frames of a block as somebody's; counts those that were in that state already. */
function own(p: page, order: u32, taken: boolean): void {
  for (let n: u32 = 0; n < 1 << order; n++) {
    const frame = page_to_pfn(p) - min_low_pfn + n;
    if (frame >= FRAMES) continue;
    const bit = 1 << (frame & 31);
    const old = taken ? amoOr(addressOf(owned[frame >>> 5]), bit) : amoAnd(addressOf(owned[frame >>> 5]), ~bit);
    if (((old & bit) !== 0) === taken) amoAdd(addressOf(overlaps), 1);
  }
}

/** The first and the last word of each page; `write` or compare: whether they are what was written. */
function contents(p: page, order: u32, write: boolean): boolean {
  let same = true;
  for (let n: u32 = 0; n < 1 << order; n++) {
    const va = page_address(nth_page(p, n));
    const words = cast<Ptr<u32>>(va);
    if (write) {
      words[0] = va ^ order;
      words[1023] = ~va;
    } else if (words[0] !== (va ^ order) || words[1023] !== ~va) {
      same = false;
    }
  }
  return same;
}

function give_back(p: page, order: u32): void {
  expect_true(contents(p, order, false), "a block keeps what was written to it");
  own(p, order, false);
  __free_pages(p, order);
}

/** Small orders more often; every order sometimes. */
function random_order(dice: u32): u32 {
  if ((dice & 7) !== 0) return (dice >>> 3) & 1;
  return (dice >>> 3) % MAX_ORDER;
}

function random_gfp(dice: u32): u32 {
  if ((dice & 1) !== 0) return GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
  return (dice & 2) !== 0 ? GFP_ATOMIC | __GFP_NOWARN : GFP_NOWAIT | __GFP_NOWARN;
}

function allocate(slot: u32, dice: u32): void {
  const order = random_order(dice);
  const zero: u32 = order < 2 && (dice & 0x300) === 0 ? __GFP_ZERO : 0;
  const p = alloc_pages(random_gfp(dice >>> 10) | zero, order);
  held[slot] = p;
  if (p === null) {
    amoAdd(addressOf(refused), 1);
    return;
  }
  orders[slot] = order;
  own(p, order, true);
  expect_equal((page_to_pfn(p) - min_low_pfn) & ((1 << order) - 1), 0, "a block is aligned to its size");
  if (zero !== 0) expect_equal(cast<Ptr<u32>>(page_address(p))[512], 0, "__GFP_ZERO clears");
  contents(p, order, true);
}

/** Blocks of one page change hands, so that they are freed on other CPUs. */
function swap_with_others(slot: u32, dice: u32): void {
  if (orders[slot] !== 0) return;
  const other = amoSwap(addressOf(exchange[dice & 3]), addr(held[slot]));
  held[slot] = castOrNull<page>(other);
}

function churn_pages(index: u32): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 128 + index);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const dice = prandom_u32(random);
    const slot = index * SLOTS + (dice >>> 16) % SLOTS;
    const p = held[slot];
    if (p === null) {
      allocate(slot, dice);
    } else if ((dice & 0xf000) === 0) {
      swap_with_others(slot, dice);
    } else {
      give_back(p, orders[slot]);
      held[slot] = null;
    }
  }
  for (let slot = index * SLOTS; slot < (index + 1) * SLOTS; slot++) {
    const p = held[slot];
    if (p !== null) give_back(p, orders[slot]);
    held[slot] = null;
  }
}

/** Every block lies where its list says, none is beside its free buddy, and the counters are right. */
function check_free_lists(): void {
  let pages: u32 = 0;
  let wrong: u32 = 0;
  let unmerged: u32 = 0;
  const flags = raw_spin_lock_irqsave(zone.lock);
  for (let order: u32 = 0; order < MAX_ORDER; order++) {
    let blocks: u32 = 0;
    for (const p of list_for_each_entry(zone.free_area[order].free_list, page, "lru")) {
      const at = page_to_pfn(p) - min_low_pfn;
      if (p.flags !== PG_buddy || p.private !== order || (at & ((1 << order) - 1)) !== 0) wrong += 1;
      const other = at ^ (1 << order);
      const buddy = cast<page>(mem_map + other * sizeof<page>());
      if (order < MAX_ORDER - 1 && other < max_low_pfn - min_low_pfn && buddy.flags === PG_buddy && buddy.private === order) unmerged += 1;
      blocks += 1;
    }
    if (blocks !== zone.free_area[order].nr_free) wrong += 1;
    pages += blocks << order;
  }
  const counted = zone.free_pages;
  raw_spin_unlock_irqrestore(zone.lock, flags);
  expect_equal(wrong, 0, "free blocks or counters that contradict their list");
  expect_equal(unmerged, 0, "free blocks beside their free buddy");
  expect_equal(pages, counted, "pages in the free lists");
}

function churn_cases(): void {
  for (let n: u32 = 0; n < 4; n++) exchange[n] = 0;
  for (let n: u32 = 0; n < NR_CPUS * SLOTS; n++) held[n] = null;
  refused = 0;
  overlaps = 0;
  if (CONFIG.fault_injection) {
    fail_page_alloc_filter(false, 0);
    const attr = fail_page_alloc_attr();
    attr.verbose = 0;
    attr.failures = 0;
    attr.times = -1;
    attr.probability = 20;
  }
  run_threads(churn_pages, 1);
  if (CONFIG.fault_injection) {
    fail_page_alloc_attr().probability = 0;
    fail_page_alloc_filter(true, 1);
    expect_true(fail_page_alloc_attr().failures > ROUNDS / 20, "allocations fail on purpose");
    expect_true(refused >= fail_page_alloc_attr().failures / 2, "those who ask are told");
  }
  for (let n: u32 = 0; n < 4; n++) {
    const p = castOrNull<page>(exchange[n]);
    if (p !== null) give_back(p, 0);
  }
  expect_equal(overlaps, 0, "frames that two blocks held at once");
  for (const cpu of for_each_possible_cpu()) expect_true(pcp_count(cpu) < pcp_high(), "a CPU's list stays below its high mark");
  drain_all_pages();
  for (const cpu of for_each_possible_cpu()) expect_equal(pcp_count(cpu), 0, "pages of a drained CPU");
  check_free_lists();
}

export function test_page_alloc(_arg: u32): void {
  test_run("page_alloc", churn_cases);
}

/** Single pages, linked through their first word. */
let chain: page | null = null;

/** Takes pages until there are no more for `gfp`: how many. */
function take_all(gfp: u32): u32 {
  let taken: u32 = 0;
  for (;;) {
    const p = alloc_pages(gfp | __GFP_NOWARN, 0);
    if (p === null) return taken;
    cast<Ptr<usize>>(page_address(p))[0] = addr(chain);
    chain = p;
    taken += 1;
  }
}

/** Gives `count` of them back. */
function give_chain(count: u32): void {
  for (let n: u32 = 0; n < count; n++) {
    const p = chain;
    if (p === null) return;
    chain = castOrNull<page>(cast<Ptr<usize>>(page_address(p))[0]);
    __free_pages(p, 0);
  }
}

/** The helper is wanted; it has helped. */
let wanted: boolean = false;
let helped: boolean = false;

/** Gives memory back a little after it is wanted, while somebody waits for it. */
function helper(_arg: u32): void {
  while (!READ_ONCE(wanted)) msleep(1);
  msleep(3);
  give_chain(400);
  drain_all_pages();
  WRITE_ONCE(helped, true);
}

/** Somebody else frees while this one waits in alloc_pages. */
function waits_for(gfp: u32, what: string): void {
  WRITE_ONCE(wanted, false);
  WRITE_ONCE(helped, false);
  if (!expect_true(kthread_run(helper, 0, "helper") !== null, "there was memory for a thread")) return;
  take_all(GFP_NOWAIT);
  WRITE_ONCE(wanted, true);
  const p = alloc_pages(gfp, 0);
  expect_true(p !== null, what);
  if (p !== null) __free_pages(p, 0);
  while (!READ_ONCE(helped)) msleep(1);
}

function watermark_cases(): void {
  const min = zone.watermark_min;
  expect_true(min < zone.watermark_low && zone.watermark_low < zone.watermark_high, "min < low < high");
  expect_true(take_all(GFP_KERNEL | __GFP_NORETRY) > 1000, "there is memory");
  drain_all_pages();
  take_all(GFP_KERNEL | __GFP_NORETRY);
  expect_true(nr_free_pages() <= min && nr_free_pages() + pcp_high() > min, "GFP_KERNEL ends at the min watermark");
  expect_true(take_all(GFP_NOWAIT) > 0, "who cannot wait gets more");
  expect_true(take_all(GFP_ATOMIC) > 0, "GFP_ATOMIC gets more still");
  const left = nr_free_pages();
  expect_true(left > 0 && left <= min / 2, "and leaves something");
  expect_true(alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 0) === null, "GFP_ATOMIC fails at once");
  expect_true(take_all(GFP_NOWAIT | __GFP_MEMALLOC) >= left, "__GFP_MEMALLOC gets all");
  give_chain(0xffff_ffff);
  drain_all_pages();
  waits_for(GFP_KERNEL, "GFP_KERNEL waits until somebody frees");
  give_chain(0xffff_ffff);
  waits_for(GFP_KERNEL | __GFP_NOFAIL, "__GFP_NOFAIL does not fail");
  give_chain(0xffff_ffff);
  drain_all_pages();
  check_free_lists();
}

export function test_watermarks(_arg: u32): void {
  test_run("watermarks", watermark_cases);
}

function compound_cases(): void {
  expect_true(alloc_pages(GFP_KERNEL, MAX_ORDER) === null, "no block is larger than the largest");
  const p = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
  if (p === null) {
    expect_true(false, "there is memory");
    return;
  }
  for (let n: u32 = 0; n < 4; n++) expect_true(compound_head(nth_page(p, n)) === p, "every page knows the first");
  const before = nr_free_pages();
  get_page(nth_page(p, 3));
  put_page(p);
  expect_equal(nr_free_pages(), before, "free pages while a reference is left");
  put_page(nth_page(p, 1));
  expect_equal(nr_free_pages(), before + 4, "free pages after the last reference");
  for (let n: u32 = 0; n < 4; n++) expect_equal(nth_page(p, n).flags & ~PG_buddy, 0, "flags of a page that was compound");
}

export function test_compound_page(_arg: u32): void {
  test_run("compound page", compound_cases);
}
