// The workload of kmemleak/vfree-during-scan: large vmalloc blocks are freed while a scanner may be inside them. The object's
// lock makes vfree wait in its kmemleak hook; without it the scanner reads a page that is no longer mapped.

import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { memset } from "kernel/lib/string.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { vfree, vmalloc } from "kernel/mm/vmalloc.ts";
import { msleep } from "kernel/sched/timer.ts";

const SIZE = 128 * 4096;
const THREADS = 8;

/** The only outside reference to each block: an interior one counts as well as any. */
export const blocks = new FixedArray<usize>(THREADS * 2);

/** Maps, fills and unmaps large blocks; each lives long enough to be there when a scan comes to it, or almost. */
export function map_and_unmap(index: u32): void {
  "noinline";
  const at = (index % THREADS) * 2;
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) + index);
  while (!scenario_stopping()) {
    const block = vmalloc(SIZE);
    if (block === 0) continue;
    memset(block, 0x11, SIZE);
    blocks[at] = block;
    blocks[at + 1] = block + 4096;
    msleep(3 + prandom_u32(random) % 8);
    blocks[at] = 0;
    blocks[at + 1] = 0;
    vfree(block);
  }
}

export function scan_often(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 16; i++) kmemleak_write("scan");
  pr_info("scanned 16 times\n");
  scenario_stop();
}
