// Slab caches coming and going, the caches of kmalloc, and each CPU's arrays.
//
// slab_mutex: slab_caches, creation and destruction, and which CPUs have arrays. Outside of list_lock; may sleep.
// Boot: cache_cache and the kmalloc caches are static and work without arrays until enable_cpucache gives them some, which
// are kmalloc blocks themselves. An array is never scanned by kmemleak: what lies in it is free.

import { CONFIG } from "config";
import { cpu_online, for_each_possible_cpu } from "../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { on_each_cpu } from "../irq/smp.ts";
import { BUG } from "../lib/bug.ts";
import { ENOMEM } from "../lib/errno.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_for_each_entry, list_head } from "../lib/list.ts";
import { pr_err } from "../lib/printk.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { spin_lock_init } from "../locking/spinlock.ts";
import { smp_processor_id } from "../sched/task.ts";
import { GFP_KERNEL, __GFP_ZERO } from "./gfp.ts";
import { kmemleak_no_scan } from "./kmemleak.ts";
import { ARRAY_CACHE_HEAD, array_cache, kmem_cache, slab_layout } from "./slab-cache.ts";
import { drain_array, drain_free_slabs } from "./slab-lists.ts";
import { kfree, kmalloc, kmem_cache_alloc, kmem_cache_free } from "./slab.ts";

/** Objects begin on a cache line. */
export const SLAB_HWCACHE_ALIGN = 0x2000;
/** kmemleak does not track objects of this cache. */
export const SLAB_NOLEAKTRACE = 0x80_0000;
const CACHE_LINE = 64;

/** kmalloc's size classes: 32 << n, up to this. */
export const KMALLOC_MAX_CACHE_SIZE = 8192;
const KMALLOC_CACHES = 9;
export const kmalloc_caches = new StructArray(kmem_cache, KMALLOC_CACHES);

/** The cache of caches. */
const cache_cache = new kmem_cache();
/** Every cache; under slab_mutex. */
export const slab_caches = new list_head();
export const slab_mutex = new mutex();

/** Fills in everything but the arrays, and puts the cache on slab_caches. slab_mutex is held, or nothing else runs. */
function setup_cache(
  cachep: kmem_cache, name: string, size: u32, align: u32, flags: u32, ctor: ((object: usize) => void) | null,
): void {
  let unit = align < 8 ? 8 : align;
  if ((flags & SLAB_HWCACHE_ALIGN) !== 0 && unit < CACHE_LINE) unit = CACHE_LINE;
  const buffer = (size + unit - 1) & ~(unit - 1);
  cachep.name = name;
  cachep.obj_size = size;
  cachep.buffer_size = buffer;
  cachep.reciprocal = (0xffff_ffff / buffer) + 1;
  cachep.flags = flags;
  cachep.ctor = ctor;
  cachep.total_objects = 0;
  cachep.free_objects = 0;
  cachep.limit = buffer > 4096 ? 4 : buffer > 1024 ? 12 : buffer > 256 ? 24 : 60;
  cachep.batchcount = cachep.limit / 2;
  slab_layout(cachep);
  cachep.free_limit = 2 * cachep.batchcount + cachep.num;
  spin_lock_init(cachep.list_lock, "kmem_cache.list_lock");
  INIT_LIST_HEAD(cachep.slabs_partial);
  INIT_LIST_HEAD(cachep.slabs_full);
  INIT_LIST_HEAD(cachep.slabs_free);
  for (const cpu of for_each_possible_cpu()) cachep.array[cpu] = null;
  list_add_tail(cachep.next, slab_caches);
}

function kmalloc_name(n: u32): string {
  switch (n) {
    case 0: return "kmalloc-32";
    case 1: return "kmalloc-64";
    case 2: return "kmalloc-128";
    case 3: return "kmalloc-256";
    case 4: return "kmalloc-512";
    case 5: return "kmalloc-1024";
    case 6: return "kmalloc-2048";
    case 7: return "kmalloc-4096";
    default: return "kmalloc-8192";
  }
}

/** Gives a CPU its array of the cache; that CPU is offline, or the caller runs on it. */
function enable_cpucache(cachep: kmem_cache, cpu: u32): boolean {
  if (cachep.array[cpu] !== null) return true;
  const memory = kmalloc(ARRAY_CACHE_HEAD + cachep.limit * 4, GFP_KERNEL | __GFP_ZERO);
  if (memory === 0) return false;
  if (CONFIG.kmemleak.enabled) kmemleak_no_scan(memory);
  const ac = cast<array_cache>(memory);
  ac.avail = 0;
  ac.limit = cachep.limit;
  ac.batchcount = cachep.batchcount;
  cachep.array[cpu] = ac;
  return true;
}

/** Before anything else runs: kmalloc works afterwards. */
export function kmem_cache_init(): void {
  setup_cache(cache_cache, "kmem_cache", sizeof<kmem_cache>(), 0, 0, null);
  for (let n: u32 = 0; n < KMALLOC_CACHES; n++) {
    const size = 32 << n;
    setup_cache(kmalloc_caches[n], kmalloc_name(n), size, size < CACHE_LINE ? size : CACHE_LINE, 0, null);
  }
  slab_prepare_cpu(smp_processor_id());
}

/** Arrays for a CPU that is about to start. 0 or -ENOMEM: slower, but it works without. */
export function slab_prepare_cpu(cpu: u32): i32 {
  mutex_lock(slab_mutex);
  let enough = true;
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    if (!enable_cpucache(cachep, cpu)) enough = false;
  }
  mutex_unlock(slab_mutex);
  return enough ? 0 : -ENOMEM;
}

/** A CPU has stopped: its free objects go back to the slabs, its arrays are freed. */
export function slab_dead_cpu(cpu: u32): i32 {
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    const ac = cachep.array[cpu];
    if (ac === null) continue;
    const flags = local_irq_save();
    drain_array(cachep, ac);
    local_irq_restore(flags);
    cachep.array[cpu] = null;
    kfree(addr(ac));
  }
  mutex_unlock(slab_mutex);
  return 0;
}

/**
 * A cache of objects of `size` bytes, aligned to `align` (a power of two; 0: 8). The constructor runs once on each object of
 * a new slab. Null when there is no memory. Sleeps.
 */
export function kmem_cache_create(
  name: string, size: u32, align: u32, flags: u32, ctor: ((object: usize) => void) | null,
): kmem_cache | null {
  if (size === 0 || size > KMALLOC_MAX_CACHE_SIZE) BUG("kmem_cache_create(%s): size %u is not in 1..%u", name, size, KMALLOC_MAX_CACHE_SIZE);
  const memory = kmem_cache_alloc(cache_cache, GFP_KERNEL | __GFP_ZERO);
  if (memory === 0) return null;
  const cachep = cast<kmem_cache>(memory);
  mutex_lock(slab_mutex);
  setup_cache(cachep, name, size, align, flags, ctor);
  // A CPU that comes up later gets its array then; one that is running uses it from the moment it is there.
  for (const cpu of for_each_possible_cpu()) if (cpu_online(cpu)) enable_cpucache(cachep, cpu);
  mutex_unlock(slab_mutex);
  return cachep;
}

/** On each CPU, interrupts off or on: its free objects go back to the slabs. */
function drain_local(cache: u32): void {
  const cachep = cast<kmem_cache>(cache);
  const flags = local_irq_save();
  const ac = cachep.array[smp_processor_id()];
  if (ac !== null) drain_array(cachep, ac);
  local_irq_restore(flags);
}

/** Gives back what no object needs. True when the cache holds no object at all. Sleeps. */
export function kmem_cache_shrink(cachep: kmem_cache): boolean {
  on_each_cpu(drain_local, addr(cachep));
  const flags = local_irq_save();
  const empty = drain_free_slabs(cachep);
  local_irq_restore(flags);
  return empty;
}

/** All objects have been freed; otherwise the cache stays, and the log says so. Sleeps. */
export function kmem_cache_destroy(cachep: kmem_cache): void {
  mutex_lock(slab_mutex);
  if (!kmem_cache_shrink(cachep)) {
    pr_err("slab: kmem_cache_destroy(%s): %u objects are still in use\n", cachep.name, cachep.total_objects - cachep.free_objects);
    mutex_unlock(slab_mutex);
    return;
  }
  list_del(cachep.next);
  for (const cpu of for_each_possible_cpu()) {
    const ac = cachep.array[cpu];
    if (ac !== null) kfree(addr(ac));
  }
  mutex_unlock(slab_mutex);
  kmem_cache_free(cache_cache, addr(cachep));
}
