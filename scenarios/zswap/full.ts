// The workload of zswap/D14: a pool at its limit whose pages are all in use, and one more store.

import { point } from "kernel/lib/point.ts";
import { pr_err } from "kernel/lib/printk.ts";
import { page } from "kernel/mm/page_alloc.ts";
import { swap_io_stats } from "kernel/mm/swap/page_io.ts";
import { zswap_check } from "kernel/mm/zswap/check.ts";
import { zswap_stats, zswap_stats_show } from "kernel/mm/zswap/stats.ts";
import { zswap_set_max_pool_percent } from "kernel/mm/zswap/zswap.ts";
import { device_off, device_on, page_drop, page_free, page_in, page_out_cached, page_out_new, user_page } from "./slots.ts";

const DEVICE_SLOTS = 32;
const PAGES = 10;
const users = new StructArray(user_page, PAGES);
const pages = new FixedArray<page | null>(PAGES);
const late = new user_page();

export function storer(_arg: u32): void {
  const type = device_on(DEVICE_SLOTS);
  for (let n: u32 = 0; n < PAGES; n++) pages[n] = page_out_cached(users[n], n, 1);
  zswap_set_max_pool_percent(0);
  point("full");
  if (!page_out_new(late, 100, 1)) pr_err("BUG: a page could not be swapped out\n");
  point("refused");
  const s = zswap_stats;
  if (s.pool_limit_hit !== 1 || s.reject_reclaim_fail !== 1 || s.written_back_pages !== 0 || swap_io_stats.pswpout !== 1) pr_err("BUG: counters\n");
  page_drop(page_in(late));
  for (let n: u32 = 0; n < PAGES; n++) {
    page_drop(pages[n]!);
    page_drop(page_in(users[n]));
    page_free(users[n]);
  }
  page_free(late);
  device_off(type);
  zswap_stats_show();
  zswap_check();
}
