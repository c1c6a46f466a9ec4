// What slab.debug must find, one task a mistake, and what a pair of calls costs.

import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kmalloc, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_PANIC } from "kernel/mm/slab.ts";
import { pr_info } from "kernel/lib/printk.ts";

const INSTRET = 0xc02;
const PAIRS = 200;

function poke(at: usize, value: u8): void {
  "noinline";
  cast<Ptr<u8>>(at)[0] = value;
}

export function overrun(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  poke(block + 66, 0x41);
  kfree(block);
}

export function underrun(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  poke(block - 1, 0x42);
  kfree(block);
}

/** Found by whoever gets the object next. */
export function use_after_free(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  kfree(block);
  poke(block + 10, 0x43);
  kfree(kmalloc(64, GFP_KERNEL));
}

/** Found when the slab goes. */
export function use_after_all(_arg: u32): void {
  const cache = kmem_cache_create("mine", 40, 0, 0, null)!;
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  kmem_cache_free(cache, object);
  poke(object + 39, 0x44);
  kmem_cache_destroy(cache);
}

export function double_free(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  kfree(block);
  kfree(block);
}

export function middle_free(_arg: u32): void {
  const block = kmalloc(64, GFP_KERNEL);
  kfree(block + 8);
  kfree(block);
}

export function wrong_cache(_arg: u32): void {
  const cache = kmem_cache_create("mine", 40, 0, 0, null)!;
  const block = kmalloc(64, GFP_KERNEL);
  kmem_cache_free(cache, block);
  kfree(block);
  kmem_cache_destroy(cache);
}

export function still_used(_arg: u32): void {
  const cache = kmem_cache_create("mine", 40, 0, 0, null)!;
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  kmem_cache_destroy(cache);
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
}

export function insane(_arg: u32): void {
  kmem_cache_create("tiny", 2, 0, 0, null);
}

export function insane_panic(_arg: u32): void {
  kmem_cache_create("tiny", 2, 0, SLAB_PANIC, null);
}

function pair(size: u32): u32 {
  "noinline";
  let most: u32 = 0;
  for (let n: u32 = 0; n < PAIRS; n++) {
    const before = csrRead(INSTRET);
    kfree(kmalloc(size, GFP_KERNEL));
    const count = csrRead(INSTRET) - before;
    // The first one fills the array.
    if (n !== 0 && count > most) most = count;
  }
  return most;
}

export function cost(_arg: u32): void {
  for (let size: u32 = 64; size <= 8192; size *= 8) pr_info("pair of %u: %u\n", size, pair(size));
}
