// The workload of A1 to A4, A6 to A9, A12, A13, B4, B6 to B10, B17 to B19, SQ4 and SQ6: readers, scanners, owners and commands that get in
// each other's way, and things that fail.

import { scenario_stop } from "kernel/init/scenario.ts";
import { atomic_read } from "kernel/lib/atomic.ts";
import { panic } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_alloc, kmemleak_not_leak } from "kernel/mm/kmemleak.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_disable } from "kernel/mm/kmemleak/disable.ts";
import { find_and_get_object } from "kernel/mm/kmemleak/lookup.ts";
import { kmemleak_object, put_object } from "kernel/mm/kmemleak/object.ts";
import {
  kmemleak_open, kmemleak_release, kmemleak_seq_next, kmemleak_seq_print, kmemleak_seq_show, kmemleak_seq_start, kmemleak_seq_stop,
} from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmalloc, kmem_cache_shrink_all, kzalloc } from "kernel/mm/slab.ts";
import { vfree, vzalloc } from "kernel/mm/vmalloc.ts";
import { rcu_barrier } from "kernel/rcu/rcu.ts";
import { preempt_disable, preempt_enable } from "kernel/sched/preempt.ts";
import { msleep } from "kernel/sched/timer.ts";

const BLOCKS = 8;
export const blocks = new FixedArray<usize>(BLOCKS);

/** Neighbours on object_list. */
export function allocate(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < BLOCKS; i++) blocks[i] = kzalloc(512, GFP_KERNEL);
}

function stop(): void {
  scenario_stop();
}

// ---- readers of the file ----

/** Reads up to block 3, then on to the end: whoever wants its successor away frees it while this reader stands. */
export function reader(_arg: u32): void {
  "noinline";
  kmemleak_open();
  let v = kmemleak_seq_start(0);
  while (v !== null && v.pointer !== READ_ONCE(blocks[3])) v = kmemleak_seq_next(v);
  if (v === null) panic("reader: the block is not on the list");
  point("at_block");
  let at: kmemleak_object | null = kmemleak_seq_next(v);
  point("beyond_block");
  while (at !== null) {
    kmemleak_seq_show(at);
    at = kmemleak_seq_next(at);
  }
  kmemleak_seq_stop(null);
  kmemleak_release();
  stop();
}

/** As reader, but it sleeps with the element in its hands, as a user may between two reads. */
export function slow_reader(_arg: u32): void {
  "noinline";
  kmemleak_open();
  let v = kmemleak_seq_start(0);
  while (v !== null && v.pointer !== READ_ONCE(blocks[3])) v = kmemleak_seq_next(v);
  if (v === null) panic("reader: the block is not on the list");
  point("at_block");
  const at = kmemleak_seq_next(v);
  point("beyond_block");
  msleep(30);
  if (at !== null) kmemleak_seq_show(at);
  kmemleak_seq_stop(at);
  kmemleak_release();
  stop();
}

/** The blocks from number 4 on. */
export function free_rest(_arg: u32): void {
  "noinline";
  for (let i: u32 = 4; i < BLOCKS; i++) kfree(blocks[i]);
  point("freed");
}

/** As free_rest, and block 3 before them. */
export function free_on(_arg: u32): void {
  "noinline";
  kfree(blocks[3]);
  free_rest(0);
}

/** Opens the file, reads one element, and does something else for a while. */
export function idle_reader(_arg: u32): void {
  "noinline";
  kmemleak_open();
  kmemleak_seq_stop(kmemleak_seq_start(0));
  msleep(150);
  kmemleak_release();
  stop();
}

/** Blocks that nobody reads come and go, and the metadata that they leave is counted. */
export function read_and_count(_arg: u32): void {
  "noinline";
  rcu_barrier();
  const before = kmem_cache_shrink_all();
  for (let round: u32 = 0; round < 3; round++) {
    allocate(0);
    kmemleak_open();
    let v = kmemleak_seq_start(0);
    while (v !== null) v = kmemleak_seq_next(v);
    kmemleak_seq_stop(null);
    kmemleak_release();
    for (let i: u32 = 0; i < BLOCKS; i++) kfree(blocks[i]);
  }
  msleep(20);
  rcu_barrier();
  const after = kmem_cache_shrink_all();
  if (after > before + BLOCKS) panic("reading has lost %u objects of metadata", after - before);
  stop();
}

// ---- scanners ----

export function scan_three_times(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 3; i++) kmemleak_write("scan");
}

/** Scans hit each block; then they are freed, and the metadata must go. */
export function scan_and_count(_arg: u32): void {
  "noinline";
  rcu_barrier();
  const before = kmem_cache_shrink_all();
  allocate(0);
  const first = find_and_get_object(blocks[0], false)!;
  for (let i: u32 = 0; i < 3; i++) kmemleak_write("scan");
  const count = atomic_read(first.use_count);
  put_object(first);
  pr_info("after 3 scans use_count is %d\n", count - 1);
  for (let i: u32 = 0; i < BLOCKS; i++) kfree(blocks[i]);
  msleep(20);
  rcu_barrier();
  const after = kmem_cache_shrink_all();
  if (after > before + 4) panic("scans have lost %u objects of metadata", after - before);
  stop();
}

const HUGE = 2 << 20;
export let huge: usize = 0;
/** The second of the two hits that it needs. */
export let huge_too: usize = 0;

export function hold_huge(_arg: u32): void {
  "noinline";
  huge = vzalloc(HUGE);
  huge_too = huge;
}

/** As hold_huge, and gray from the beginning: what is gray when a scan begins is read first. */
export function hold_huge_gray(_arg: u32): void {
  "noinline";
  hold_huge(0);
  kmemleak_not_leak(huge);
}

export function scan_and_stop(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
  stop();
}

export function scan_and_wait(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
}

/** vfree of a block that a scanner reads. */
export function free_huge(_arg: u32): void {
  "noinline";
  const block = huge;
  huge = 0;
  huge_too = 0;
  vfree(block);
  point("huge_freed");
  stop();
}

/** Something fails while a scan runs. */
export function fail(_arg: u32): void {
  "noinline";
  kmemleak_disable("on purpose");
  point("failed");
}

// ---- commands ----

/** How many tasks of B10 are about to write their command. */
let turn: u32 = 0;

/** Writes when so many others have come to it, and are waiting for the mutex or have it. */
function write_in_turn(number: u32, command: string): void {
  while (READ_ONCE(turn) < number) msleep(1);
  if (number !== 0) msleep(1);
  WRITE_ONCE(turn, number + 1);
  pr_info("%s\n", addr(command));
  pr_info("%s gives %d\n", addr(command), kmemleak_write(command));
}

export function scan_first(_arg: u32): void {
  "noinline";
  write_in_turn(0, "scan");
}

export function start_thread(_arg: u32): void {
  "noinline";
  write_in_turn(1, "scan=1");
}

export function scan_then(_arg: u32): void {
  "noinline";
  write_in_turn(2, "scan");
}

export function stop_thread(_arg: u32): void {
  "noinline";
  write_in_turn(3, "scan=off");
  stop();
}

// ---- what goes wrong ----

/** A part of a tracked block is tracked again. */
export function overlap(_arg: u32): void {
  "noinline";
  kmemleak_alloc(blocks[0] + 64, 64, 0, GFP_KERNEL);
  pr_info("overlap: scan gives %d\n", kmemleak_write("scan"));
  stop();
}

/** All of it is. */
export function track_twice(_arg: u32): void {
  "noinline";
  kmemleak_alloc(blocks[0], 512, 1, GFP_KERNEL);
  point("tracked_twice");
}

export function allocate_and_scan(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 64; i++) kfree(kmalloc(64, GFP_KERNEL));
  allocate(0);
  pr_info("scan gives %d\n", kmemleak_write("scan"));
  kmemleak_seq_print();
  stop();
}

/** Frees where nothing may sleep, as the migration thread does on rt. */
export function free_in_atomic(_arg: u32): void {
  "noinline";
  allocate(0);
  preempt_disable();
  kfree(blocks[0]);
  preempt_enable();
  stop();
}

export function end(_arg: u32): void {
  "noinline";
  stop();
}

/** More than a walk of the list passes before it gives way. */
const MANY = 160;
const many = new FixedArray<usize>(MANY);

export function allocate_many(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < MANY; i++) many[i] = kzalloc(64, GFP_KERNEL);
}

export function free_many(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < MANY; i++) kfree(many[i]);
  point("freed");
}
