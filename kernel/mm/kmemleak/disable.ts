// The end of tracking: something failed, or somebody said so.
//
// kmemleak_disable may be called in any context and only stops tracking. The rest needs to sleep and waits for kmemleak_do_cleanup, which
// whoever scans, or uses the control file, calls afterwards: the thread is stopped, and only when no scan runs any more frees stop
// looking for their objects. When leaks were found, what is known stays readable until it is cleared.

import { pr_info, pr_warn } from "../../lib/printk.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { list_for_each_entry_rcu } from "../../lib/list.ts";
import { jiffies } from "../../sched/clock.ts";
import { delete_object } from "./create.ts";
import { SINGLE_FLAG } from "./design.ts";
import { scan_lock, scan_unlock } from "./lock.ts";
import { kmemleak_object, object_list } from "./object.ts";
import { kmemleak_enabled, kmemleak_free_enabled, leaks_found, note_incomplete, stop_freeing, stop_tracking } from "./state.ts";
import { stop_scan_thread } from "./thread.ts";

let disabled: u32 = 0;

/** Nothing is tracked from now on. `why` goes to the log, once. */
export function kmemleak_disable(why: string): void {
  if (amoSwap(addressOf(disabled), 1) !== 0) return;
  stop_tracking();
  note_incomplete(why);
  if (SINGLE_FLAG) stop_freeing();
  pr_warn("kmemleak: kmemleak is disabled since jiffies %u: %s\n", jiffies(), why);
}

/** Forgets all blocks. Called with tracking stopped and no scan running. */
export function free_all_objects(): void {
  rcu_read_lock();
  for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) delete_object(object.pointer);
  rcu_read_unlock();
}

/** What disabling leaves to do. @may_sleep */
export function kmemleak_do_cleanup(): void {
  if (READ_ONCE(disabled) === 0 || kmemleak_enabled() || !kmemleak_free_enabled()) return;
  stop_scan_thread();
  // Whoever scans now sees that it should stop.
  scan_lock();
  stop_freeing();
  scan_unlock();
  if (leaks_found()) pr_info("kmemleak: Kmemleak disabled without freeing internal data. Reclaim the memory with \"echo clear > /sys/kernel/debug/kmemleak\".\n");
  else free_all_objects();
}
