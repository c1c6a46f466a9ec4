// The workload of hotplug2012/relink, cannot-go and descriptor: caches that are destroyed while somebody still has an object, makes another
// cache, or has slabs that wait for a grace period.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { panic, WARN_ON } from "kernel/lib/bug.ts";
import { get_option_ms, get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { point } from "kernel/lib/point.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import {
  kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, kmem_cache_shrink, SLAB_DESTROY_BY_RCU,
} from "kernel/mm/slab.ts";
import { call_rcu, rcu_head } from "kernel/rcu/rcu.ts";
import { jiffies, msecs_to_jiffies } from "kernel/sched/clock.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { msleep } from "kernel/sched/timer.ts";

const PLUGGED = 2;
const OBJECT_BYTES = 96;

function cache_of(name: string, flags: u32): kmem_cache {
  const cache = kmem_cache_create(name, OBJECT_BYTES, 0, flags, null);
  if (cache === null) panic("no memory for a cache");
  return cache;
}

function object_of(cache: kmem_cache): usize {
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  WARN_ON(object === 0);
  return object;
}

// ---- a cache that cannot go ----

/** Destroys a cache of which it has an object, then once more without. */
export function destroyer(_arg: u32): void {
  const cache = cache_of("busy", 0);
  const object = object_of(cache);
  kmem_cache_destroy(cache);
  point("refused");
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
  point("destroyed");
}

/** Makes a cache meanwhile, and destroys it. */
export function creator(_arg: u32): void {
  const cache = cache_of("another", 0);
  point("created");
  kmem_cache_free(cache, object_of(cache));
  kmem_cache_destroy(cache);
  point("another gone");
}

/** A CPU goes and comes while a cache is on the list that could not go: its array for that CPU goes and comes, too. */
export function hotplugger(_arg: u32): void {
  const cache = cache_of("busy", 0);
  const object = object_of(cache);
  kmem_cache_destroy(cache);
  WARN_ON(cpu_down(PLUGGED) !== 0);
  WARN_ON(cpu_up(PLUGGED) !== 0);
  kmem_cache_free(cache, object);
  const again = object_of(cache);
  WARN_ON(again !== object);
  kmem_cache_free(cache, again);
  kmem_cache_destroy(cache);
  pr_info("cannot-go: destroyed\n");
}

// ---- slabs that wait for a grace period ----

let shared: kmem_cache | null = null;

/** A callback before that of the slab, and how long it takes; interrupts are on, so the tick sees a CPU that is in no read section. */
const ahead = new rcu_head();
let ahead_ms: u32 = 0;

/** @atomic */
function take_long(_head: rcu_head): void {
  const end = jiffies() + msecs_to_jiffies(ahead_ms);
  while (i32(end - jiffies()) > 0) pause();
}

/** Gives the slab of an RCU cache back: a callback of this CPU that has the cache's address. */
export function shrinker(_arg: u32): void {
  ahead_ms = get_option_ms("ahead", 0);
  if (ahead_ms !== 0) call_rcu(ahead, take_long);
  const cache = cache_of("conntrack", SLAB_DESTROY_BY_RCU);
  kmem_cache_free(cache, object_of(cache));
  kmem_cache_shrink(cache);
  point("shrunk");
  WRITE_ONCE(shared, cache);
  msleep(ahead_ms + 10);
}

/** As soon as there is the cache it goes; with the boot parameter `heir=N` its descriptor's memory becomes a cache of objects of N bytes. */
export function remover(_arg: u32): void {
  while (READ_ONCE(shared) === null) cond_resched();
  kmem_cache_destroy(shared);
  const bytes = get_option_u32("heir", 0);
  const heir = bytes === 0 ? null : kmem_cache_create("heir", bytes, 0, 0, null);
  point("removed");
  kmem_cache_destroy(heir);
}
