// What the kernel holds: read before and after a test, so that one that loses something fails.
//
// Objects: those that the slab caches have handed out; leak-detector metadata, kthreads and everything else allocated is
// among them. Pages: free ones of the page allocator, after every cache has given back its empty slabs and every CPU its pages,
// and those of the slabs. Both, because the same objects may lie in more slabs or in fewer than before: arrays of a CPU that
// came and went are freed and allocated again elsewhere.
// Nothing else may allocate meanwhile, and callbacks of RCU have run (the caller's rcu_barrier).
// Locks: those of vm_unmap_aliases, kmem_cache_shrink_all, drain_all_pages and slab_mutex, one after the other.

import { list_for_each_entry } from "../lib/list.ts";
import { mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { drain_all_pages, nr_free_pages } from "../mm/page_alloc.ts";
import { kmem_cache } from "../mm/slab/cache.ts";
import { slab_caches, slab_mutex } from "../mm/slab/create.ts";
import { kmem_cache_shrink_all } from "../mm/slab.ts";
import { vm_unmap_aliases } from "../mm/vmalloc.ts";

export class accounts {
  objects: u32;
  /** Free, or in a slab. */
  free_pages: u32;
}

/** Pages in the slabs of all caches. */
function slab_pages(): u32 {
  let pages: u32 = 0;
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) pages += (cachep.total_objects / cachep.num) << cachep.gfporder;
  mutex_unlock(slab_mutex);
  return pages;
}

/** @may_sleep */
export function read_accounts(to: accounts): void {
  vm_unmap_aliases();
  to.objects = kmem_cache_shrink_all();
  drain_all_pages();
  to.free_pages = nr_free_pages() + slab_pages();
}
