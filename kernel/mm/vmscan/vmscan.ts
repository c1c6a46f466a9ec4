// Reclaim: which pages are looked at, and how many.
//
//   shrink_active_list    the cold end of the active list moves to the inactive one, its marks of use cleared
//   shrink_inactive_list  the cold end of the inactive list is worked on (pageout.ts)
//   shrink_zone           both: the active list when it is the longer one; so many of the inactive ones as the priority says
//   try_to_free_pages     for an allocation that finds too little: from DEF_PRIORITY (a 4096th of each list) down to 0 (everything), until
//                         SWAP_CLUSTER_MAX pages are free. Registered with the page allocator
//   balance_pgdat         for kswapd: until the high watermark
// When nothing comes free although much has been looked at, writes are on their way: reclaim sleeps a tick before it looks further.
// Context: tasks; with __GFP_IO pages are written, else only clean ones go. PF_MEMALLOC meanwhile (pageout.ts).
// Source: Linux 3.11, mm/vmscan.c, with one zone, one node and anonymous pages alone.

import { INIT_LIST_HEAD, list_del, list_empty, list_head } from "../../lib/list.ts";
import { __set_current_state } from "../../sched/core.ts";
import { get_current, PF_KSWAPD, PF_MEMALLOC, TASK_UNINTERRUPTIBLE } from "../../sched/task.ts";
import { schedule_timeout } from "../../sched/timer.ts";
import { GFP_KERNEL } from "../gfp.ts";
import { ClearPageActive } from "../memory/page-flags.ts";
import { page_referenced } from "../memory/rmap.ts";
import { count_vm_events, vm_event_states } from "../memory/vmstat.ts";
import { zone } from "../page/buddy.ts";
import { page } from "../page/page.ts";
import { page_reclaimer, register_page_reclaimer } from "../page/reclaim.ts";
import { get_nr_swap_pages } from "../swap/info.ts";
import { total_swapcache_pages } from "../swap/swap_state.ts";
import { isolate_lru_pages, LRU_ACTIVE_ANON, LRU_INACTIVE_ANON, lru_pages, putback_lru_page, SWAP_CLUSTER_MAX } from "./lru.ts";
import { shrink_page_list } from "./pageout.ts";

export const DEF_PRIORITY = 12;
/** From here on it is worth waiting for writes. */
const WAIT_PRIORITY = DEF_PRIORITY - 2;

/** One reclaim: what it may do, what it has done. */
class scan_control {
  gfp: u32;
  priority: u32;
  nr_scanned: u32;
  nr_reclaimed: u32;
}

function shrink_active_list(): void {
  const hot = new list_head();
  INIT_LIST_HEAD(hot);
  isolate_lru_pages(LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, hot);
  while (!list_empty(hot)) {
    const p = containerOf(page, "lru", hot.prev);
    list_del(p.lru);
    page_referenced(p);
    ClearPageActive(p);
    putback_lru_page(p);
    count_vm_events(addressOf(vm_event_states.pgdeactivate), 1);
  }
}

/** @may_sleep */
function shrink_inactive_list(sc: scan_control): void {
  const cold = new list_head();
  INIT_LIST_HEAD(cold);
  const taken = isolate_lru_pages(LRU_INACTIVE_ANON, SWAP_CLUSTER_MAX, cold);
  const freed = shrink_page_list(cold, sc.gfp);
  sc.nr_scanned += taken;
  sc.nr_reclaimed += freed;
  const kswapd = (get_current().flags & PF_KSWAPD) !== 0;
  const s = vm_event_states;
  count_vm_events(kswapd ? addressOf(s.pgscan_kswapd) : addressOf(s.pgscan_direct), taken);
  count_vm_events(kswapd ? addressOf(s.pgsteal_kswapd) : addressOf(s.pgsteal_direct), freed);
}

/** Reclaim can come to something: there is a place for pages to go, or some have theirs already. */
function can_reclaim_anon(): boolean {
  return get_nr_swap_pages() !== 0 || total_swapcache_pages() !== 0;
}

/** @may_sleep */
function shrink_zone(sc: scan_control): void {
  if (!can_reclaim_anon()) return;
  let left = (lru_pages(LRU_INACTIVE_ANON) >>> sc.priority) + SWAP_CLUSTER_MAX;
  while (left >= SWAP_CLUSTER_MAX && sc.nr_reclaimed < SWAP_CLUSTER_MAX) {
    if (lru_pages(LRU_INACTIVE_ANON) < lru_pages(LRU_ACTIVE_ANON)) shrink_active_list();
    shrink_inactive_list(sc);
    left -= SWAP_CLUSTER_MAX;
  }
}

/** Writes are on their way, and only they can help. @may_sleep */
function congestion_wait(): void {
  __set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(1);
}

/** Frees SWAP_CLUSTER_MAX pages, or as many as it can: how many. @may_sleep */
export function try_to_free_pages(gfp: u32, _order: u32): u32 {
  const task = get_current();
  if (!can_reclaim_anon()) return 0;
  const sc = new scan_control();
  sc.gfp = gfp;
  sc.nr_scanned = 0;
  sc.nr_reclaimed = 0;
  count_vm_events(addressOf(vm_event_states.allocstall), 1);
  task.flags |= PF_MEMALLOC;
  for (let n: u32 = 0; n <= DEF_PRIORITY && sc.nr_reclaimed < SWAP_CLUSTER_MAX; n++) {
    sc.priority = DEF_PRIORITY - n;
    shrink_zone(sc);
    if (sc.priority < WAIT_PRIORITY && sc.nr_reclaimed === 0) congestion_wait();
  }
  task.flags &= ~PF_MEMALLOC;
  return sc.nr_reclaimed;
}

/** Enough is free for everybody. */
export function zone_balanced(): boolean {
  return READ_ONCE(zone.free_pages) >= zone.watermark_high;
}

/** kswapd: until the zone is balanced, or all has been tried. @may_sleep */
export function balance_pgdat(): void {
  const sc = new scan_control();
  sc.gfp = GFP_KERNEL;
  sc.nr_scanned = 0;
  for (let priority: u32 = DEF_PRIORITY; !zone_balanced(); priority--) {
    sc.priority = priority;
    sc.nr_reclaimed = 0;
    shrink_zone(sc);
    if (sc.nr_reclaimed >= SWAP_CLUSTER_MAX) priority = DEF_PRIORITY + 1;
    else if (priority === 0) break;
    else if (priority < WAIT_PRIORITY) congestion_wait();
  }
}

const swap_reclaimer = new page_reclaimer();

/** At boot. */
export function reclaim_init(): void {
  swap_reclaimer.reclaim = try_to_free_pages;
  register_page_reclaimer(swap_reclaimer);
}
