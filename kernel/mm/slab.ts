// Slab allocator: caches of equal objects. kmalloc (slab/kmalloc.ts) is built on top of them.
//
// Allocation pops an object from this CPU's array_cache, freeing pushes one; the slabs behind it (slab/lists.ts, drawn in
// slab/cache.ts) are visited a batch at a time. A CPU without an array (early boot, no memory for one) works on the slabs
// directly.
// Callable in any context; 0 means no memory. Freeing what is not an allocated object's start is a BUG, detected by the
// object's state; with slab.debug it is a report, and the object stays as it is.
// Locks: array_cache: its CPU, interrupts off, in every preemption model: local_irq_save keeps other tasks and handlers of the
//   CPU out whatever a spinlock_t does, and nothing between it and local_irq_restore may sleep. list_lock (raw): the slabs.
//   slab_mutex: slab_caches, and arrays coming and going. Order: cpu_hotplug -> slab_mutex -> list_lock.
//   The hooks of kmemleak and the debug checks run with no slab lock held and interrupts as the caller had them; the object
//   is nobody else's then.
// Limits: no colouring, no NUMA, no shared array, no reaper: arrays keep what they hold until shrink, destroy or their CPU's end.

import { CONFIG } from "config";
import { MARK } from "../abi/marks.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { memset } from "../lib/string.ts";
import { smp_processor_id } from "../sched/task.ts";
import { should_failslab } from "./fault-inject.ts";
import { __GFP_ZERO, might_alloc } from "./gfp.ts";
import { kmemleak_alloc_recursive, kmemleak_erase, kmemleak_free_recursive } from "./kmemleak.ts";
import { page, PG_slab, virt_addr_valid, virt_to_page } from "./page_alloc.ts";
import { kmem_cache, object_index, object_state, OBJECT_CACHED, OBJECT_USED, slab_of, slab_offset, SLAB_DESTROY_BY_RCU } from "./slab/cache.ts";
import { alloc_debug_processing, free_debug_processing } from "./slab/debug.ts";
import { bad_free, wrong_cache } from "./slab/report.ts";
import { cache_alloc_refill, cache_free_flush } from "./slab/lists.ts";

/** An object of the cache, or 0; its state is USED. */
export function slab_alloc(cachep: kmem_cache, gfp: u32): usize {
  "inline";
  might_alloc(gfp);
  if (CONFIG.fault_injection && should_failslab(cachep.obj_size, gfp)) return 0;
  traceMark(MARK.ALLOC_ENTER);
  let object: usize;
  const flags = local_irq_save();
  const ac = cachep.array[smp_processor_id()];
  const avail = ac.avail;
  if (likely(avail !== 0)) {
    const slot = addressOf(ac.entry[avail - 1]);
    ac.avail = avail - 1;
    object = slot[0];
    if (CONFIG.kmemleak.enabled) kmemleak_erase(slot);
    local_irq_restore(flags);
  } else {
    local_irq_restore(flags);
    object = cache_alloc_refill(cachep, gfp);
    if (object === 0) {
      traceMark(MARK.ALLOC_LEAVE);
      return 0;
    }
  }
  object_state(slab_of(object), object_index(cachep, object))[0] = OBJECT_USED;
  traceMark(MARK.ALLOC, object, cachep.obj_size, cachep);
  if (CONFIG.slab.debug) alloc_debug_processing(cachep, object);
  if (CONFIG.kmemleak.enabled) kmemleak_alloc_recursive(object, cachep.obj_size, 1, cachep.flags, gfp);
  if ((gfp & __GFP_ZERO) !== 0) memset(object, 0, cachep.obj_size);
  traceMark(MARK.ALLOC_LEAVE);
  return object;
}

/** An object of the cache, or 0. @may_sleep_if gfp __GFP_WAIT */
export function kmem_cache_alloc(cachep: kmem_cache, gfp: u32): usize {
  "noinline";
  return slab_alloc(cachep, gfp);
}

/** As kmem_cache_alloc, cleared. */
export function kmem_cache_zalloc(cachep: kmem_cache, gfp: u32): usize {
  return kmem_cache_alloc(cachep, gfp | __GFP_ZERO);
}

/** Frees an address in a slab of the cache. */
export function slab_free(cachep: kmem_cache, slab: page, object: usize): void {
  "inline";
  traceMark(MARK.FREE, object, cachep.flags & SLAB_DESTROY_BY_RCU, 0);
  const offset = slab_offset(cachep, object);
  const index = mulhu(offset, cachep.reciprocal);
  const state = object_state(slab, index);
  if (unlikely(index * cachep.buffer_size !== offset || index >= cachep.num || state[0] !== OBJECT_USED)) {
    bad_free(cachep, slab, object);
    traceMark(MARK.FREE_LEAVE);
    return;
  }
  if (CONFIG.slab.debug) free_debug_processing(cachep, object);
  if (CONFIG.kmemleak.enabled) kmemleak_free_recursive(object, cachep.flags);
  state[0] = OBJECT_CACHED;
  const flags = local_irq_save();
  const ac = cachep.array[smp_processor_id()];
  const avail = ac.avail;
  if (likely(avail !== ac.limit)) {
    ac.entry[avail] = object;
    ac.avail = avail + 1;
    local_irq_restore(flags);
  } else {
    local_irq_restore(flags);
    cache_free_flush(cachep, object);
  }
  traceMark(MARK.FREE_LEAVE);
}

export function kmem_cache_free(cachep: kmem_cache, object: usize): void {
  "noinline";
  if (unlikely(!virt_addr_valid(object) || (virt_to_page(object).flags & PG_slab) === 0)) {
    wrong_cache(cachep, object, null);
    return;
  }
  const slab = slab_of(object);
  if (unlikely(slab.slab_cache !== addr(cachep))) {
    wrong_cache(cachep, object, cast<kmem_cache>(slab.slab_cache));
    return;
  }
  slab_free(cachep, slab, object);
}

/** Bytes of an object of the cache that its user may use. */
export function kmem_cache_size(cachep: kmem_cache): u32 {
  return cachep.obj_size;
}

export {
  kmem_cache, SLAB_CONSISTENCY_CHECKS, SLAB_DESTROY_BY_RCU, SLAB_HWCACHE_ALIGN, SLAB_NOLEAKTRACE, SLAB_PANIC, SLAB_POISON,
  SLAB_RED_ZONE, SLAB_STORE_USER,
} from "./slab/cache.ts";
export {
  kmem_cache_create, kmem_cache_init, kmem_cache_pages, kmem_cache_shrink, kmem_cache_shrink_all, slab_dead_cpu, slab_prepare_cpu,
} from "./slab/create.ts";
export { kmem_cache_destroy } from "./slab/destroy.ts";
export { slabinfo_show } from "./slab/info.ts";
export {
  kcalloc, kfree, kmalloc, kmalloc_array, krealloc, ksize, kzalloc, KMALLOC_MAX_CACHE_SIZE, KMALLOC_MAX_SIZE, ZERO_SIZE_PTR,
} from "./slab/kmalloc.ts";
