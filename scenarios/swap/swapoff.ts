// The workload of swap/swapoff: somebody takes most of the memory, so that pages of the others go to swap; gives it back; and takes the swap
// device away and adds it again, while the others go on.

import { scenario_stopping } from "kernel/init/scenario.ts";
import { pr_err, pr_info } from "kernel/lib/printk.ts";
import { __GFP_NORETRY, __GFP_NOWARN, GFP_KERNEL } from "kernel/mm/gfp.ts";
import { alloc_pages, page, put_page } from "kernel/mm/page_alloc.ts";
import { swap_info } from "kernel/mm/swap/info.ts";
import { sys_swapoff } from "kernel/mm/swap/swapoff.ts";
import { sys_swapon } from "kernel/mm/swap/swapon.ts";
import { msleep } from "kernel/sched/timer.ts";

const HOG = 850;
const ROUNDS = 4;

/** Pages that are taken, chained by page.index. */
let hoard: page | null = null;

function take(count: u32): u32 {
  for (let n: u32 = 0; n < count; n++) {
    const p = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, 0);
    if (p === null) return n;
    p.index = addr(hoard);
    hoard = p;
  }
  return count;
}

function give_back(): void {
  while (hoard !== null) {
    const p: page = hoard;
    hoard = castOrNull<page>(p.index);
    put_page(p);
  }
}

export function swap_cycle(_arg: u32): void {
  const bdev = swap_info[0].bdev;
  const slots = swap_info[0].max;
  for (let round: u32 = 0; round < ROUNDS && !scenario_stopping(); round++) {
    const taken = take(HOG);
    msleep(2);
    give_back();
    const used = swap_info[0].inuse_pages;
    const error = sys_swapoff(0);
    pr_info("swapoff: %u pages were taken, %u slots in use: %d\n", taken, used, error);
    if (error !== 0) {
      pr_err("BUG: swapoff fails although everything fits into memory\n");
      return;
    }
    msleep(1);
    if (sys_swapon(bdev, slots, 0) !== 0) pr_err("BUG: swapon fails\n");
  }
}
