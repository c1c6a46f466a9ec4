// Where kmemleak's metadata comes from and goes to: two caches of its own, which it does not track.
//
// Freeing waits for a grace period (kmemleak.free=rcu): the free hook runs inside the slab's free path, where giving metadata back at
// once would enter the allocator again, and walkers of object_list may still stand on it. `workqueue` is the other way out that was
// named in 2008; it collects what was freed and waits for walkers itself. `immediate` is wrong on purpose.

import { list_head } from "../../lib/list.ts";
import { SYSTEM_RUNNING, system_state } from "../../lib/system_state.ts";
import { BUG_ON, panic } from "../../lib/bug.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../gfp.ts";
import { call_rcu, rcu_head, synchronize_rcu } from "../../rcu/rcu.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import { INIT_WORK, schedule_work, work_struct } from "../../sched/workqueue.ts";
import { kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free, SLAB_NOLEAKTRACE } from "../slab.ts";
import { FREE_AT_ONCE, FREE_WORK, POOL, TRACKED_CACHE } from "./design.ts";
import { INDEX_NODE_SIZE } from "./index/index.ts";
import { kmemleak_object, kmemleak_scan_area } from "./object.ts";
import { in_pool, mem_pool_alloc, mem_pool_free, POOL_NODE_WORDS } from "./pool.ts";

let object_cache: kmem_cache | null = null;
let scan_area_cache: kmem_cache | null = null;

export function kmemleak_metadata_init(): void {
  object_cache = kmem_cache_create("kmemleak_object", sizeof<kmemleak_object>() + INDEX_NODE_SIZE, 0, TRACKED_CACHE ? 0 : SLAB_NOLEAKTRACE, null);
  scan_area_cache = kmem_cache_create("kmemleak_scan_area", sizeof<kmemleak_scan_area>(), 0, SLAB_NOLEAKTRACE, null);
  if (object_cache === null || scan_area_cache === null) panic("kmemleak: no memory for its caches");
  if (POOL) BUG_ON(INDEX_NODE_SIZE > POOL_NODE_WORDS * 4);
  if (FREE_WORK) INIT_WORK(free_work, free_waiting);
}

/** Memory for an object and its index node, or null. */
export function alloc_metadata(gfp: u32): kmemleak_object | null {
  if (POOL) {
    const cache = object_cache;
    const object = cache === null ? null : castOrNull<kmemleak_object>(kmem_cache_alloc(cache, gfp & (GFP_KERNEL | GFP_ATOMIC)));
    return object !== null ? object : mem_pool_alloc();
  }
  return castOrNull<kmemleak_object>(kmem_cache_alloc(object_cache!, gfp & (GFP_KERNEL | GFP_ATOMIC)));
}

export function alloc_scan_area(gfp: u32): kmemleak_scan_area | null {
  // Before there are caches the whole block is scanned.
  if (POOL && scan_area_cache === null) return null;
  return castOrNull<kmemleak_scan_area>(kmem_cache_alloc(scan_area_cache!, gfp & (GFP_KERNEL | GFP_ATOMIC)));
}

export function discard_scan_area(area: kmemleak_scan_area): void {
  kmem_cache_free(scan_area_cache!, addr(area));
}

/** Frees what nobody can reach, or what was never published: at once. */
export function discard_metadata(object: kmemleak_object): void {
  let area = object.areas;
  while (area !== null) {
    const next = area.next;
    discard_scan_area(area);
    area = next;
  }
  // A walker that still stands here shall fault, not wander.
  object.object_list.next = cast<list_head>(0x6b6b_6b6b);
  object.flags = 0;
  if (POOL && in_pool(object)) mem_pool_free(object);
  else kmem_cache_free(object_cache!, addr(object));
}

/** The defect: wherever it came from. */
export function free_to_slab(object: kmemleak_object): void {
  kmem_cache_free(object_cache!, addr(object));
}

/** @atomic */
function free_object_rcu(head: rcu_head): void {
  discard_metadata(containerOf(kmemleak_object, "rcu", head));
}

// ---- the work queue's way ----

const free_work = new work_struct();
const free_lock = new raw_spinlock_t();
/** Linked by gray_list.next, which a freed object has no other use for. Under free_lock. */
let freed: kmemleak_object | null = null;

/** @may_sleep */
function free_waiting(_work: work_struct): void {
  const flags = raw_spin_lock_irqsave(free_lock);
  let object = freed;
  freed = null;
  raw_spin_unlock_irqrestore(free_lock, flags);
  if (object === null) return;
  synchronize_rcu();
  while (object !== null) {
    const next: kmemleak_object | null = castOrNull<kmemleak_object>(addr(object.gray_list.next));
    discard_metadata(object);
    object = next;
  }
}

/** The last reference is gone, the object is in no tree and no list. */
export function free_metadata(object: kmemleak_object): void {
  if (FREE_AT_ONCE) {
    discard_metadata(object);
  } else if (FREE_WORK) {
    const flags = raw_spin_lock_irqsave(free_lock);
    object.gray_list.next = cast<list_head>(addr(freed));
    freed = object;
    raw_spin_unlock_irqrestore(free_lock, flags);
    // Before there are workers, what is freed waits for the first one that is freed afterwards.
    if (system_state() === SYSTEM_RUNNING) schedule_work(free_work);
  } else {
    call_rcu(object.rcu, free_object_rcu);
  }
}
