// rcutorture's hotplug: a CPU at random comes or goes, again and again.

import { cpu_online, nr_cpu_ids } from "../../arch/cpumask.ts";
import { cpu_down, cpu_up } from "../../cpu/hotplug.ts";
import { EBUSY } from "../../lib/errno.ts";
import { prandom_u32_max } from "../../lib/random.ts";
import { jiffies } from "../../sched/clock.ts";
import { kthread_should_stop } from "../../sched/kthread.ts";
import { schedule_timeout_uninterruptible } from "../../sched/timer.ts";
import { torture_random, torture_seed } from "./reader.ts";

/** One direction: how often it was tried and done, and how many ticks that took. */
export class onoff_counts {
  attempts: u32 = 0;
  successes: u32 = 0;
  min: u32 = 0xffff_ffff;
  max: u32 = 0;
  sum: u32 = 0;
}
export const onlines = new onoff_counts();
export const offlines = new onoff_counts();

class onoff_parameters {
  interval: u32 = 0;
}
export const onoff = new onoff_parameters();

function account(counts: onoff_counts, error: i32, began: u32): void {
  // The last CPU online cannot go: nothing was tried.
  if (error === -EBUSY) return;
  counts.attempts += 1;
  if (error !== 0) return;
  const took = jiffies() - began;
  counts.successes += 1;
  counts.sum += took;
  if (took < counts.min) counts.min = took;
  if (took > counts.max) counts.max = took;
}

/** Comes, if it was away, else goes. Somebody else, like the lab, may have been faster. */
function toggle(cpu: u32): void {
  const began = jiffies();
  if (!cpu_online(cpu)) account(onlines, cpu_up(cpu), began);
  else account(offlines, cpu_down(cpu), began);
}

export function rcu_torture_onoff(who: u32): void {
  const random = new torture_random();
  torture_seed(random, who);
  while (!kthread_should_stop()) {
    toggle(prandom_u32_max(random.state, nr_cpu_ids));
    schedule_timeout_uninterruptible(1 + prandom_u32_max(random.state, 2 * onoff.interval));
  }
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) if (!cpu_online(cpu)) toggle(cpu);
}
