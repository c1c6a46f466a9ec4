// The workload of steps/destroy-under-slab-mutex: an RCU cache is destroyed while a CPU comes up, and somebody has waited for all callbacks
// before. With the boot parameter `culprit=put` a fourth task gives back a reader of the hotplug lock that it never had.

import { cpu_down, cpu_up } from "kernel/cpu/hotplug.ts";
import { put_online_cpus } from "kernel/cpu/lock.ts";
import { panic, WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { strcmp } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_DESTROY_BY_RCU } from "kernel/mm/slab.ts";
import { rcu_barrier } from "kernel/rcu/rcu.ts";

const PLUGGED = 2;
const OBJECT_BYTES = 96;

export function unplugger(_arg: u32): void {
  WARN_ON(cpu_down(PLUGGED) !== 0);
  point("unplugged");
}

export function plugger(_arg: u32): void {
  WARN_ON(cpu_up(PLUGGED) !== 0);
  point("plugged");
}

/** As the umount of a file system: its inodes are freed by callbacks. */
export function umount(_arg: u32): void {
  rcu_barrier();
  point("unmounted");
}

export function culprit(_arg: u32): void {
  if (strcmp(get_option("culprit", "none"), "put") === 0) put_online_cpus();
  point("put");
}

/** As the module of connection tracking, when it goes: a cache whose slabs wait for a grace period. */
export function destroyer(_arg: u32): void {
  const cache = kmem_cache_create("conntrack", OBJECT_BYTES, 0, SLAB_DESTROY_BY_RCU, null);
  if (cache === null) panic("no memory for a cache");
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  WARN_ON(object === 0);
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
  point("destroyed");
}
