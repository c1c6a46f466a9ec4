// SLAB_DESTROY_BY_RCU: in a read section an object freed, and its slab given up, is still an object of its cache; destroying the
// cache waits for the callbacks that give its pages back.

import { GFP_ATOMIC, GFP_KERNEL, __GFP_NOWARN } from "../mm/gfp.ts";
import { memset } from "../lib/string.ts";
import { __get_free_pages, free_pages } from "../mm/page_alloc.ts";
import {
  kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_DESTROY_BY_RCU,
} from "../mm/slab.ts";
import { rcu_barrier, rcu_read_lock, rcu_read_unlock } from "../rcu/rcu.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const OBJECTS = 200;
const PAGES = 40;
const TYPE = 0x5ab0_57ab;

const held = new FixedArray<usize>(OBJECTS);

function construct(object: usize): void {
  cast<Ptr<u32>>(object)[0] = TYPE;
}

/** Takes pages, writes over them, gives them back. */
function scribble(): void {
  const pages = new FixedArray<usize>(PAGES);
  for (let n: u32 = 0; n < PAGES; n++) {
    pages[n] = __get_free_pages(GFP_ATOMIC | __GFP_NOWARN, 0);
    if (pages[n] !== 0) memset(pages[n], 0xde, 4096);
  }
  for (let n: u32 = 0; n < PAGES; n++) free_pages(pages[n], 0);
}

function type_stable(cache: kmem_cache): void {
  for (let n: u32 = 0; n < OBJECTS; n++) held[n] = kmem_cache_alloc(cache, GFP_KERNEL);
  const full = cache.total_objects;
  rcu_read_lock();
  for (let n: u32 = 0; n < OBJECTS; n++) kmem_cache_free(cache, held[n]);
  expect_true(cache.total_objects < full, "slabs are given up");
  scribble();
  let changed: u32 = 0;
  for (let n: u32 = 0; n < OBJECTS; n++) if (cast<Ptr<u32>>(held[n])[0] !== TYPE) changed++;
  rcu_read_unlock();
  expect_equal(changed, 0, "freed objects that a reader finds changed");
}

/** The descriptor of the first cache is the second one's while callbacks of the first could still come. */
function destroyed_at_once(): void {
  const first = kmem_cache_create("test-rcu-1", 3000, 0, SLAB_DESTROY_BY_RCU, null)!;
  for (let n: u32 = 0; n < 20; n++) held[n] = kmem_cache_alloc(first, GFP_KERNEL);
  expect_true(first.gfporder !== 0, "slabs of several pages");
  for (let n: u32 = 0; n < 20; n++) kmem_cache_free(first, held[n]);
  kmem_cache_destroy(first);
  const second = kmem_cache_create("test-rcu-2", 64, 0, 0, null)!;
  expect_equal(addr(second), addr(first), "the second cache has the first one's descriptor");
  rcu_barrier();
  kmem_cache_destroy(second);
}

function rcu_cases(): void {
  const cache = kmem_cache_create("test-rcu", 500, 0, SLAB_DESTROY_BY_RCU, construct)!;
  for (let round: u32 = 0; round < 3; round++) type_stable(cache);
  kmem_cache_destroy(cache);
  destroyed_at_once();
}

export function test_slab_rcu(_arg: u32): void {
  test_run("slab_rcu", rcu_cases);
}
