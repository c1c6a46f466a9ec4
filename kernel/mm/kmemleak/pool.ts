// The static pool of metadata (Linux 5.4; kmemleak.metadata=pool): what hooks take before there are caches, and when a cache has no memory.
//
// So blocks are tracked from the first hook on, with the backtrace and the time of their allocation; one failed allocation of metadata
// does not end tracking. The pool is in .bss and yet no root (roots.ts): each object holds the address of its block.
// Lock: pool_lock (raw, interrupts off), innermost.

import { CONFIG } from "config";
import { pr_warn } from "../../lib/printk.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import { kmemleak_object, kmemleak_scan_area } from "./object.ts";

const MEM_POOL_SIZE = CONFIG.kmemleak.pool;
/** What the largest index keeps of an object, in words. */
export const POOL_NODE_WORDS = 16;

class pool_object {
  readonly object = new kmemleak_object();
  readonly node = new FixedArray<u32>(POOL_NODE_WORDS);
}

const mem_pool = new StructArray<pool_object>(pool_object, MEM_POOL_SIZE);
const pool_lock = new raw_spinlock_t();
/** Entries that were never taken are the last so many. Under pool_lock. */
let never_taken: u32 = MEM_POOL_SIZE;
/** Given back; linked by `areas`. Under pool_lock. */
let pool_free_list: pool_object | null = null;
let in_use: u32 = 0;
let emptied: boolean = false;

export function pool_start(): usize {
  "inline";
  return addr(mem_pool);
}

export function pool_end(): usize {
  "inline";
  return addr(mem_pool) + MEM_POOL_SIZE * sizeof<pool_object>();
}

export function in_pool(object: kmemleak_object): boolean {
  "inline";
  return addr(object) - pool_start() < MEM_POOL_SIZE * sizeof<pool_object>();
}

/** Objects that have come from the pool and not gone back. */
export function pool_in_use(): u32 {
  return READ_ONCE(in_use);
}

export function mem_pool_alloc(): kmemleak_object | null {
  const flags = raw_spin_lock_irqsave(pool_lock);
  let taken = pool_free_list;
  if (taken !== null) {
    pool_free_list = castOrNull<pool_object>(addr(taken.object.areas));
  } else if (never_taken !== 0) {
    never_taken -= 1;
    taken = mem_pool[never_taken];
  }
  const first = taken === null && !emptied;
  if (first) emptied = true;
  if (taken !== null) WRITE_ONCE(in_use, in_use + 1);
  raw_spin_unlock_irqrestore(pool_lock, flags);
  if (first) pr_warn("kmemleak: Memory pool empty, consider increasing kmemleak.pool\n");
  return taken === null ? null : taken.object;
}

export function mem_pool_free(object: kmemleak_object): void {
  const entry = containerOf(pool_object, "object", object);
  const flags = raw_spin_lock_irqsave(pool_lock);
  object.areas = castOrNull<kmemleak_scan_area>(addr(pool_free_list));
  pool_free_list = entry;
  WRITE_ONCE(in_use, in_use - 1);
  raw_spin_unlock_irqrestore(pool_lock, flags);
}
