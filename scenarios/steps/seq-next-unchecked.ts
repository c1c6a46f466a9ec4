// The workload of steps/seq-next-unchecked: somebody reads kmemleak's file slowly, an element at a time, while another task frees the
// block behind the one at hand.

import { point } from "kernel/lib/point.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_object } from "kernel/mm/kmemleak/object.ts";
import { kmemleak_open, kmemleak_release, kmemleak_seq_next, kmemleak_seq_show, kmemleak_seq_start, kmemleak_seq_stop } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmalloc } from "kernel/mm/slab.ts";
import { msleep } from "kernel/sched/timer.ts";

const BYTES = 100;
/** A user's page fault, a long preemption: longer than a grace period. */
const PAUSE_MS = 20;

/** Neighbours in kmemleak's list. */
let here: usize = 0;
let behind: usize = 0;
let last: usize = 0;
/** What the reader has in hand. */
let element: kmemleak_object | null = null;

export function allocator(_arg: u32): void {
  here = kmalloc(BYTES, GFP_KERNEL);
  behind = kmalloc(BYTES, GFP_KERNEL);
  last = kmalloc(BYTES, GFP_KERNEL);
  point("allocated");
}

export function reader(_arg: u32): void {
  kmemleak_open();
  element = kmemleak_seq_start(0);
  while (element !== null && element.pointer !== here) element = kmemleak_seq_next(element);
  point("here");
  if (element !== null) element = kmemleak_seq_next(element);
  point("next");
  msleep(PAUSE_MS);
  while (element !== null) {
    kmemleak_seq_show(element);
    element = kmemleak_seq_next(element);
  }
  kmemleak_seq_stop(null);
  kmemleak_release();
  kfree(last);
  point("read");
}

export function freer(_arg: u32): void {
  kfree(behind);
}
