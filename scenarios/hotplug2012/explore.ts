// The workload of hotplug2012/explore: a CPU goes and comes, RCU caches are made and destroyed, somebody waits for callbacks, over and over at
// random distances, so that each meets the others in all phases. With the boot parameter `puts=1` a reader too few is counted from the start.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { put_online_cpus } from "kernel/cpu/lock.ts";
import { panic, WARN_ON } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_DESTROY_BY_RCU } from "kernel/mm/slab.ts";
import { rcu_barrier } from "kernel/rcu/rcu.ts";
import { cond_resched } from "kernel/sched/core.ts";

const PLUGGED = 2;
const OBJECT_BYTES = 96;
/** Of the longest pause; a cpu_up takes about so many instructions. */
const PAUSES_MAX = 8000;

function rounds(): u32 {
  return get_option_u32("rounds", 50);
}

class pauses {
  readonly random = new prandom_state();
}

function begin(self: pauses, index: u32): void {
  prandom_seed(self.random, get_option_u32("seed", 1) * 64 + index);
}

/** Mostly short, at times longer than anything that the others do. */
function take_a_while(self: pauses): void {
  const left = prandom_u32_max(self.random, 4) === 0 ? prandom_u32_max(self.random, PAUSES_MAX) : prandom_u32_max(self.random, PAUSES_MAX / 8);
  for (let n: u32 = 0; n < left; n++) pause();
  cond_resched();
}

export function plugger(index: u32): void {
  const self = new pauses();
  begin(self, index);
  if (get_option_u32("puts", 0) !== 0) put_online_cpus();
  for (let n: u32 = 0; n < rounds(); n++) {
    WARN_ON(cpu_down(PLUGGED) !== 0);
    take_a_while(self);
    WARN_ON(cpu_up(PLUGGED) !== 0);
    take_a_while(self);
  }
  pr_info("explore: %u times a CPU went and came\n", rounds());
}

export function destroyer(index: u32): void {
  const self = new pauses();
  begin(self, index);
  for (let n: u32 = 0; n < rounds(); n++) {
    const cache = kmem_cache_create("conntrack", OBJECT_BYTES, 0, SLAB_DESTROY_BY_RCU, null);
    if (cache === null) panic("no memory for a cache");
    const object = kmem_cache_alloc(cache, GFP_KERNEL);
    WARN_ON(object === 0);
    kmem_cache_free(cache, object);
    take_a_while(self);
    kmem_cache_destroy(cache);
  }
  pr_info("explore: %u caches destroyed\n", rounds());
}

export function umount(index: u32): void {
  const self = new pauses();
  begin(self, index);
  for (let n: u32 = 0; n < rounds(); n++) {
    rcu_barrier();
    take_a_while(self);
  }
}
