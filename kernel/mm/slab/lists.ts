// The slabs behind the per-CPU arrays: new slabs from pages, objects taken from slabs and given back.
//
// Lock: kmem_cache.list_lock (raw, interrupts off), innermost: nothing is called under it. The page allocator, constructors and
// call_rcu run with no lock held and interrupts as the caller of the allocator had them; slabs to be given up are collected on a
// list and released afterwards. So a blocking allocation may sleep in the page allocator, and on rt nothing here takes a
// sleeping lock with interrupts off; an object may even be freed with interrupts off there, its slab is then kept.
// Lifetime of a slab: from cache_grow until it is empty and surplus; its pages with SLAB_DESTROY_BY_RCU one grace period
// longer (rcu_free.ts).

import { BUSTED, CONFIG, PREEMPT } from "config";
import { MARK } from "../../abi/marks.ts";
import { local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { PAGE_SIZE } from "../../arch/page.ts";
import { atomic_set } from "../../lib/atomic.ts";
import { list_add, list_add_tail, list_del, list_empty, list_head } from "../../lib/list.ts";
import { memmove } from "../../lib/string.ts";
import { raw_spin_lock, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { preemptible } from "../../sched/preempt.ts";
import { smp_processor_id } from "../../sched/task.ts";
import { __GFP_ZERO } from "../gfp.ts";
import { kmemleak_erase } from "../kmemleak.ts";
import { __free_pages, alloc_pages, page, page_address, PG_slab, PG_tail } from "../page_alloc.ts";
import {
  array_cache, kmem_cache, object_index, object_state, OBJECT_CACHED, OBJECT_END, slab_of, SLAB_DESTROY_BY_RCU, SLAB_INLINE_MAX,
} from "./cache.ts";
import { check_slab_on_release, setup_slab_debug } from "./debug.ts";
import { free_slab_by_rcu } from "./rcu_free.ts";

/** A new slab in slabs_free; false when there is no memory. */
function cache_grow(cachep: kmem_cache, gfp: u32): boolean {
  const slab = alloc_pages(gfp & ~__GFP_ZERO, cachep.gfporder);
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
  if (CONFIG.slab.debug) setup_slab_debug(cachep, start);
  const first = CONFIG.slab.debug ? start + cachep.red_left : start;
  const ctor = cachep.ctor;
  if (ctor !== null) for (let n: u32 = 0; n < num; n++) ctor(first + n * cachep.buffer_size);
  traceMark(MARK.SLAB_CREATE, start, num * cachep.buffer_size, cachep);
  const flags = raw_spin_lock_irqsave(cachep.list_lock);
  list_add_tail(slab.lru, cachep.slabs_free);
  cachep.total_objects += num;
  cachep.free_objects += num;
  raw_spin_unlock_irqrestore(cachep.list_lock, flags);
  return true;
}

/** Gives the pages of a slab that is on no list any more back. */
export function kmem_freepages(slab: page, order: u32): void {
  for (let n: u32 = 0; n < 1 << order; n++) cast<page>(addr(slab) + n * sizeof<page>()).flags = 0;
  // `private` held states of objects.
  slab.private = order;
  atomic_set(slab._count, 1);
  __free_pages(slab, order);
}

/** Releases the empty slabs of `surplus`, which nobody else sees any more. No lock is held. */
function release_slabs(cachep: kmem_cache, surplus: list_head): void {
  while (!list_empty(surplus)) {
    const slab = containerOf(page, "lru", surplus.next);
    list_del(slab.lru);
    if (CONFIG.slab.debug) check_slab_on_release(cachep, page_address(slab));
    // The seeded bug: readers may still look at these objects.
    if ((cachep.flags & SLAB_DESTROY_BY_RCU) !== 0 && CONFIG.busted !== BUSTED.slab) {
      free_slab_by_rcu(slab);
    } else {
      kmem_freepages(slab, cachep.gfporder);
    }
  }
}

/** Takes the first free object of a slab that has one; it is CACHED from now on. list_lock is held. */
function slab_get_obj(cachep: kmem_cache, slab: page): usize {
  "inline";
  const index = u32(slab.free);
  const state = object_state(slab, index);
  slab.free = state[0];
  state[0] = OBJECT_CACHED;
  slab.inuse += 1;
  const buffer = page_address(slab) + index * cachep.buffer_size;
  return CONFIG.slab.debug ? buffer + cachep.red_left : buffer;
}

/** The first slab with a free object, partial ones first, or null. list_lock is held. */
function first_slab(cachep: kmem_cache): page | null {
  "inline";
  if (!list_empty(cachep.slabs_partial)) return containerOf(page, "lru", cachep.slabs_partial.next);
  if (!list_empty(cachep.slabs_free)) return containerOf(page, "lru", cachep.slabs_free.next);
  return null;
}

/** Moves up to `wanted` objects from the slabs to `to`; how many. Interrupts are off. */
function take_objects(cachep: kmem_cache, to: Ptr<usize>, wanted: u32): u32 {
  let taken: u32 = 0;
  raw_spin_lock(cachep.list_lock);
  while (taken < wanted) {
    const slab = first_slab(cachep);
    if (slab === null) break;
    do {
      to[taken] = slab_get_obj(cachep, slab);
      taken++;
    } while (taken < wanted && slab.free !== OBJECT_END);
    list_del(slab.lru);
    list_add(slab.lru, slab.free === OBJECT_END ? cachep.slabs_full : cachep.slabs_partial);
  }
  cachep.free_objects -= taken;
  raw_spin_unlock(cachep.list_lock);
  return taken;
}

/** For a CPU without an array; apart, so that only then an object's address stands in a frame. Interrupts are off. */
function take_one(cachep: kmem_cache): usize {
  "noinline";
  let object: usize = 0;
  take_objects(cachep, addressOf(object), 1);
  return object;
}

/** An object out of this CPU's array, which is refilled if need be, or of the slabs when the CPU has none. 0: grow first. */
function refill(cachep: kmem_cache): usize {
  let object: usize = 0;
  const flags = local_irq_save();
  const ac = cachep.array[smp_processor_id()];
  if (ac.limit === 0) {
    object = take_one(cachep);
  } else {
    // Not empty any more when an interrupt, or another task here, was faster.
    if (ac.avail === 0) ac.avail = take_objects(cachep, addressOf(ac.entry[0]), ac.batchcount);
    if (ac.avail !== 0) {
      ac.avail -= 1;
      const slot = addressOf(ac.entry[ac.avail]);
      object = slot[0];
      if (CONFIG.kmemleak.enabled) kmemleak_erase(slot);
    }
  }
  local_irq_restore(flags);
  return object;
}

/** The slow path of an allocation: this CPU's array was empty. 0 when there is no memory. */
export function cache_alloc_refill(cachep: kmem_cache, gfp: u32): usize {
  "noinline";
  for (;;) {
    const object = refill(cachep);
    if (object !== 0) return object;
    if (!cache_grow(cachep, gfp)) return 0;
  }
}

/**
 * Gives CACHED objects back to their slabs. Slabs that are empty then and more than the cache shall keep go to `surplus`, if
 * that is given. list_lock is held.
 */
function free_block(cachep: kmem_cache, objects: Ptr<usize>, count: u32, surplus: list_head | null): void {
  for (let n: u32 = 0; n < count; n++) {
    const object = objects[n];
    const slab = slab_of(object);
    const index = object_index(cachep, object);
    object_state(slab, index)[0] = slab.free;
    slab.free = u8(index);
    slab.inuse -= 1;
    cachep.free_objects += 1;
    list_del(slab.lru);
    if (slab.inuse !== 0) {
      list_add(slab.lru, cachep.slabs_partial);
    } else if (surplus !== null && cachep.free_objects > cachep.free_limit) {
      cachep.total_objects -= cachep.num;
      cachep.free_objects -= cachep.num;
      list_add(slab.lru, surplus);
    } else {
      list_add(slab.lru, cachep.slabs_free);
    }
  }
}

/** A full array gives its oldest objects back. Interrupts are off. */
function cache_flusharray(cachep: kmem_cache, ac: array_cache, surplus: list_head | null): void {
  const batch = ac.batchcount;
  const entry = addressOf(ac.entry[0]);
  raw_spin_lock(cachep.list_lock);
  free_block(cachep, entry, batch, surplus);
  raw_spin_unlock(cachep.list_lock);
  ac.avail -= batch;
  memmove(addr(entry), addr(entry.add(batch)), ac.avail * 4);
}

/** For a CPU without an array: as take_one. */
function give_one(cachep: kmem_cache, object: usize, surplus: list_head | null): void {
  "noinline";
  let one = object;
  raw_spin_lock(cachep.list_lock);
  free_block(cachep, addressOf(one), 1, surplus);
  raw_spin_unlock(cachep.list_lock);
}

/** On rt the page allocator's lock may sleep: who may not keeps an empty slab for the next one who frees, or a shrink. */
function may_release(): boolean {
  "inline";
  return CONFIG.preempt !== PREEMPT.rt || preemptible();
}

/** The slow path of a free: this CPU's array was full, or there is none. */
export function cache_free_flush(cachep: kmem_cache, object: usize): void {
  "noinline";
  const surplus = new list_head();
  const wanted = may_release() ? surplus : null;
  const flags = local_irq_save();
  const ac = cachep.array[smp_processor_id()];
  if (ac.limit === 0) {
    give_one(cachep, object, wanted);
  } else {
    if (ac.avail === ac.limit) cache_flusharray(cachep, ac, wanted);
    ac.entry[ac.avail] = object;
    ac.avail += 1;
  }
  local_irq_restore(flags);
  release_slabs(cachep, surplus);
}

/** Empties an array: at its CPU's end or for a shrink. Interrupts are off. */
export function drain_array(cachep: kmem_cache, ac: array_cache): void {
  raw_spin_lock(cachep.list_lock);
  free_block(cachep, addressOf(ac.entry[0]), ac.avail, null);
  raw_spin_unlock(cachep.list_lock);
  ac.avail = 0;
}

/** Gives all empty slabs back; true when no slab is left. */
export function drain_free_slabs(cachep: kmem_cache): boolean {
  const surplus = new list_head();
  const flags = raw_spin_lock_irqsave(cachep.list_lock);
  while (!list_empty(cachep.slabs_free)) {
    const slab = containerOf(page, "lru", cachep.slabs_free.next);
    list_del(slab.lru);
    list_add_tail(slab.lru, surplus);
    cachep.total_objects -= cachep.num;
    cachep.free_objects -= cachep.num;
  }
  const empty = cachep.total_objects === 0;
  raw_spin_unlock_irqrestore(cachep.list_lock, flags);
  release_slabs(cachep, surplus);
  return empty;
}
