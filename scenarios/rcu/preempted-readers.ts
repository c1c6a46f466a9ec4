// The workload of rcu/preempted-readers: readers stay in their read sections for longer than a time slice, so they are
// preempted inside them, while an updater replaces what they read and has it freed after a grace period, by call_rcu and
// synchronize_rcu in turn. A reader that sees its element change has been given up by a grace period that ended too early.

import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";
import { call_rcu, rcu_barrier, rcu_head, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "kernel/rcu/rcu.ts";
import { jiffies, time_before } from "kernel/sched/clock.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const UPDATES = 16;
const DEAD = 0xdead_dead;

class element {
  readonly rcu = new rcu_head();
  /** DEAD after its grace period. */
  version: u32;
}

let current: element | null = null;
let sections: u32 = 0;

function publish(version: u32): element | null {
  const fresh = cast<element>(kzalloc(sizeof<element>(), GFP_KERNEL));
  fresh.version = version;
  fence("rw", "w");
  const old = current;
  WRITE_ONCE(current, fresh);
  return old;
}

/** The grace period of an element has ended: nobody may look at it any more. */
function bury(old: element): void {
  WRITE_ONCE(old.version, DEAD);
  kfree(addr(old));
}

function bury_rcu(head: rcu_head): void {
  bury(containerOf(element, "rcu", head));
}

export function read(index: u32): void {
  "noinline";
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index);
  while (!scenario_stopping()) {
    rcu_read_lock();
    const seen = READ_ONCE(current);
    if (seen !== null) {
      const version = READ_ONCE(seen.version);
      const until = jiffies() + prandom_u32(random) % 8;
      do {
        if (READ_ONCE(seen.version) !== version) {
          panic("rcu: element of version %u became 0x%08x inside a read section", version, READ_ONCE(seen.version));
        }
      } while (time_before(jiffies(), until));
    }
    rcu_read_unlock();
    // A figure for people: some may be lost.
    data_race(sections++);
    // Where the model does not preempt, others get their turn here.
    cond_resched();
  }
}

export function update(_arg: u32): void {
  "noinline";
  for (let version: u32 = 1; version <= UPDATES; version++) {
    const old = publish(version);
    if (old === null) continue;
    if ((version & 1) !== 0) {
      synchronize_rcu();
      bury(old);
    } else {
      call_rcu(old.rcu, bury_rcu);
      msleep(1);
    }
  }
  rcu_barrier();
  pr_info("rcu: %u updates against about %u read sections\n", UPDATES, data_race(sections));
  scenario_stop();
}
