// The slabs behind the per-CPU arrays: new slabs from pages, objects taken from slabs and given back.
//
// Lock: kmem_cache.list_lock, inside it zone.lock (an empty slab goes back with list_lock held). Callers have interrupts
// off. Growing calls the constructor, and the page allocator, with no lock held.

import { CONFIG } from "config";
import { PAGE_SIZE } from "../arch/page.ts";
import { atomic_set } from "../lib/atomic.ts";
import { list_add, list_add_tail, list_del, list_empty, list_head } from "../lib/list.ts";
import { memmove } from "../lib/string.ts";
import { spin_lock, spin_unlock } from "../locking/spinlock.ts";
import { __GFP_WAIT, __GFP_ZERO } from "./gfp.ts";
import { kmemleak_erase } from "./kmemleak.ts";
import { __free_pages, alloc_pages, page, page_address, PG_slab, PG_tail } from "./page_alloc.ts";
import {
  array_cache, kmem_cache, object_state, OBJECT_CACHED, OBJECT_END, slab_of, slab_offset, SLAB_INLINE_MAX,
} from "./slab-cache.ts";

/** A new slab in slabs_free; false when there is no memory. */
export function cache_grow(cachep: kmem_cache, gfp: u32): boolean {
  // Interrupts are off, whatever the caller of the cache may do.
  const slab = alloc_pages(gfp & ~(__GFP_ZERO | __GFP_WAIT), cachep.gfporder);
  if (slab === null) return false;
  const start = page_address(slab);
  const num = cachep.num;
  slab.flags = PG_slab;
  slab.slab_cache = addr(cachep);
  slab.inuse = 0;
  slab.free = 0;
  slab.freelist = num <= SLAB_INLINE_MAX
    ? addr(addressOf(slab.private))
    : start + (PAGE_SIZE << cachep.gfporder) - num;
  for (let n: u32 = 1; n < 1 << cachep.gfporder; n++) {
    const tail = cast<page>(addr(slab) + n * sizeof<page>());
    tail.flags = PG_slab | PG_tail;
    tail.private = addr(slab);
  }
  const state = object_state(slab, 0);
  for (let n: u32 = 0; n < num; n++) state[n] = u8(n + 1);
  state[num - 1] = OBJECT_END;
  const ctor = cachep.ctor;
  if (ctor !== null) for (let n: u32 = 0; n < num; n++) ctor(start + n * cachep.buffer_size);
  spin_lock(cachep.list_lock);
  list_add_tail(slab.lru, cachep.slabs_free);
  cachep.total_objects += num;
  cachep.free_objects += num;
  spin_unlock(cachep.list_lock);
  return true;
}

/** Give the pages of an empty slab, which is on no list any more, back. list_lock is held. */
function slab_destroy(cachep: kmem_cache, slab: page): void {
  cachep.total_objects -= cachep.num;
  cachep.free_objects -= cachep.num;
  for (let n: u32 = 0; n < 1 << cachep.gfporder; n++) {
    cast<page>(addr(slab) + n * sizeof<page>()).flags = 0;
  }
  // `private` held states of objects.
  slab.private = cachep.gfporder;
  atomic_set(slab._count, 1);
  __free_pages(slab, cachep.gfporder);
}

/** Take the first free object of a slab that has one; it is CACHED from now on. list_lock is held. */
function slab_get_obj(cachep: kmem_cache, slab: page): usize {
  "inline";
  const index = u32(slab.free);
  const state = object_state(slab, index);
  slab.free = state[0];
  state[0] = OBJECT_CACHED;
  slab.inuse += 1;
  return page_address(slab) + index * cachep.buffer_size;
}

/** Where a slab belongs after objects were taken from it or given back. list_lock is held. */
function list_of(cachep: kmem_cache, slab: page): list_head {
  "inline";
  return slab.free === OBJECT_END ? cachep.slabs_full : cachep.slabs_partial;
}

/** The first slab with a free object, partial ones first, or null. list_lock is held. */
function first_slab(cachep: kmem_cache): page | null {
  "inline";
  if (!list_empty(cachep.slabs_partial)) return containerOf(page, "lru", cachep.slabs_partial.next);
  if (!list_empty(cachep.slabs_free)) return containerOf(page, "lru", cachep.slabs_free.next);
  return null;
}

/** Move up to batchcount objects from the slabs to the array; how many. */
function take_batch(cachep: kmem_cache, ac: array_cache): u32 {
  const entry = addressOf(ac.entry[0]);
  let taken: u32 = 0;
  spin_lock(cachep.list_lock);
  while (taken < ac.batchcount) {
    const slab = first_slab(cachep);
    if (slab === null) break;
    do {
      entry[taken] = slab_get_obj(cachep, slab);
      taken++;
    } while (taken < ac.batchcount && slab.free !== OBJECT_END);
    list_del(slab.lru);
    list_add(slab.lru, list_of(cachep, slab));
  }
  cachep.free_objects -= taken;
  spin_unlock(cachep.list_lock);
  return taken;
}

/** An object for a CPU whose array is empty; the array is refilled on the way. 0 when there is no memory. */
export function cache_alloc_refill(cachep: kmem_cache, ac: array_cache, gfp: u32): usize {
  "noinline";
  let avail = take_batch(cachep, ac);
  if (avail === 0) {
    if (!cache_grow(cachep, gfp)) return 0;
    avail = take_batch(cachep, ac);
    // Another CPU was faster.
    if (avail === 0) return cache_alloc_refill(cachep, ac, gfp);
  }
  ac.avail = avail - 1;
  const object = ac.entry[avail - 1];
  if (CONFIG.kmemleak.enabled) kmemleak_erase(addressOf(ac.entry[avail - 1]));
  return object;
}

/** An object for a CPU that has no array. */
export function cache_alloc_direct(cachep: kmem_cache, gfp: u32): usize {
  "noinline";
  for (;;) {
    spin_lock(cachep.list_lock);
    const slab = first_slab(cachep);
    if (slab !== null) {
      const object = slab_get_obj(cachep, slab);
      cachep.free_objects -= 1;
      list_del(slab.lru);
      list_add(slab.lru, list_of(cachep, slab));
      spin_unlock(cachep.list_lock);
      return object;
    }
    spin_unlock(cachep.list_lock);
    if (!cache_grow(cachep, gfp)) return 0;
  }
}

/** Give CACHED objects back to their slabs. list_lock is held. */
function free_block(cachep: kmem_cache, objects: Ptr<usize>, count: u32): void {
  for (let n: u32 = 0; n < count; n++) {
    const object = objects[n];
    const slab = slab_of(object);
    const index = mulhu(slab_offset(cachep, object), cachep.reciprocal);
    object_state(slab, index)[0] = slab.free;
    slab.free = u8(index);
    slab.inuse -= 1;
    cachep.free_objects += 1;
    list_del(slab.lru);
    if (slab.inuse !== 0) list_add(slab.lru, cachep.slabs_partial);
    else if (cachep.free_objects > cachep.free_limit) slab_destroy(cachep, slab);
    else list_add(slab.lru, cachep.slabs_free);
  }
}

/** Empty an array: at its CPU's end or for a shrink. Interrupts are off. */
export function drain_array(cachep: kmem_cache, ac: array_cache): void {
  spin_lock(cachep.list_lock);
  free_block(cachep, addressOf(ac.entry[0]), ac.avail);
  spin_unlock(cachep.list_lock);
  ac.avail = 0;
}

/** A full array gives its oldest objects back. */
export function cache_flusharray(cachep: kmem_cache, ac: array_cache): void {
  "noinline";
  const batch = ac.batchcount;
  const entry = addressOf(ac.entry[0]);
  spin_lock(cachep.list_lock);
  free_block(cachep, entry, batch);
  spin_unlock(cachep.list_lock);
  ac.avail -= batch;
  memmove(addr(entry), addr(entry.add(batch)), ac.avail * 4);
}

/** An object freed on a CPU that has no array. */
export function cache_free_direct(cachep: kmem_cache, object: usize): void {
  "noinline";
  let one = object;
  spin_lock(cachep.list_lock);
  free_block(cachep, addressOf(one), 1);
  spin_unlock(cachep.list_lock);
}

/** Give all empty slabs back; true when no slab is left. Interrupts are off. */
export function drain_free_slabs(cachep: kmem_cache): boolean {
  spin_lock(cachep.list_lock);
  while (!list_empty(cachep.slabs_free)) {
    const slab = containerOf(page, "lru", cachep.slabs_free.next);
    list_del(slab.lru);
    slab_destroy(cachep, slab);
  }
  const empty = cachep.total_objects === 0;
  spin_unlock(cachep.list_lock);
  return empty;
}
