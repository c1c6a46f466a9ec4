// The workload of A5: blocks are freed where the allocator frees what it has kept outside of a slab when it gives the slab up, that is with
// the lock of the slab's cache held; the cache is that of kmemleak's own metadata.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "kernel/locking/spinlock.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { find_and_get_object } from "kernel/mm/kmemleak/lookup.ts";
import { put_object } from "kernel/mm/kmemleak/object.ts";
import { kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free } from "kernel/mm/slab.ts";
import { slab_of } from "kernel/mm/slab/cache.ts";
import { msleep } from "kernel/sched/timer.ts";

/** Together more than a CPU's array of metadata holds; of one cache fewer than its array holds, so that only metadata overflows. */
const CACHES = 4;
const OBJECTS = 24;

const caches = new FixedArray<kmem_cache>(CACHES);
const objects = new FixedArray<usize>(CACHES * OBJECTS);

/** The cache that the metadata of a tracked block lies in. */
function metadata_cache(block: usize): kmem_cache {
  const object = find_and_get_object(block, false);
  if (object === null) panic("teardown: the block is not tracked");
  const cache = cast<kmem_cache>(slab_of(addr(object)).slab_cache);
  put_object(object);
  return cache;
}

export function tear_down(_arg: u32): void {
  "noinline";
  for (let c: u32 = 0; c < CACHES; c++) {
    caches[c] = kmem_cache_create("teardown", 32 + 16 * c, 0, 0, null)!;
    for (let n: u32 = 0; n < OBJECTS; n++) objects[c * OBJECTS + n] = kmem_cache_alloc(caches[c], GFP_KERNEL);
  }
  const metadata = metadata_cache(objects[0]);
  const flags = raw_spin_lock_irqsave(metadata.list_lock);
  for (let i: u32 = 0; i < CACHES * OBJECTS; i++) kmem_cache_free(caches[i / OBJECTS], objects[i]);
  raw_spin_unlock_irqrestore(metadata.list_lock, flags);
  msleep(5);
  for (let c: u32 = 0; c < CACHES; c++) kmem_cache_destroy(caches[c]);
  scenario_stop();
}
