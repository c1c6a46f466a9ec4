// The end of a slab of a SLAB_DESTROY_BY_RCU cache: its pages go back in a callback, one grace period after its last object.
//
// The callback's head lies where the slab's links were. It reads the cache, which must not be gone by then: destroy.ts waits for it.

import type { list_head } from "../../lib/list.ts";
import { call_rcu, rcu_head } from "../../rcu/rcu.ts";
import { page } from "../page_alloc.ts";
import { kmem_cache } from "./cache.ts";
import { kmem_freepages } from "./lists.ts";

/** @atomic */
function kmem_rcu_free(head: rcu_head): void {
  const slab = containerOf(page, "lru", cast<list_head>(addr(head)));
  kmem_freepages(slab, cast<kmem_cache>(slab.slab_cache).gfporder);
}

/** The slab is on no list any more. */
export function free_slab_by_rcu(slab: page): void {
  call_rcu(cast<rcu_head>(addr(slab.lru)), kmem_rcu_free);
}
