// What an allocation that may sleep does when memory is short.
//
//   1. all CPUs give their per-CPU pages back, and every reclaimer is asked
//   2. another try; then a tick of sleep, in which others free, and again: RECLAIM_RETRIES times, as long as nothing comes
//      larger orders than PAGE_ALLOC_COSTLY_ORDER and __GFP_NORETRY have one round
//   3. __GFP_NOFAIL goes on for ever, everybody else fails
// Without swap.enabled there is no swap and no page cache: what reclaimers find is what subsystems keep for convenience. With it pages of
// users go to swap (vmscan/vmscan.ts), the pages of other CPUs are asked for only when that does not help, and kswapd is woken first. A subsystem registers a
// page_reclaimer once, for good; it is called in task context with interrupts on, perhaps with mutexes held by the allocating
// task, so it takes only locks under which nobody allocates with __GFP_WAIT.
// Waiting needs a context that can sleep. A GFP_KERNEL caller that has interrupts or preemption off (early boot; the slab
// allocator growing a cache) is served as one that cannot wait.

import { CONFIG } from "config";
import { list_add_tail, list_for_each_entry, list_head } from "../../lib/list.ts";
import { __set_current_state } from "../../sched/core.ts";
import { preemptible } from "../../sched/preempt.ts";
import { get_current, PF_MEMALLOC, TASK_UNINTERRUPTIBLE } from "../../sched/task.ts";
import { schedule_timeout } from "../../sched/timer.ts";
import { __GFP_NOFAIL, __GFP_NORETRY, __GFP_WAIT } from "../gfp.ts";

/** Rounds without any progress, a tick each, after which GFP_KERNEL fails. */
export const RECLAIM_RETRIES = 16;

/** Larger blocks seldom form by waiting: they get one round. */
export const PAGE_ALLOC_COSTLY_ORDER = 3;

export class page_reclaimer {
  readonly list = new list_head();
  /** Frees what it can spare; returns how many pages came free, as well as it knows. */
  reclaim: (gfp: u32, order: u32) => u32;
}

/** In order of registration; never shrinks. Written at boot, before other CPUs run. */
const reclaimers = new list_head();

/** At boot. */
export function register_page_reclaimer(r: page_reclaimer): void {
  list_add_tail(r.list, reclaimers);
}

/** Whether the caller may sleep here and now, and is not the one who reclaims. */
export function can_wait(gfp: u32): boolean {
  if (CONFIG.swap.enabled && (get_current().flags & PF_MEMALLOC) !== 0) return false;
  return (gfp & __GFP_WAIT) !== 0 && preemptible() && get_current().rcu_read_lock_nesting === 0;
}

/** Asks all reclaimers; how many pages they say they gave. @may_sleep */
export function direct_reclaim(gfp: u32, order: u32): u32 {
  let freed: u32 = 0;
  for (const r of list_for_each_entry(reclaimers, page_reclaimer, "list")) {
    const reclaim = r.reclaim;
    freed += reclaim(gfp, order);
  }
  return freed;
}

/**
 * After a round that freed `freed` pages and did not help: sleeps a tick when another round is due. `in_vain`: rounds without progress
 * so far. @may_sleep
 */
export function should_reclaim_retry(gfp: u32, order: u32, freed: u32, in_vain: u32): boolean {
  if ((gfp & __GFP_NOFAIL) === 0) {
    if ((gfp & __GFP_NORETRY) !== 0) return false;
    if (freed === 0 && (order > PAGE_ALLOC_COSTLY_ORDER || in_vain >= RECLAIM_RETRIES)) return false;
  }
  if (freed !== 0) return true;
  __set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(1);
  return true;
}
