// /proc/slabinfo, version 2.1: one line a cache, in the order in which they were made.
//
// An object in a CPU's array counts as active. There is no array that CPUs share, so its figures are 0.
// Locks: slab_mutex, then each cache's list_lock while its slabs are counted.

import { list_for_each_entry, list_head } from "../../lib/list.ts";
import { seq_printf } from "../../lib/printk.ts";
import { mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { page } from "../page_alloc.ts";
import { kmem_cache } from "./cache.ts";
import { slab_caches, slab_mutex } from "./create.ts";

export class slabinfo {
  active_objs: u32;
  num_objs: u32;
  active_slabs: u32;
  num_slabs: u32;
}

/** Counts objects and slabs of one of the three lists. list_lock is held. */
function count_slabs(list: list_head, to: slabinfo): u32 {
  let slabs: u32 = 0;
  for (const slab of list_for_each_entry(list, page, "lru")) {
    slabs++;
    to.active_objs += slab.inuse;
  }
  return slabs;
}

/** Takes the cache's figures from its slabs. */
export function get_slabinfo(cachep: kmem_cache, to: slabinfo): void {
  to.active_objs = 0;
  const flags = raw_spin_lock_irqsave(cachep.list_lock);
  to.active_slabs = count_slabs(cachep.slabs_partial, to) + count_slabs(cachep.slabs_full, to);
  to.num_slabs = to.active_slabs + count_slabs(cachep.slabs_free, to);
  raw_spin_unlock_irqrestore(cachep.list_lock, flags);
  to.num_objs = to.num_slabs * cachep.num;
}

function show_cache(cachep: kmem_cache): void {
  const info = new slabinfo();
  get_slabinfo(cachep, info);
  seq_printf("%-17s %6u %6u %6u %4u %4u", cachep.name, info.active_objs, info.num_objs, cachep.buffer_size, cachep.num, 1 << cachep.gfporder);
  seq_printf(" : tunables %4u %4u %4u", cachep.limit, cachep.batchcount, 0);
  seq_printf(" : slabdata %6u %6u %6u\n", info.active_slabs, info.num_slabs, 0);
}

/** Prints the whole file on the console. @may_sleep */
export function slabinfo_show(): void {
  seq_printf("slabinfo - version: 2.1\n");
  seq_printf("# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
  seq_printf(" : tunables <limit> <batchcount> <sharedfactor>");
  seq_printf(" : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
  mutex_lock(slab_mutex);
  for (const cachep of list_for_each_entry(slab_caches, kmem_cache, "next")) show_cache(cachep);
  mutex_unlock(slab_mutex);
}
