// The workload of the stores that frontswap's backend refuses although it has the slot's former contents: what becomes of those?

import { pr_info } from "kernel/lib/printk.ts";
import { swap_io_stats } from "kernel/mm/swap/page_io.ts";
import { zswap_check } from "kernel/mm/zswap/check.ts";
import { zswap_trees } from "kernel/mm/zswap/entry.ts";
import { zswap_set_max_pool_percent } from "kernel/mm/zswap/zswap.ts";
import { zbud_reclaim_page } from "kernel/mm/zswap/zbud.ts";
import { device_off, device_on, page_drop, page_free, page_in, page_out, page_out_new, user_page } from "./slots.ts";

const DEVICE_SLOTS = 32;
const victim = new user_page();

/** One page, which its process writes twice; zswap has room for the first version and refuses the second. */
export function refused(_arg: u32): void {
  const type = device_on(DEVICE_SLOTS);
  page_out_new(victim, 7, 1);
  const p = page_in(victim);
  // The pool is full from now on, and its only page is in use: zbud cannot give it back.
  zswap_set_max_pool_percent(0);
  page_out(victim, 2, p);
  pr_info("refused: %u pages were written to the device\n", swap_io_stats.pswpout);
  page_drop(page_in(victim));
  pr_info("reclaim of a page: %d\n", zbud_reclaim_page(zswap_trees[type]!.pool, 1));
  page_drop(page_in(victim));
  page_free(victim);
  device_off(type);
  zswap_check();
}
