// kmemleak's hooks one by one: what each leaves in the object of its block; and the commands of the control file that can be taken back.

import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { __pa, PAGE_SIZE } from "../arch/page.ts";
import { EINVAL } from "../lib/errno.ts";
import { snprintf } from "../lib/vsprintf.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import {
  kmemleak_alloc, kmemleak_alloc_phys, kmemleak_alloc_recursive, kmemleak_enabled, kmemleak_erase, kmemleak_free, kmemleak_free_part,
  kmemleak_free_part_phys, kmemleak_free_recursive, kmemleak_ignore, kmemleak_ignore_phys, kmemleak_no_scan, kmemleak_not_leak, kmemleak_not_leak_phys,
  kmemleak_scan_area, kmemleak_set_excess_ref, kmemleak_update_trace,
} from "../mm/kmemleak.ts";
import { kmemleak_write } from "../mm/kmemleak/control.ts";
import { EXCESS_REF, HAS_CLEAR, HAS_COMMANDS } from "../mm/kmemleak/design.ts";
import { find_and_get_object } from "../mm/kmemleak/lookup.ts";
import { KMEMLEAK_BLACK, KMEMLEAK_GREY, kmemleak_object, OBJECT, put_object } from "../mm/kmemleak/object.ts";
import { stack_scan } from "../mm/kmemleak/state.ts";
import { __get_free_pages, free_pages } from "../mm/page_alloc.ts";
import { __alloc_percpu, free_percpu, per_cpu_ptr } from "../mm/percpu.ts";
import { SLAB_NOLEAKTRACE } from "../mm/slab.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

/** A page that no allocator tells kmemleak of. */
let page: usize = 0;

function tracked(ptr: usize): boolean {
  const object = find_and_get_object(ptr, false);
  if (object === null) return false;
  put_object(object);
  return true;
}

/** The object of a block that is there; it stays, since nobody else frees the block. */
function object_of(ptr: usize): kmemleak_object {
  const object = find_and_get_object(ptr, false)!;
  put_object(object);
  return object;
}

function expect_block(ptr: usize, size: usize, min_count: i32): void {
  if (!expect_true(tracked(ptr), "a block is tracked")) return;
  const object = object_of(ptr);
  expect_equal(object.size, size, "its size");
  expect_equal(u32(object.min_count), u32(min_count), "hits that it needs");
}

function marks(): void {
  kmemleak_alloc(page, 256, 1, GFP_KERNEL);
  expect_block(page, 256, 1);
  kmemleak_no_scan(page);
  expect_true((object_of(page).flags & OBJECT.NO_SCAN) !== 0, "no_scan: not read");
  kmemleak_scan_area(page + 16, 8, GFP_KERNEL);
  kmemleak_scan_area(page + 128, 0xffff_ffff, GFP_KERNEL);
  const area = object_of(page).areas!;
  expect_equal(area.start, page + 128, "the last area");
  expect_equal(area.size, 128, "reaches to the end");
  expect_equal(area.next!.start, page + 16, "the first area");
  kmemleak_set_excess_ref(page, page + 512);
  expect_equal(object_of(page).excess_ref, EXCESS_REF ? page + 512 : 0, "excess_ref");
  kmemleak_not_leak(page);
  expect_block(page, 256, KMEMLEAK_GREY);
  kmemleak_ignore(page);
  expect_block(page, 256, KMEMLEAK_BLACK);
  kmemleak_free(page);
  expect_true(!tracked(page), "free: not tracked any more");
}

function parts(): void {
  kmemleak_alloc(page, 1024, 2, GFP_KERNEL);
  kmemleak_free_part(page + 256, 256);
  expect_block(page, 256, 2);
  expect_block(page + 512, 512, 2);
  expect_true(find_and_get_object(page + 300, true) === null, "nothing in between");
  kmemleak_free_part(page, 128);
  expect_block(page + 128, 128, 2);
  kmemleak_free_part(page + 896, 128);
  expect_block(page + 512, 384, 2);
  kmemleak_free(page + 128);
  kmemleak_free(page + 512);
  expect_true(find_and_get_object(page + 600, true) === null, "nothing is left");
}

/** Addresses that are not mapped linearly are nobody's. */
function physical(): void {
  const phys = __pa(page);
  kmemleak_alloc_phys(phys, 256, 1, GFP_KERNEL);
  expect_block(page, 256, 1);
  kmemleak_not_leak_phys(phys);
  expect_block(page, 256, KMEMLEAK_GREY);
  kmemleak_ignore_phys(phys);
  expect_block(page, 256, KMEMLEAK_BLACK);
  kmemleak_free_part_phys(phys, 64);
  expect_block(page + 64, 192, KMEMLEAK_BLACK);
  kmemleak_free_part_phys(phys + 64, 192);
  expect_true(find_and_get_object(page + 64, true) === null, "all parts are free");
  kmemleak_alloc_phys(0x1000_0000, 256, 1, GFP_KERNEL);
  kmemleak_not_leak_phys(0x1000_0000);
  kmemleak_free_part_phys(0x1000_0000, 256);
}

/** Another place than where the block was allocated. */
function adopt(): void {
  "noinline";
  kmemleak_update_trace(page);
}

function traces(): void {
  kmemleak_alloc(page, 64, 1, GFP_KERNEL);
  const object = object_of(page);
  const before = object.trace[0];
  adopt();
  expect_true(object.trace_len > 1, "a backtrace");
  expect_true(object.trace[0] !== before, "update_trace: of another place");
  kmemleak_free(page);
}

function per_cpu(): void {
  const p = __alloc_percpu(48, 8);
  for (const cpu of for_each_possible_cpu()) expect_block(per_cpu_ptr(p, cpu), 48, KMEMLEAK_GREY);
  free_percpu(p);
  for (const cpu of for_each_possible_cpu()) expect_true(!tracked(per_cpu_ptr(p, cpu)), "free_percpu: not tracked any more");
}

function caches(): void {
  kmemleak_alloc_recursive(page, 64, 1, SLAB_NOLEAKTRACE, GFP_KERNEL);
  expect_true(!tracked(page), "of an untracked cache");
  kmemleak_alloc_recursive(page, 64, 1, 0, GFP_KERNEL);
  expect_true(tracked(page), "of a tracked cache");
  kmemleak_free_recursive(page, SLAB_NOLEAKTRACE);
  expect_true(tracked(page), "freed to an untracked cache");
  kmemleak_free_recursive(page, 0);
  expect_true(!tracked(page), "freed to a tracked cache");
  const slot = cast<Ptr<usize>>(page);
  slot[0] = page;
  kmemleak_erase(slot);
  expect_equal(slot[0], 0, "erase: the slot");
}

function hook_cases(): void {
  if (!kmemleak_enabled()) return;
  page = __get_free_pages(GFP_KERNEL, 0);
  marks();
  parts();
  physical();
  traces();
  per_cpu();
  caches();
  // Hooks ignore null pointers.
  kmemleak_alloc(0, PAGE_SIZE, 1, GFP_KERNEL);
  kmemleak_free(0);
  kmemleak_not_leak(0);
  expect_true(!tracked(0), "nothing at 0");
  free_pages(page, 0);
}

export function test_kmemleak_hooks(_arg: u32): void {
  test_run("kmemleak_hooks", hook_cases);
}

const line = new FixedArray<u8>(32);

function expect_result(command: string, result: i32): void {
  expect_equal(u32(kmemleak_write(command)), u32(result), command);
}

function dump(format: string, value: u32): i32 {
  snprintf(line, 32, format, value);
  return kmemleak_write(stringAt(addr(line)));
}

function file_cases(): void {
  if (!kmemleak_enabled()) return;
  const commands: i32 = HAS_COMMANDS ? 0 : -EINVAL;
  const newer: i32 = HAS_CLEAR ? 0 : -EINVAL;
  expect_result("", -EINVAL);
  expect_result("nonsense", -EINVAL);
  expect_result("stack", -EINVAL);
  expect_result("stack=off\n", commands);
  expect_true(stack_scan() === !HAS_COMMANDS, "stack=off: stacks are no roots");
  expect_result("stack=on", commands);
  expect_true(stack_scan(), "stack=on: they are");
  // The thread is started and stopped by scenarios/kmemleak/control.
  expect_result("scan=", -EINVAL);
  expect_result("scan=5x", -EINVAL);
  expect_result("scan=-1", -EINVAL);
  expect_result("clear", newer);
  page = __get_free_pages(GFP_KERNEL, 0);
  kmemleak_alloc(page, 64, 1, GFP_KERNEL);
  expect_equal(u32(dump("dump=0x%08x", page)), u32(newer), "dump of a block");
  expect_equal(u32(dump("dump=%u\n", page)), u32(newer), "dump of a block, decimal");
  expect_equal(u32(dump("dump=0x%08x", page + 8)), u32(-EINVAL), "dump of an address inside of a block");
  kmemleak_free(page);
  expect_equal(u32(dump("dump=0x%08x", page)), u32(-EINVAL), "dump of no block");
  expect_result("dump=", -EINVAL);
  expect_result("dump=0x", -EINVAL);
  expect_result("dump=page", -EINVAL);
  free_pages(page, 0);
}

export function test_kmemleak_file(_arg: u32): void {
  test_run("kmemleak_file", file_cases);
}
