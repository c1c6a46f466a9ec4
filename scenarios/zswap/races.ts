// The workload of the races between writeback and a slot's end or next store: one page is swapped out; a reclaimer has zbud give a page
// back; meanwhile its process exits, or writes to the page and has it swapped out again.

import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { swp_offset } from "kernel/mm/swap/entry.ts";
import { zswap_check } from "kernel/mm/zswap/check.ts";
import { zswap_entry, zswap_rb_search, zswap_trees } from "kernel/mm/zswap/entry.ts";
import { zswap_stats_show } from "kernel/mm/zswap/stats.ts";
import { zbud_reclaim_page } from "kernel/mm/zswap/zbud.ts";
import { device_off, device_on, page_drop, page_free, page_in, page_out, page_out_new, user_page } from "./slots.ts";

const DEVICE_SLOTS = 32;
const victim = new user_page();
let type: u32 = 0;
/** The victim's first entry, to be watched; not there any more when kmemleak looks. */
export let x: zswap_entry | null = null;

/** One page is in zswap: version 1. */
export function setup(_arg: u32): void {
  type = device_on(DEVICE_SLOTS);
  page_out_new(victim, 7, 1);
  x = zswap_rb_search(zswap_trees[type]!.rbroot, swp_offset(victim.entry));
  point("set-up");
}

/** What a store to a full pool does. */
export function reclaimer(_arg: u32): void {
  const error = zbud_reclaim_page(zswap_trees[type]!.pool, 1);
  pr_info("reclaim of a page: %d\n", error);
  point("reclaimed");
}

/** The process exits: the slot becomes free. */
export function exiter(_arg: u32): void {
  page_free(victim);
  point("exited");
}

/** The process writes to its page, which is swapped out again, to the same slot: version 2. */
export function writer(_arg: u32): void {
  const p = page_in(victim);
  page_out(victim, 2, p);
  point("stored-again");
}

/** The process reads its page. */
export function reader(_arg: u32): void {
  page_drop(page_in(victim));
  point("read");
}

/** The rest goes, and what must be true then is checked. */
export function finish(_arg: u32): void {
  x = null;
  if (victim.entry !== 0) page_free(victim);
  device_off(type);
  zswap_stats_show();
  zswap_check();
  point("checked");
}

/** kmemleak's verdict; scans that find the same twice. */
export function scan(_arg: u32): void {
  kmemleak_write("scan");
}

export function report(_arg: u32): void {
  kmemleak_seq_print();
}
