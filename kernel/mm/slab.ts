// Slab allocator: caches of equal objects, and kmalloc on top of them.
//
// Allocation pops an object from this CPU's array_cache, freeing pushes one; the slabs behind it (slab-lists.ts, drawn in
// slab-cache.ts) are visited a batch at a time. A CPU without an array (early boot, before slab_prepare_cpu) works on the
// slabs directly.
// Callable in any context; an allocation never sleeps. 0 means no memory. Freeing what is not an allocated object's start
// is a BUG, detected by the object's state.
// Locks: array_cache: its CPU, interrupts off. list_lock: the slabs. slab_mutex: slab_caches, and arrays coming and going.
// Order: slab_mutex -> list_lock -> zone.lock. The hooks of kmemleak run with no slab lock held: after an allocation with
// interrupts as the caller had them, before a free with interrupts off.
// Limits: no colouring, no NUMA, no reaper: arrays keep what they hold until shrink, destroy or their CPU's end.

import { CONFIG } from "config";
import { MARK } from "../abi/marks.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { PAGE_SIZE } from "../arch/page.ts";
import { BUG } from "../lib/bug.ts";
import { memset } from "../lib/string.ts";
import { smp_processor_id } from "../sched/task.ts";
import { __GFP_ZERO, might_alloc } from "./gfp.ts";
import { kmemleak_alloc, kmemleak_alloc_recursive, kmemleak_erase, kmemleak_free, kmemleak_free_recursive } from "./kmemleak.ts";
import {
  __free_pages, alloc_pages, get_order, page, page_address, PG_large, PG_slab, PG_tail, virt_addr_valid, virt_to_page,
} from "./page_alloc.ts";
import { kmem_cache, object_state, OBJECT_CACHED, OBJECT_USED, slab_of, slab_offset } from "./slab-cache.ts";
import { cache_alloc_direct, cache_alloc_refill, cache_flusharray, cache_free_direct } from "./slab-lists.ts";
import { kmalloc_caches, KMALLOC_MAX_CACHE_SIZE } from "./slab-create.ts";

/** Interrupts are off. The state of the object is USED afterwards. */
function ____cache_alloc(cachep: kmem_cache, gfp: u32): usize {
  "inline";
  const ac = cachep.array[smp_processor_id()];
  let object: usize = 0;
  if (ac !== null) {
    const avail = ac.avail;
    if (likely(avail !== 0)) {
      ac.avail = avail - 1;
      object = ac.entry[avail - 1];
      if (CONFIG.kmemleak.enabled) kmemleak_erase(addressOf(ac.entry[avail - 1]));
    } else {
      object = cache_alloc_refill(cachep, ac, gfp);
    }
  } else {
    object = cache_alloc_direct(cachep, gfp);
  }
  if (likely(object !== 0)) {
    const index = mulhu(slab_offset(cachep, object), cachep.reciprocal);
    object_state(slab_of(object), index)[0] = OBJECT_USED;
  }
  return object;
}

/** An object of the cache, or 0. */
export function kmem_cache_alloc(cachep: kmem_cache, gfp: u32): usize {
  might_alloc(gfp);
  const flags = local_irq_save();
  const object = ____cache_alloc(cachep, gfp);
  local_irq_restore(flags);
  if (unlikely(object === 0)) return 0;
  traceMark(MARK.ALLOC, object, cachep.obj_size, cachep);
  if (CONFIG.kmemleak.enabled) kmemleak_alloc_recursive(object, cachep.obj_size, 1, cachep.flags, gfp);
  if ((gfp & __GFP_ZERO) !== 0) memset(object, 0, cachep.obj_size);
  return object;
}

/** Why `object` cannot be freed, in the words of BUG. */
function bad_free(cachep: kmem_cache, object: usize, offset: u32, state: u32): never {
  "noinline";
  if (offset % cachep.buffer_size !== 0) {
    BUG("free of %p in cache %s: not the start of an object (it is %u bytes inside one)", object, cachep.name,
      offset % cachep.buffer_size);
  }
  BUG("free of %p in cache %s: the object is free already (state %02x)", object, cachep.name, state);
}

function __cache_free(cachep: kmem_cache, slab: page, object: usize): void {
  "inline";
  const flags = local_irq_save();
  const offset = slab_offset(cachep, object);
  const index = mulhu(offset, cachep.reciprocal);
  const state = object_state(slab, index);
  if (unlikely(index * cachep.buffer_size !== offset || state[0] !== OBJECT_USED)) {
    bad_free(cachep, object, offset, state[0]);
  }
  traceMark(MARK.FREE, object, 0, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_free_recursive(object, cachep.flags);
  state[0] = OBJECT_CACHED;
  const ac = cachep.array[smp_processor_id()];
  if (ac !== null) {
    if (unlikely(ac.avail === ac.limit)) cache_flusharray(cachep, ac);
    ac.entry[ac.avail] = object;
    ac.avail += 1;
  } else {
    cache_free_direct(cachep, object);
  }
  local_irq_restore(flags);
}

export function kmem_cache_free(cachep: kmem_cache, object: usize): void {
  if (unlikely(!virt_addr_valid(object) || (virt_to_page(object).flags & PG_slab) === 0)) {
    BUG("kmem_cache_free of %p to cache %s: not the address of a slab object", object, cachep.name);
  }
  const slab = slab_of(object);
  if (unlikely(slab.slab_cache !== addr(cachep))) {
    BUG("kmem_cache_free of %p to cache %s: it belongs to %s", object, cachep.name,
      cast<kmem_cache>(slab.slab_cache).name);
  }
  __cache_free(cachep, slab, object);
}

/** The cache that serves `size`, which is at most KMALLOC_MAX_CACHE_SIZE. */
function kmalloc_cache(size: usize): kmem_cache {
  "inline";
  let limit: u32 = 32;
  let n: u32 = 0;
  while (limit < size) {
    limit <<= 1;
    n++;
  }
  return kmalloc_caches[n];
}

function kmalloc_large(size: usize, gfp: u32): usize {
  "noinline";
  const order = get_order(size);
  const p = alloc_pages(gfp, order);
  if (p === null) return 0;
  p.flags = PG_large;
  const block = page_address(p);
  traceMark(MARK.ALLOC, block, size, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_alloc(block, PAGE_SIZE << order, 1, gfp);
  return block;
}

/** A block of at least `size` bytes, aligned to its size class, or 0. */
export function kmalloc(size: usize, gfp: u32): usize {
  if (unlikely(size > KMALLOC_MAX_CACHE_SIZE)) return kmalloc_large(size, gfp);
  return kmem_cache_alloc(kmalloc_cache(size), gfp);
}

/** As kmalloc, cleared. */
export function kzalloc(size: usize, gfp: u32): usize {
  return kmalloc(size, gfp | __GFP_ZERO);
}

function kfree_large(block: usize, p: page): void {
  "noinline";
  if ((p.flags & PG_large) === 0 || (block & (PAGE_SIZE - 1)) !== 0) {
    BUG("kfree of %p: no block of kmalloc begins there", block);
  }
  traceMark(MARK.FREE, block, 0, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_free(block);
  p.flags = 0;
  __free_pages(p, p.private);
}

/** Frees what kmalloc or kmem_cache_alloc gave; 0 is ignored. */
export function kfree(block: usize): void {
  if (block === 0) return;
  if (unlikely(!virt_addr_valid(block))) BUG("kfree of %p: not the address of any allocated memory", block);
  let p = virt_to_page(block);
  if (unlikely((p.flags & PG_slab) === 0)) {
    kfree_large(block, p);
    return;
  }
  if ((p.flags & PG_tail) !== 0) p = cast<page>(p.private);
  __cache_free(cast<kmem_cache>(p.slab_cache), p, block);
}

/** Bytes that may be used of a block; 0 for the null block. */
export function ksize(block: usize): usize {
  if (block === 0) return 0;
  if (!virt_addr_valid(block)) BUG("ksize of %p: not the address of any allocated memory", block);
  const p = virt_to_page(block);
  if ((p.flags & PG_slab) === 0) return PAGE_SIZE << p.private;
  return cast<kmem_cache>(slab_of(block).slab_cache).obj_size;
}

export { kmem_cache } from "./slab-cache.ts";
export {
  kmem_cache_create, kmem_cache_destroy, kmem_cache_init, kmem_cache_shrink, slab_dead_cpu, slab_prepare_cpu, SLAB_HWCACHE_ALIGN,
  SLAB_NOLEAKTRACE,
} from "./slab-create.ts";
