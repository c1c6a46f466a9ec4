// What the kernel holds: read before and after a test, so that one that loses something fails.
//
// Objects: those that the slab caches have handed out; leak-detector metadata, kthreads and everything else allocated is
// among them. Pages: free ones of the page allocator, after every cache has given back its empty slabs and every CPU its pages,
// and those of the slabs. Both, because the same objects may lie in more slabs or in fewer than before: arrays of a CPU that
// came and went are freed and allocated again elsewhere.
// Nothing else may allocate meanwhile, and callbacks of RCU have run (the caller's rcu_barrier).
// Locks: those of vm_unmap_aliases, kmem_cache_shrink_all, drain_all_pages and slab_mutex, one after the other.

import { drain_all_pages, nr_free_pages } from "../mm/page_alloc.ts";
import { kmem_cache_pages, kmem_cache_shrink_all } from "../mm/slab.ts";
import { vm_unmap_aliases } from "../mm/vmalloc.ts";

export class accounts {
  objects: u32;
  /** Free, or in a slab. */
  free_pages: u32;
}

/** @may_sleep */
export function read_accounts(to: accounts): void {
  vm_unmap_aliases();
  to.objects = kmem_cache_shrink_all();
  drain_all_pages();
  to.free_pages = nr_free_pages() + kmem_cache_pages();
}
