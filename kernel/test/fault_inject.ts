// Failure injection: interval, probability, times, space and site mean what Linux means; the same seed gives the same failures.
//
// The attributes are tried on one of the test's own. That the allocators ask is tried when fault_injection is compiled
// (test/kernel/mm.test.ts builds such an image).

import { CONFIG } from "config";
import { get_option_u32 } from "../lib/cmdline.ts";
import {
  fail_page_alloc_attr, fail_page_alloc_filter, failslab_attr, failslab_filter, fault_attr, fault_seed, setup_fault_attr, should_fail,
} from "../mm/fault-inject.ts";
import { __GFP_NOFAIL, __GFP_NOWARN, GFP_ATOMIC, GFP_KERNEL } from "../mm/gfp.ts";
import { __get_free_pages, free_pages } from "../mm/page_alloc.ts";
import { kfree, kmalloc } from "../mm/slab.ts";
import { vfree, vmalloc } from "../mm/vmalloc.ts";
import { preempt_disable, preempt_enable } from "../sched/preempt.ts";
import { expect_equal, expect_true, test_run, test_run_prepared } from "./tap.ts";

const TRIES = 64;
/** No more than asking_site has. */
const SITE_BYTES = 40;

/** An attribute that fails always, silently. */
function reset(attr: fault_attr): void {
  attr.probability = 100;
  attr.interval = 1;
  attr.times = -1;
  attr.space = 0;
  attr.verbose = 0;
  attr.stacktrace_depth = 32;
  attr.require_start = 0;
  attr.require_end = 0xffff_ffff;
  attr.reject_start = 0;
  attr.reject_end = 0;
  attr.count = 0;
  attr.failures = 0;
}

/** Bit n of the result: the n-th of 32 attempts of one unit fails. */
function pattern(attr: fault_attr): u32 {
  let bits: u32 = 0;
  for (let n: u32 = 0; n < 32; n++) if (should_fail(attr, 1, true)) bits |= 1 << n;
  return bits;
}

/** Asks from inside a function that has a place of its own. */
function asking_site(attr: fault_attr): boolean {
  "noinline";
  return should_fail(attr, 1, true);
}

function other_site(attr: fault_attr): boolean {
  "noinline";
  return should_fail(attr, 1, true);
}

function site_cases(attr: fault_attr): void {
  // Called through a pointer: the address is that of the function which runs.
  const ask: (attr: fault_attr) => boolean = asking_site;
  reset(attr);
  attr.require_start = addr(ask);
  attr.require_end = attr.require_start + SITE_BYTES;
  expect_true(ask(attr), "the required site fails");
  expect_true(!other_site(attr), "another one does not");
  reset(attr);
  attr.reject_start = addr(ask);
  attr.reject_end = attr.reject_start + SITE_BYTES;
  expect_true(!ask(attr), "the rejected site does not fail");
  expect_true(other_site(attr), "another one does");
}

function attribute_cases(): void {
  const attr = new fault_attr();
  reset(attr);
  expect_equal(pattern(attr), 0xffff_ffff, "a probability of 100");
  attr.probability = 0;
  expect_equal(pattern(attr), 0, "a probability of 0");
  reset(attr);
  attr.interval = 4;
  expect_equal(pattern(attr), 0x8888_8888, "every fourth");
  reset(attr);
  attr.times = 3;
  expect_equal(pattern(attr), 7, "three times");
  expect_equal(attr.failures, 3, "failures counted");
  reset(attr);
  attr.space = 5;
  expect_equal(pattern(attr), 0xffff_fff0, "after five units: the last of them fails already, as in Linux");
  site_cases(attr);
  reset(attr);
  attr.probability = 50;
  preempt_disable();
  fault_seed(7);
  const first = pattern(attr);
  const second = pattern(attr);
  fault_seed(7);
  expect_equal(pattern(attr), first, "the same seed");
  expect_equal(pattern(attr), second, "and on from there");
  fault_seed(8);
  expect_true(pattern(attr) !== first, "another seed, another pattern");
  preempt_enable();
  fault_seed(get_option_u32("seed", 1));
  attr.name = "test";
  expect_true(setup_fault_attr(attr, "2,30,100,-1"), "four numbers");
  expect_true(attr.interval === 2 && attr.probability === 30, "interval and probability");
  expect_true(attr.space === 100 && attr.times === -1, "space and times");
  expect_true(!setup_fault_attr(attr, "2,30,100"), "three numbers are not enough");
}

/** Failures among TRIES attempts. */
function failing_pages(gfp: u32, order: u32): u32 {
  let failed: u32 = 0;
  for (let n: u32 = 0; n < TRIES; n++) {
    const block = __get_free_pages(gfp | __GFP_NOWARN, order);
    if (block === 0) failed += 1;
    free_pages(block, order);
  }
  return failed;
}

function failing_objects(gfp: u32): u32 {
  let failed: u32 = 0;
  for (let n: u32 = 0; n < TRIES; n++) {
    const block = kmalloc(100, gfp | __GFP_NOWARN);
    if (block === 0) failed += 1;
    kfree(block);
  }
  return failed;
}

/** With and without the mechanism compiled: what the attributes say, or nothing. */
function allocator_cases(): void {
  const on: u32 = CONFIG.fault_injection ? 1 : 0;
  const pages = fail_page_alloc_attr();
  reset(pages);
  pages.interval = 2;
  expect_equal(failing_pages(GFP_ATOMIC, 1), on * TRIES / 2, "every second atomic allocation of two pages");
  expect_equal(failing_pages(GFP_KERNEL, 1), 0, "allocations that may sleep are spared");
  expect_equal(failing_pages(GFP_ATOMIC, 0), 0, "single pages are spared");
  fail_page_alloc_filter(false, 0);
  expect_equal(failing_pages(GFP_KERNEL, 0), on * TRIES / 2, "every second page, once they are not");
  expect_equal(failing_pages(GFP_KERNEL | __GFP_NOFAIL, 0), 0, "__GFP_NOFAIL never fails");
  let mapped: u32 = 0;
  for (let n: u32 = 0; n < TRIES; n++) {
    const block = vmalloc(3 * 4096);
    if (block !== 0) mapped += 1;
    vfree(block);
  }
  expect_equal(mapped, (1 - on) * TRIES, "vmalloc of three pages gives back what it had when the second or third fails");
  pages.probability = 0;
  fail_page_alloc_filter(true, 1);
  const objects = failslab_attr();
  reset(objects);
  objects.interval = 2;
  expect_equal(failing_objects(GFP_ATOMIC), on * TRIES / 2, "every second atomic object");
  failslab_filter(false);
  expect_equal(failing_objects(GFP_KERNEL), on * TRIES / 2, "every second object");
  objects.probability = 0;
  failslab_filter(true);
}

export function test_fault_attr(_arg: u32): void {
  test_run("fault_attr", attribute_cases);
}

/** Page tables stay. */
function make_tables(): void {
  vfree(vmalloc(1 << 20));
}

export function test_fault_injection(_arg: u32): void {
  test_run_prepared("fault_injection", make_tables, allocator_cases);
}
