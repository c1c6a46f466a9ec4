// The workload of kmemleak/free-in-softirq: the block that a scan of .bss hits again and again is freed by an RCU callback, in
// softirq, on the same CPU. The scanner must hold the block's metadata lock with interrupts off, roots included.

import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";
import { call_rcu, rcu_head } from "kernel/rcu/rcu.ts";
import { msleep } from "kernel/sched/timer.ts";

const REFERENCES = 8192;
const SCANS = 30;

class element {
  readonly rcu = new rcu_head();
}
/** In .bss: each word is a hit on the current element. */
const references = new FixedArray<usize>(REFERENCES);

function bury(head: rcu_head): void {
  kfree(addr(containerOf(element, "rcu", head)));
}

export function replace(_arg: u32): void {
  "noinline";
  while (!scenario_stopping()) {
    const fresh = cast<element>(kzalloc(sizeof<element>(), GFP_KERNEL));
    for (let i: u32 = 0; i < REFERENCES; i++) references[i] = addr(fresh);
    call_rcu(fresh.rcu, bury);
    msleep(2);
  }
}

export function scan_on_and_on(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < SCANS; i++) kmemleak_write("scan");
  scenario_stop();
}
