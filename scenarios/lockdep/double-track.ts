// The workload of lockdep/double-track (A8): a block is announced to kmemleak twice, after a scan.
//
// The designs of 2008 and 2.6.31 look at the object that is there already under its own lock, while they hold the lock of the tree; a
// scanner has an object's lock when it asks for the tree's.

import { pr_info } from "kernel/lib/printk.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_alloc } from "kernel/mm/kmemleak.ts";
import { kmalloc } from "kernel/mm/slab.ts";

const BYTES = 64;
/** Keeps the block from being a leak. */
let block: usize = 0;

export function track_twice(_arg: u32): void {
  block = kmalloc(BYTES, GFP_KERNEL);
  kmemleak_alloc(block, BYTES, 1, GFP_KERNEL);
  pr_info("the block has been announced twice\n");
}
