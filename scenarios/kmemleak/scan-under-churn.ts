// The workload of kmemleak/scan-under-churn: one scan after another while all harts allocate and free. Every walk of
// object_list then stands on objects that are being freed: what RCU and the reference counts are there for.

import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { list_for_each_entry_rcu } from "kernel/lib/list.ts";
import { kmemleak_object, object_list } from "kernel/mm/kmemleak/object.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";

import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { msleep } from "kernel/sched/timer.ts";

const SCANS = 20;
/** How long the slow reader stands on each object: some 1000 cycles, as an interrupt or a memory error would make it. */
const DELAY = 300;

/** An RCU reader that takes its time between one object and the next, while others free them. */
export function walk_slowly(_arg: u32): void {
  "noinline";
  while (!scenario_stopping()) {
    rcu_read_lock();
    for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) {
      for (let i: u32 = 0; i < DELAY; i++) READ_ONCE(object.pointer);
    }
    rcu_read_unlock();
    msleep(1);
  }
}

export function scan_on_and_on(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < SCANS; i++) kmemleak_write("scan");
  pr_info("scanned %u times\n", SCANS);
  scenario_stop();
}
