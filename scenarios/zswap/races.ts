// The workload of the races between writeback and a slot's end or next store: one page is swapped out; a reclaimer has zbud give a page
// back; meanwhile its process exits, or writes to the page and has it swapped out again.

import { panic } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { __GFP_NOWARN, GFP_KERNEL, GFP_NOWAIT } from "kernel/mm/gfp.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { __get_free_pages, alloc_pages, free_pages, put_page } from "kernel/mm/page_alloc.ts";
import { swp_offset } from "kernel/mm/swap/entry.ts";
import { zswap_check } from "kernel/mm/zswap/check.ts";
import { zswap_entry, zswap_rb_search, zswap_trees } from "kernel/mm/zswap/entry.ts";
import { zswap_stats_show } from "kernel/mm/zswap/stats.ts";
import { zbud_reclaim_page } from "kernel/mm/zswap/zbud.ts";
import { zswap_frontswap_invalidate_area, zswap_frontswap_invalidate_page, zswap_frontswap_load } from "kernel/mm/zswap/zswap.ts";
import { msleep } from "kernel/sched/timer.ts";
import { check_page, check_stranded, device_off, device_on, page_drop, page_free, page_in, page_out, page_out_new, user_page } from "./slots.ts";

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

// ---- the backend alone, as a user other than the swap cache would call it, without page locks ----

/** Loads the victim's entry into a page of its own, `pause_ms` after it has one. */
function load(pause_ms: u32): void {
  const p = alloc_pages(GFP_KERNEL, 0);
  if (p === null) panic("no memory for a page");
  if (pause_ms !== 0) msleep(pause_ms);
  const error = zswap_frontswap_load(type, swp_offset(victim.entry), p);
  pr_info("load: %d\n", error);
  if (error === 0) check_page(victim, p);
  put_page(p);
  point("loaded");
}

export function loader(_arg: u32): void {
  load(0);
}

export function late_loader(_arg: u32): void {
  load(5);
}

export function invalidator(_arg: u32): void {
  zswap_frontswap_invalidate_page(type, swp_offset(victim.entry));
  point("invalidated");
}

export function area(_arg: u32): void {
  zswap_frontswap_invalidate_area(type);
  point("area-gone");
}

/** Takes all memory that is free, and gives it back after a while. */
export function hog(_arg: u32): void {
  let eaten: usize = 0;
  for (;;) {
    const at = __get_free_pages(GFP_NOWAIT | __GFP_NOWARN, 0);
    if (at === 0) break;
    cast<Ptr<usize>>(at)[0] = eaten;
    eaten = at;
  }
  point("eaten");
  msleep(8);
  while (eaten !== 0) {
    const next = cast<Ptr<usize>>(eaten)[0];
    free_pages(eaten, 0);
    eaten = next;
  }
}

/** Somebody else who would like to run on this CPU. */
export function bystander(_arg: u32): void {
  point("ran");
}

/** The victim's contents do not compress any more: the store fails, and the device gets them. */
export function noisy_writer(_arg: u32): void {
  const p = page_in(victim);
  victim.noise = true;
  page_out(victim, 2, p);
  point("refused");
}

/** The device goes, with everything that is on it; the process has exited. */
export function swapper_off(_arg: u32): void {
  device_off(type);
  point("off");
}

/** The rest goes, and what must be true then is checked. */
export function finish(_arg: u32): void {
  x = null;
  if (victim.entry !== 0) page_free(victim);
  device_off(type);
  zswap_stats_show();
  zswap_check();
  check_stranded();
  point("checked");
}

/** Only what must be true of the entries. */
export function checker(_arg: u32): void {
  zswap_check();
}

/** kmemleak's verdict; scans that find the same twice. */
export function scan(_arg: u32): void {
  kmemleak_write("scan");
}

export function report(_arg: u32): void {
  kmemleak_seq_print();
}
