// Slab caches coming, and each CPU's arrays; how they go: destroy.ts.
//
// slab_mutex: slab_caches, creation and destruction, and which CPUs have arrays. Whoever creates, shrinks or destroys a cache
// keeps CPUs from coming and going first (cpus_read_lock), so that every array belongs to a CPU that runs and can be asked.
// Order: cpu_hotplug.lock -> slab_mutex -> list_lock. A CPU's coming or going takes slab_mutex inside cpu_hotplug.lock.
// Boot: cache_cache and the kmalloc caches are static and work without arrays until enable_cpucache gives them some, which
// are kmalloc blocks themselves. An array is never scanned by kmemleak: what lies in it is free.

import { CONFIG } from "config";
import { cpu_online, for_each_possible_cpu } from "../../arch/cpumask.ts";
import { local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { PAGE_SIZE } from "../../arch/page.ts";
import { cpus_read_lock, cpus_read_unlock } from "../../cpu/lock.ts";
import { on_each_cpu } from "../../irq/smp.ts";
import { dump_stack, panic } from "../../lib/bug.ts";
import { ENOMEM } from "../../lib/errno.ts";
import { INIT_LIST_HEAD, list_add_tail, list_for_each_entry, list_head } from "../../lib/list.ts";
import { pr_err } from "../../lib/printk.ts";
import { system_state, SYSTEM_BOOTING } from "../../lib/system_state.ts";
import { mutex, mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { rcu_head } from "../../rcu/rcu.ts";
import { in_interrupt } from "../../sched/preempt.ts";
import { smp_processor_id } from "../../sched/task.ts";
import { GFP_KERNEL, __GFP_ZERO } from "../gfp.ts";
import { kmemleak_no_scan } from "../kmemleak.ts";
import { kmem_cache_alloc } from "../slab.ts";
import {
  ARRAY_CACHE_HEAD, array_cache, kmem_cache, no_array, slab_layout, SLAB_CONSISTENCY_CHECKS, SLAB_DESTROY_BY_RCU, SLAB_HWCACHE_ALIGN,
  SLAB_NOLEAKTRACE, SLAB_PANIC, SLAB_POISON, SLAB_RED_ZONE, SLAB_STORE_USER,
} from "./cache.ts";
import { debug_flags, debug_layout } from "./debug.ts";
import { kmem_cache_destroy_init } from "./destroy.ts";
import { create_kmalloc_caches, kfree, kmalloc } from "./kmalloc.ts";
import { drain_array, drain_free_slabs } from "./lists.ts";

const CACHE_LINE = 64;
const WORD_BYTES = 4;
/** Larger objects are what the page allocator is for. */
const OBJECT_SIZE_MAX = 32768;
const KNOWN_FLAGS = SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_HWCACHE_ALIGN | SLAB_PANIC
  | SLAB_DESTROY_BY_RCU | SLAB_NOLEAKTRACE;

/** The cache of caches. */
export const cache_cache = new kmem_cache();
/** Every cache; under slab_mutex. */
export const slab_caches = new list_head();
export const slab_mutex = new mutex();

/** Fills in everything but the arrays, and puts the cache on slab_caches. slab_mutex is held, or nothing else runs. */
export function setup_cache(
  cachep: kmem_cache, name: string, size: u32, align: u32, flags: u32, ctor: ((object: usize) => void) | null,
): void {
  let unit = align < 8 ? 8 : align;
  if ((flags & SLAB_HWCACHE_ALIGN) !== 0 && unit < CACHE_LINE) unit = CACHE_LINE;
  cachep.name = name;
  cachep.obj_size = size;
  cachep.flags = CONFIG.slab.debug ? debug_flags(flags) : flags;
  cachep.ctor = ctor;
  const needed = CONFIG.slab.debug ? debug_layout(cachep, unit) : size;
  const buffer = (needed + unit - 1) & ~(unit - 1);
  cachep.buffer_size = buffer;
  cachep.reciprocal = (0xffff_ffff / buffer) + 1;
  cachep.total_objects = 0;
  cachep.free_objects = 0;
  cachep.limit = buffer > 4096 ? 4 : buffer > 1024 ? 12 : buffer > 256 ? 24 : 60;
  cachep.batchcount = cachep.limit / 2;
  slab_layout(cachep);
  cachep.free_limit = 2 * cachep.batchcount + cachep.num;
  raw_spin_lock_init(cachep.list_lock, "kmem_cache.list_lock");
  INIT_LIST_HEAD(cachep.slabs_partial);
  INIT_LIST_HEAD(cachep.slabs_full);
  INIT_LIST_HEAD(cachep.slabs_free);
  for (const cpu of for_each_possible_cpu()) cachep.array[cpu] = no_array;
  list_add_tail(cachep.next, slab_caches);
}

/** Gives a CPU its array of the cache; that CPU is offline, or nobody uses the cache yet, or nothing else runs. */
function enable_cpucache(cachep: kmem_cache, cpu: u32): boolean {
  if (cachep.array[cpu] !== no_array) return true;
  const memory = kmalloc(ARRAY_CACHE_HEAD + cachep.limit * 4, GFP_KERNEL | __GFP_ZERO);
  if (memory === 0) return false;
  if (CONFIG.kmemleak.enabled) kmemleak_no_scan(memory);
  const ac = cast<array_cache>(memory);
  ac.limit = cachep.limit;
  ac.batchcount = cachep.batchcount;
  cachep.array[cpu] = ac;
  return true;
}

/** Takes the array of a CPU that is offline away. */
function disable_cpucache(cachep: kmem_cache, cpu: u32): void {
  const ac = cachep.array[cpu];
  if (ac === no_array) return;
  const flags = local_irq_save();
  drain_array(cachep, ac);
  local_irq_restore(flags);
  cachep.array[cpu] = no_array;
  kfree(addr(ac));
  drain_free_slabs(cachep);
}

/** Before anything else runs: kmalloc works afterwards. */
export function kmem_cache_init(): void {
  if (sizeof<rcu_head>() > sizeof<list_head>()) panic("slab: the links of a page have no room for an rcu_head");
  setup_cache(cache_cache, "kmem_cache", sizeof<kmem_cache>(), 0, 0, null);
  create_kmalloc_caches();
  kmem_cache_destroy_init();
  slab_prepare_cpu(smp_processor_id());
}

/** Arrays for a CPU that is about to start: all of them, or -ENOMEM and none. */
export function slab_prepare_cpu(cpu: u32): i32 {
  mutex_lock(slab_mutex);
  let enough = true;
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    if (!enable_cpucache(cachep, cpu)) enough = false;
  }
  mutex_unlock(slab_mutex);
  if (enough) return 0;
  slab_dead_cpu(cpu);
  return -ENOMEM;
}

/** A CPU has stopped, or did not start: its free objects go back to the slabs, its arrays are freed. */
export function slab_dead_cpu(cpu: u32): i32 {
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) disable_cpucache(cachep, cpu);
  mutex_unlock(slab_mutex);
  return 0;
}

/** Whether a cache can be made like that. */
function sane(size: u32, align: u32, flags: u32): boolean {
  if (size < WORD_BYTES || size > OBJECT_SIZE_MAX || in_interrupt()) return false;
  return (align & (align - 1)) === 0 && align <= PAGE_SIZE && (flags & ~KNOWN_FLAGS) === 0;
}

/** The new cache with an array for each CPU online, or null. */
function create_cache(
  name: string, size: u32, align: u32, flags: u32, ctor: ((object: usize) => void) | null,
): kmem_cache | null {
  const memory = kmem_cache_alloc(cache_cache, GFP_KERNEL | __GFP_ZERO);
  if (memory === 0) return null;
  const cachep = cast<kmem_cache>(memory);
  // Caches are made before there is a hotplug lock; no other CPU runs then.
  const booting = system_state() === SYSTEM_BOOTING;
  if (!booting) cpus_read_lock();
  mutex_lock(slab_mutex);
  setup_cache(cachep, name, size, align, flags, ctor);
  // A CPU that comes up later gets its array then. One without works, slowly.
  for (const cpu of for_each_possible_cpu()) if (cpu_online(cpu)) enable_cpucache(cachep, cpu);
  mutex_unlock(slab_mutex);
  if (!booting) cpus_read_unlock();
  return cachep;
}

/**
 * A cache of objects of `size` bytes (4 to 32768), aligned to `align` (a power of two up to a page; 0: 8). The constructor runs once on
 * each object of a new slab. Null when that makes no sense, which the log says, or when there is no memory; with SLAB_PANIC a
 * panic. `name` is not copied. Sleeps. @may_sleep
 */
export function kmem_cache_create(
  name: string, size: u32, align: u32, flags: u32, ctor: ((object: usize) => void) | null,
): kmem_cache | null {
  let cachep: kmem_cache | null = null;
  if (sane(size, align, flags)) {
    cachep = create_cache(name, size, align, flags, ctor);
  } else {
    pr_err("kmem_cache_create(%s) integrity check failed: size %u, align %u, flags %x\n", name, size, align, flags);
    dump_stack();
  }
  if (cachep === null && (flags & SLAB_PANIC) !== 0) panic("kmem_cache_create: Failed to create slab '%s'", name);
  return cachep;
}

/** On each CPU, interrupts off or on: its free objects go back to the slabs. */
function drain_local(cache: u32): void {
  const cachep = cast<kmem_cache>(cache);
  const flags = local_irq_save();
  drain_array(cachep, cachep.array[smp_processor_id()]);
  local_irq_restore(flags);
}

/** As kmem_cache_shrink. The caller is in cpus_read_lock and holds slab_mutex. */
export function __kmem_cache_shrink(cachep: kmem_cache): boolean {
  on_each_cpu(drain_local, addr(cachep), true);
  return drain_free_slabs(cachep);
}

/** Gives back all slabs in which nobody has an object. True when none is left: the cache holds no object at all. @may_sleep */
export function kmem_cache_shrink(cachep: kmem_cache): boolean {
  cpus_read_lock();
  mutex_lock(slab_mutex);
  const empty = __kmem_cache_shrink(cachep);
  mutex_unlock(slab_mutex);
  cpus_read_unlock();
  return empty;
}

/** Objects of the cache that somebody has; exact while nobody allocates or frees. */
export function objects_in_use(cachep: kmem_cache): u32 {
  const flags = raw_spin_lock_irqsave(cachep.list_lock);
  let count = cachep.total_objects - cachep.free_objects;
  for (const cpu of for_each_possible_cpu()) count -= READ_ONCE(cachep.array[cpu].avail);
  raw_spin_unlock_irqrestore(cachep.list_lock, flags);
  return count;
}

/** Shrinks every cache; the number of objects that somebody has, all caches together. @may_sleep */
export function kmem_cache_shrink_all(): u32 {
  let count: u32 = 0;
  cpus_read_lock();
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    __kmem_cache_shrink(cachep);
    count += objects_in_use(cachep);
  }
  mutex_unlock(slab_mutex);
  cpus_read_unlock();
  return count;
}

/** Pages that slabs of all caches take; exact while nobody allocates or frees. @may_sleep */
export function kmem_cache_pages(): u32 {
  let pages: u32 = 0;
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    pages += (READ_ONCE(cachep.total_objects) / cachep.num) << cachep.gfporder;
  }
  mutex_unlock(slab_mutex);
  return pages;
}
