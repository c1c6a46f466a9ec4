// The workload of kmemleak/hidden-nodes: a few blocks, each with references that never move, scanned again and again while
// the tree around them changes; and a task that says of each, again and again, that it is no leak. Whoever looks one up while it is hidden
// counts no reference, or complains about an unknown object.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_not_leak } from "kernel/mm/kmemleak.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmalloc, kzalloc } from "kernel/mm/slab.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { sched_set_fifo } from "kernel/sched/prio.ts";
import { get_current } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak } from "kernel/workload/plant.ts";

const BLOCKS = 32;
const SCANS = 12;

/** Of each block. */
const REFERENCES = 128;
/** In .bss. */
const kept = new FixedArray<usize>(BLOCKS * REFERENCES);
const between = new FixedArray<usize>(BLOCKS);
let resting: boolean = false;

/** What comes and goes lies between what stays. */
export function keep(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < BLOCKS; i++) {
    between[i] = kzalloc(32, GFP_KERNEL);
    const block = kzalloc(32, GFP_KERNEL);
    if (block === 0) panic("keep: no memory");
    for (let k: u32 = 0; k < REFERENCES; k++) kept[i * REFERENCES + k] = block;
  }
}

export function lose_one(_arg: u32): void {
  "noinline";
  plant_leak(kzalloc(328, GFP_KERNEL), "lost");
}

/** Frees and allocates again, one after the other, the blocks of one CPU that come and go. */
function replace_blocks(cpu: u32, times: u32): void {
  for (let n: u32 = 0; n < times; n++) {
    const i = (2 * n + cpu) % BLOCKS;
    kfree(between[i]);
    between[i] = kmalloc(32, GFP_KERNEL);
  }
}

/** Allocates and frees small blocks; on CPU 0 each millisecond, before anybody else may run. */
export function come_and_go(_arg: u32): void {
  "noinline";
  const cpu = get_current().cpu & 1;
  if (cpu === 0) sched_set_fifo(get_current());
  while (!READ_ONCE(resting)) {
    replace_blocks(cpu, 200);
    if (cpu === 0) msleep(1);
  }
}

/** What an owner may say at any time. */
export function say_no_leak(_arg: u32): void {
  "noinline";
  while (!READ_ONCE(resting)) {
    for (let i: u32 = 0; i < BLOCKS; i++) kmemleak_not_leak(kept[i * REFERENCES]);
    cond_resched();
  }
}

export function scan_on_and_on(_arg: u32): void {
  "noinline";
  // Less to read between one lookup and the next.
  kmemleak_write("stack=off");
  for (let i: u32 = 0; i < SCANS; i++) kmemleak_seq_print();
}

/** The report that counts, with nobody changing the tree. A kthread of its own, on a clean stack. */
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

/** The end of a run without a scan. */
export function rest(_arg: u32): void {
  "noinline";
  WRITE_ONCE(resting, true);
  msleep(5);
  scenario_stop();
}
