// What the kernel holds: read before and after a test, so that one that loses something fails.
//
// Objects: those that the slab caches have handed out; leak-detector metadata, kthreads and everything else allocated is
// among them. Pages: free ones of the page allocator, after every cache has given back its empty slabs and every CPU its pages,
// and those of the slabs. Both, because the same objects may lie in more slabs or in fewer than before: arrays of a CPU that
// came and went are freed and allocated again elsewhere.
// Locks: mutexes that are held; spinlocks show in preempt_count, which tap.ts looks at. Callbacks of RCU: those left after rcu_barrier.
// Nothing else may allocate meanwhile.
// Locks: those of vm_unmap_aliases, kmem_cache_shrink_all, drain_all_pages and slab_mutex, one after the other.

import { mutexes_held } from "../locking/mutex.ts";
import { drain_all_pages, nr_free_pages } from "../mm/page_alloc.ts";
import { kmem_cache_pages, kmem_cache_shrink_all } from "../mm/slab.ts";
import { rcu_barrier, rcu_callbacks_pending } from "../rcu/rcu.ts";
import { vm_unmap_aliases } from "../mm/vmalloc.ts";

export class accounts {
  /** Mutexes that anybody holds (debug.mutexes). */
  mutexes: u32;
  /** Callbacks of RCU that have not run. */
  callbacks: u32;
  objects: u32;
  /** Free, or in a slab. */
  free_pages: u32;
}

/** @may_sleep */
export function read_accounts(to: accounts): void {
  to.mutexes = mutexes_held();
  rcu_barrier();
  to.callbacks = rcu_callbacks_pending();
  vm_unmap_aliases();
  to.objects = kmem_cache_shrink_all();
  drain_all_pages();
  to.free_pages = nr_free_pages() + kmem_cache_pages();
}
