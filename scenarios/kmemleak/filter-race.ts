// The workload of kmemleak/filter-race: blocks that stay and blocks that come and go in the same pages, and scans meanwhile. Each block that
// stays is referred to by one word in a block of its own.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmalloc, kzalloc } from "kernel/mm/slab.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak } from "kernel/workload/plant.ts";

/** As many as fill a page together with those that come and go. */
const BLOCKS = 32;
const SCANS = 5;
const SIZE = 64;

/** In .bss, as `between`: the blocks that hold the only references to those that stay. */
const holders = new FixedArray<usize>(BLOCKS);
const between = new FixedArray<usize>(BLOCKS);
let resting: boolean = false;

export function keep(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < BLOCKS; i++) {
    between[i] = kmalloc(SIZE, GFP_KERNEL);
    const block = kzalloc(SIZE, GFP_KERNEL);
    const holder = kzalloc(4 * BLOCKS, GFP_KERNEL);
    if (block === 0 || holder === 0) panic("keep: no memory");
    // Each elsewhere, so that the scanner comes to it at another moment.
    cast<Ptr<usize>>(holder)[i] = block;
    holders[i] = holder;
  }
}

export function lose_one(_arg: u32): void {
  "noinline";
  plant_leak(kzalloc(328, GFP_KERNEL), "lost");
}

export function come_and_go(_arg: u32): void {
  "noinline";
  for (let n: u32 = 0; !READ_ONCE(resting); n++) {
    kfree(between[n % BLOCKS]);
    between[n % BLOCKS] = kmalloc(SIZE, GFP_KERNEL);
    cond_resched();
  }
}

export function scan_on_and_on(_arg: u32): void {
  "noinline";
  // What is left on a stack would refer to a block once more.
  kmemleak_write("stack=off");
  for (let i: u32 = 0; i < SCANS; i++) kmemleak_seq_print();
}

/** The report that counts, with nobody changing the tree. */
export function last_scan(_arg: u32): void {
  "noinline";
  WRITE_ONCE(resting, true);
  msleep(10);
  // What is reported for good is white in two scans.
  kmemleak_write("scan");
  const leaks = kmemleak_seq_print();
  pr_info("at rest: %u suspected leaks\n", leaks);
  scenario_stop();
}
