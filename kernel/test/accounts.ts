// What the kernel holds: read before and after a test, so that one that loses something fails.
//
// Objects: those that the slab caches have handed out; leak-detector metadata, kthreads and everything else allocated is
// among them. Pages: free ones of the page allocator, after every cache has given back its empty slabs. Nothing else
// may allocate meanwhile, and callbacks of RCU have run (the caller's rcu_barrier).
// Locks: slab_mutex, then each cache's list_lock, as kmem_cache_shrink takes them.

import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { list_for_each_entry } from "../lib/list.ts";
import { mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { nr_free_pages } from "../mm/page_alloc.ts";
import { kmem_cache } from "../mm/slab-cache.ts";
import { kmem_cache_shrink, slab_caches, slab_mutex } from "../mm/slab-create.ts";

export class accounts {
  objects: u32;
  free_pages: u32;
}

/** Objects of one cache that somebody holds. */
function objects_in_use(cachep: kmem_cache): u32 {
  const flags = spin_lock_irqsave(cachep.list_lock);
  let count = cachep.total_objects - cachep.free_objects;
  for (const cpu of for_each_possible_cpu()) {
    const ac = cachep.array[cpu];
    if (ac !== null) count -= ac.avail;
  }
  spin_unlock_irqrestore(cachep.list_lock, flags);
  return count;
}

/** @may_sleep */
export function read_accounts(to: accounts): void {
  to.objects = 0;
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) {
    kmem_cache_shrink(cachep);
    to.objects += objects_in_use(cachep);
  }
  mutex_unlock(slab_mutex);
  to.free_pages = nr_free_pages();
}
