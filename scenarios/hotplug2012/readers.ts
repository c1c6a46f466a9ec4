// The workload of hotplug2012/starved-writer and nested-get: readers of the hotplug lock, each of which stays until the other one is inside,
// while a CPU shall go; and a reader that enters again while a CPU shall come.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { cpu_hotplug_tries, get_online_cpus, put_online_cpus } from "kernel/cpu/lock.ts";
import { panic, WARN_ON } from "kernel/lib/bug.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { point } from "kernel/lib/point.ts";
import { kmem_cache_create, kmem_cache_destroy, SLAB_DESTROY_BY_RCU } from "kernel/mm/slab.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const GOING = 2;
const READS = 40;
/** An overlap that does not come, since the other one is kept waiting, is given up after so long. */
const PATIENCE_MS = 5;
/** How often each has been inside. */
const inside = new FixedArray<u32>(2);

/** Two of these leave no gap: the count of readers is never 0. */
export function overlap(index: u32): void {
  for (let read: u32 = 1; read <= READS; read++) {
    get_online_cpus();
    WRITE_ONCE(inside[index], read);
    for (let ms: u32 = 0; READ_ONCE(inside[1 - index]) < read && ms < PATIENCE_MS; ms++) msleep(1);
    msleep(1);
    put_online_cpus();
  }
}

export function starving(_arg: u32): void {
  const before = READ_ONCE(inside[0]) + READ_ONCE(inside[1]);
  const tries = cpu_hotplug_tries();
  WARN_ON(cpu_down(GOING) !== 0);
  const reads = READ_ONCE(inside[0]) + READ_ONCE(inside[1]) - before;
  pr_info("starving: in after %u reads of others, having looked %u times\n", reads, cpu_hotplug_tries() - tries);
}

// ---- a reader that enters again ----

let unplugged: boolean = false;

/** Just after a writer a percpu_rw_semaphore does without a grace period before the next one. */
export function plugger(_arg: u32): void {
  WARN_ON(cpu_down(GOING) !== 0);
  point("unplugged");
  WRITE_ONCE(unplugged, true);
  msleep(2);
  WARN_ON(cpu_up(GOING) !== 0);
}

export function destroyer(_arg: u32): void {
  while (!READ_ONCE(unplugged)) cond_resched();
  const cache = kmem_cache_create("conntrack", 96, 0, SLAB_DESTROY_BY_RCU, null);
  if (cache === null) panic("no memory for a cache");
  kmem_cache_destroy(cache);
  point("destroyed");
}
