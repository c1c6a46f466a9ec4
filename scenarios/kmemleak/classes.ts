// The workload of kmemleak/classes, A10, A11, A14, A15, B13 to B16: blocks lost, kept and hidden in every way that tells designs apart. Each
// plant runs on a kthread of its own, which has exited before the first scan: nothing of it is left on a stack.

import { scenario_stop } from "kernel/init/scenario.ts";
import { __pa } from "kernel/arch/page.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import {
  kmemleak_alloc, kmemleak_free_part, kmemleak_ignore, kmemleak_no_scan, kmemleak_not_leak, kmemleak_scan_area, kmemleak_set_excess_ref,
} from "kernel/mm/kmemleak.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_print, kmemleak_seq_read } from "kernel/mm/kmemleak/seq.ts";
import { alloc_percpu, per_cpu_ptr } from "kernel/mm/percpu.ts";
import { __get_free_pages } from "kernel/mm/page_alloc.ts";
import { kmalloc, kmem_cache_alloc, kmem_cache_create, kmem_cache_free, kzalloc } from "kernel/mm/slab.ts";
import { vzalloc } from "kernel/mm/vmalloc.ts";
import { find_vm_area } from "kernel/mm/vmap/area.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

class node {
  next: usize;
  other: usize;
  readonly payload = new FixedArray<u32>(14);
}

function make(size: usize): usize {
  "noinline";
  return kzalloc(size, GFP_KERNEL);
}

// ---- lost ----

/** 32 bytes to 20000: a block of its own for each size. */
export function lose_sizes(_arg: u32): void {
  "noinline";
  for (let size: u32 = 32; size <= 8192; size *= 2) plant_leak(make(size), "kmalloc");
  plant_leak(make(20000), "kmalloc large");
}

export function lose_vmalloc(_arg: u32): void {
  "noinline";
  plant_leak(vzalloc(3 * 4096), "vmalloc");
}

/** All zero: its checksum is what it was before anybody took one. */
export function lose_zero(_arg: u32): void {
  "noinline";
  plant_leak(make(96), "zero");
}

export function lose_nonzero(_arg: u32): void {
  "noinline";
  const block = make(80);
  memset(block, 0x11, 80);
  plant_leak(block, "not zero");
}

/** Taken from the top of a CPU's array of free objects, where it was freed to. */
export function lose_popped(_arg: u32): void {
  "noinline";
  const cache = kmem_cache_create("popped", 120, 0, 0, null)!;
  holders[0] = addr(cache);
  kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
  plant_leak(kmem_cache_alloc(cache, GFP_KERNEL), "popped");
}

// ---- kept, and seen to be ----

export function keep_in_vmalloc(_arg: u32): void {
  "noinline";
  const outer = vzalloc(4096);
  const inner = make(80);
  cast<Ptr<usize>>(outer)[100] = inner;
  holders[0] = outer;
  plant_nonleak(inner, "held by vmalloc");
}

class cell {
  block: usize;
}

/** The per-CPU piece is untracked, or a root: what is in it counts. */
export function keep_in_alloc_percpu(_arg: u32): void {
  "noinline";
  percpu_cells = alloc_percpu(cell);
  const block = make(112);
  cast<cell>(per_cpu_ptr(percpu_cells, 0)).block = block;
  plant_nonleak(block, "held by alloc_percpu");
}
let percpu_cells: usize = 0;

export const holders = new FixedArray<usize>(8);

export let interior: usize = 0;

export function keep_interior(_arg: u32): void {
  "noinline";
  const block = make(144);
  interior = block + 24;
  plant_nonleak(block, "interior pointer");
}

export function keep_in_scan_area(_arg: u32): void {
  "noinline";
  const holder = cast<node>(make(sizeof<node>()));
  const seen = make(144);
  holder.other = seen;
  kmemleak_scan_area(addr(addressOf(holder.other)), 4, GFP_KERNEL);
  holders[1] = addr(holder);
  plant_nonleak(seen, "in the scan area");
}

/** Not a leak, as its owner says; and what only it refers to is none either. */
export function keep_not_leak(_arg: u32): void {
  "noinline";
  const parent = cast<node>(make(sizeof<node>()));
  const child = make(176);
  parent.next = child;
  kmemleak_not_leak(addr(parent));
  plant_nonleak(addr(parent), "not_leak");
  plant_nonleak(child, "child of not_leak");
}

// ---- kept, and not seen to be: what the design reports though it is in use ----

/** A reference that no scan takes for one. */
function hide(slot: u32, block: usize, word: usize, name: string): void {
  odd[slot] = word;
  plant_leak(block, name);
}
export const odd = new FixedArray<usize>(8);
const misaligned = new FixedArray<u8>(8);

export function keep_one_past_end(_arg: u32): void {
  "noinline";
  const block = make(4096);
  hide(0, block, block + 4096, "one past its end");
}

export function keep_inverted(_arg: u32): void {
  "noinline";
  const block = make(208);
  hide(1, block, ~block, "inverted");
}

export function keep_physical(_arg: u32): void {
  "noinline";
  const block = make(240);
  hide(2, block, __pa(block), "physical");
}

export function keep_misaligned(_arg: u32): void {
  "noinline";
  const block = make(272);
  for (let i: u32 = 0; i < 4; i++) misaligned[i + 1] = u8((block >>> (8 * i)) & 0xff);
  plant_leak(block, "misaligned");
}

export function keep_in_raw_page(_arg: u32): void {
  "noinline";
  const page = __get_free_pages(GFP_KERNEL, 0);
  const block = make(304);
  memset(page, 0, 4096);
  cast<Ptr<usize>>(page)[5] = block;
  holders[2] = page;
  plant_leak(block, "in a raw page");
}

export function keep_in_no_scan(_arg: u32): void {
  "noinline";
  const holder = cast<node>(make(sizeof<node>()));
  const child = make(336);
  holder.next = child;
  kmemleak_no_scan(addr(holder));
  holders[3] = addr(holder);
  plant_leak(child, "in a no_scan block");
}

/** The parent is ignored; its child is reported. */
export function keep_in_ignored(_arg: u32): void {
  "noinline";
  const holder = cast<node>(make(sizeof<node>()));
  const child = make(368);
  holder.next = child;
  kmemleak_ignore(addr(holder));
  plant_nonleak(addr(holder), "ignore");
  plant_leak(child, "in an ignored block");
}

export function keep_outside_area(_arg: u32): void {
  "noinline";
  const holder = cast<node>(make(sizeof<node>()));
  const unseen = make(400);
  holder.next = unseen;
  kmemleak_scan_area(addr(addressOf(holder.other)), 4, GFP_KERNEL);
  holders[4] = addr(holder);
  plant_leak(unseen, "outside of the scan area");
}

// ---- lost, and not reported: what the design cannot see ----

export function lose_percpu(_arg: u32): void {
  "noinline";
  plant_nonleak(alloc_percpu(cell), "alloc_percpu");
}

export function lose_pages(_arg: u32): void {
  "noinline";
  plant_nonleak(__get_free_pages(GFP_KERNEL, 1), "pages");
}

export function lose_with_stale_word(_arg: u32): void {
  "noinline";
  const buffer = kmalloc(256, GFP_KERNEL);
  memset(buffer, 0, 256);
  const block = make(432);
  cast<Ptr<usize>>(buffer)[60] = block;
  holders[5] = buffer;
  plant_nonleak(block, "stale word in a buffer");
}

// ---- annotations that need a design ----

/** A block of pages with its owner's record: nobody keeps the block's address, but the record is referred to twice. */
export function keep_excess_ref(_arg: u32): void {
  "noinline";
  const record = cast<node>(make(sizeof<node>()));
  const pages = __get_free_pages(GFP_KERNEL, 0);
  memset(pages, 0, 4096);
  kmemleak_alloc(pages, 4096, 2, GFP_KERNEL);
  record.next = pages;
  kmemleak_set_excess_ref(addr(record), pages);
  holders[6] = addr(record);
  holders[7] = addr(record);
  plant_nonleak(pages, "found through its record");
}

/** A block of vmalloc of which only the vm_struct is kept, as of stacks that are kept for the next task. */
export function keep_vm_struct(_arg: u32): void {
  "noinline";
  const block = vzalloc(8192);
  holders[0] = addr(find_vm_area(block));
  plant_nonleak(block, "found through its vm_struct");
}

/** The beginning and a piece in the middle are freed: what is left is tracked as two. */
export function lose_two_ends(_arg: u32): void {
  "noinline";
  const block = make(8192);
  kmemleak_free_part(block, 1024);
  kmemleak_free_part(block + 5120, 1024);
  plant_leak(block + 1024, "head");
  plant_leak(block + 6144, "tail");
}

// ---- the scanner ----

export function scan_once(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
}

export function report(_arg: u32): void {
  "noinline";
  pr_info("reported: %u\n", kmemleak_seq_print());
}

/** Of one scan alone. */
export function report_last(_arg: u32): void {
  "noinline";
  report(0);
  scenario_stop();
}

/** What was reported is cleared, and lives on: what it refers to from now on is no leak. */
export function clear_and_use(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
  kmemleak_write("scan");
  pr_info("clear: %d\n", kmemleak_write("clear"));
}

let cleared: usize = 0;
export function lose_for_clear(_arg: u32): void {
  "noinline";
  const block = make(96);
  // Only its complement is kept, so that it is reported.
  cleared = ~block;
  plant_nonleak(block, "cleared");
}

export function refer_from_cleared(_arg: u32): void {
  "noinline";
  const child = make(464);
  cast<Ptr<usize>>(~cleared)[3] = child;
  plant_nonleak(child, "child of a cleared block");
}

/** Reads the file without a scan. */
export function read_only(_arg: u32): void {
  "noinline";
  pr_info("read: %u\n", kmemleak_seq_read());
}
