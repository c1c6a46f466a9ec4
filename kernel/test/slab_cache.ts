// Slab caches: for many sizes, alignments and constructors, objects against a model; the lists of slabs against what must
// hold of them; shrinking, destroying with and without objects, objects freed elsewhere, CPUs that come and go.

import { for_each_possible_cpu, nr_cpu_ids, num_online_cpus } from "../arch/cpumask.ts";
import { cpu_down, cpu_up } from "../cpu/hotplug.ts";
import { smp_call_function_single } from "../irq/smp.ts";
import { atomic_inc, atomic_read, atomic_set, atomic_t } from "../lib/atomic.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { list_empty, list_for_each_entry, list_head } from "../lib/list.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { memset } from "../lib/string.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../mm/gfp.ts";
import { page } from "../mm/page_alloc.ts";
import { no_array, object_state, OBJECT_END } from "../mm/slab/cache.ts";
import { objects_in_use } from "../mm/slab/create.ts";
import { get_slabinfo, slabinfo } from "../mm/slab/info.ts";
import {
  kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, kmem_cache_shrink, kmem_cache_zalloc,
  SLAB_HWCACHE_ALIGN,
} from "../mm/slab.ts";
import { yield_cpu } from "../sched/core.ts";
import { run_threads } from "./threads.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const OBJECTS = 90;
const CONSTRUCTED = 0x600d_c0de;

const held = new FixedArray<usize>(OBJECTS);

function construct(object: usize): void {
  cast<Ptr<u32>>(object)[0] = CONSTRUCTED;
}

/** Slabs on one list, each with an allowed number of objects out, and a list of free ones that holds all others once. */
function check_list(cache: kmem_cache, list: list_head, least: u32, most: u32): u32 {
  let free: u32 = 0;
  for (const slab of list_for_each_entry(list, page, "lru")) {
    expect_true(slab.inuse >= least && slab.inuse <= most, "a slab is on the list that fits its objects");
    let count: u32 = 0;
    for (let n: u32 = slab.free; n !== OBJECT_END && count <= cache.num; n = object_state(slab, n)[0]) count++;
    expect_equal(count, cache.num - slab.inuse, "free objects linked in a slab");
    free += count;
  }
  return free;
}

/** What must hold of the slabs of a cache whenever list_lock is free. */
function check_slabs(cache: kmem_cache): void {
  const flags = raw_spin_lock_irqsave(cache.list_lock);
  let free = check_list(cache, cache.slabs_full, cache.num, cache.num);
  if (cache.num > 1) free += check_list(cache, cache.slabs_partial, 1, cache.num - 1);
  free += check_list(cache, cache.slabs_free, 0, 0);
  expect_equal(cache.free_objects, free, "free objects of the cache");
  raw_spin_unlock_irqrestore(cache.list_lock, flags);
}

function num_slabs(cache: kmem_cache): u32 {
  const info = new slabinfo();
  get_slabinfo(cache, info);
  return info.num_slabs;
}

/** Objects are aligned, constructed or not, and apart from each other; afterwards nothing is left. */
function try_cache(size: u32, align: u32, flags: u32, constructed: boolean): void {
  const cache = kmem_cache_create("test", size, align, flags, constructed ? construct : null);
  if (cache === null) {
    expect_true(false, "a cache can be created");
    return;
  }
  const unit = (flags & SLAB_HWCACHE_ALIGN) !== 0 && align < 64 ? 64 : align === 0 ? 8 : align;
  for (let i: u32 = 0; i < OBJECTS; i++) {
    held[i] = kmem_cache_alloc(cache, (i & 1) === 0 ? GFP_KERNEL : GFP_ATOMIC);
    if (!expect_true(held[i] !== 0, "the cache has objects")) return;
    expect_equal(held[i] & (unit - 1), 0, "an object is aligned");
    if (constructed) expect_equal(cast<Ptr<u32>>(held[i])[0], CONSTRUCTED, "an object is constructed");
    memset(held[i] + (constructed ? 4 : 0), i, size - (constructed ? 4 : 0));
  }
  expect_equal(objects_in_use(cache), OBJECTS, "objects in use");
  for (let i: u32 = 0; i < OBJECTS; i++) {
    const bytes = cast<Ptr<u8>>(held[i]);
    expect_true(bytes[constructed ? 4 : 0] === i && bytes[size - 1] === i, "objects do not overlap");
  }
  check_slabs(cache);
  for (let i: u32 = 0; i < OBJECTS; i++) kmem_cache_free(cache, held[i]);
  expect_equal(objects_in_use(cache), 0, "objects in use when all are free");
  expect_true(kmem_cache_shrink(cache), "a cache without objects shrinks to nothing");
  expect_equal(num_slabs(cache), 0, "slabs of a cache that was shrunk");
  kmem_cache_destroy(cache);
}

function cache_cases(): void {
  for (let size: u32 = 8; size <= 9000; size = size * 5 / 3 + 1) {
    try_cache(size, 0, 0, false);
    try_cache(size, 4, 0, true);
    try_cache(size, 256, SLAB_HWCACHE_ALIGN, false);
  }
  try_cache(52, 16, SLAB_HWCACHE_ALIGN, true);
  try_cache(4096, 4096, 0, false);
  try_cache(32768, 0, 0, false);
  const cache = kmem_cache_create("zero", 300, 0, 0, null)!;
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  memset(object, 0x77, 300);
  kmem_cache_free(cache, object);
  expect_equal(kmem_cache_zalloc(cache, GFP_KERNEL), object, "what was freed last is what comes next");
  expect_equal(cast<Ptr<u32>>(object)[0] | cast<Ptr<u32>>(object + 296)[0], 0, "kmem_cache_zalloc clears");
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
  kmem_cache_destroy(null);
}

/** Shrinking leaves exactly the slabs that hold an object, whichever CPU freed the others. */
function shrink_cases(): void {
  const cache = kmem_cache_create("test-shrink", 500, 0, 0, null)!;
  for (let i: u32 = 0; i < OBJECTS; i++) held[i] = kmem_cache_alloc(cache, GFP_KERNEL);
  for (let i: u32 = 0; i < OBJECTS; i++) if (i !== 7 && i !== OBJECTS - 3) kmem_cache_free(cache, held[i]);
  expect_true(!kmem_cache_shrink(cache), "two objects are left");
  expect_equal(num_slabs(cache), 2, "slabs of two objects far apart");
  expect_equal(cache.total_objects - cache.free_objects, 2, "objects outside of the slabs");
  check_slabs(cache);
  // The cache cannot go, stays as it is, and works.
  kmem_cache_destroy(cache);
  expect_true(!list_empty(cache.next), "a cache that could not be destroyed is listed");
  expect_equal(num_slabs(cache), 2, "slabs of a cache that could not be destroyed");
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  expect_true(object !== 0 && object !== held[7], "a cache that could not be destroyed has objects");
  kmem_cache_free(cache, object);
  kmem_cache_free(cache, held[7]);
  kmem_cache_free(cache, held[OBJECTS - 3]);
  check_slabs(cache);
  kmem_cache_destroy(cache);
}

const TRADES = 600;
const PLACES = 40;
let trade_cache: kmem_cache | null = null;
const places = new FixedArray<u32>(PLACES);
const wrong = new atomic_t();
const traded = new atomic_t();

/** Puts a marked object into a random place, frees what was there: often another CPU's. */
function trade(index: u32): void {
  const cache = trade_cache!;
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index);
  for (let n: u32 = 0; n < TRADES; n++) {
    const dice = prandom_u32(random);
    let object: usize = 0;
    if ((dice & 3) !== 0) {
      object = kmem_cache_alloc(cache, GFP_ATOMIC);
      if (object === 0) continue;
      const words = cast<Ptr<u32>>(object);
      if (words[0] === CONSTRUCTED) words[0] = index;
      else atomic_inc(wrong);
      words[10] = object ^ index;
    }
    const other = amoSwap(addressOf(places[(dice >>> 2) % PLACES]), object);
    if (other !== 0) {
      const words = cast<Ptr<u32>>(other);
      if ((words[0] ^ other) !== words[10]) atomic_inc(wrong);
      if (words[0] !== index) atomic_inc(traded);
      words[0] = CONSTRUCTED;
      kmem_cache_free(cache, other);
    }
    if ((dice & 0xff00) === 0) kmem_cache_shrink(cache);
    if ((dice & 0x7_0000) === 0) yield_cpu();
  }
}

function remote_cases(): void {
  atomic_set(wrong, 0);
  atomic_set(traded, 0);
  const cache = kmem_cache_create("test-remote", 44, 0, 0, construct)!;
  trade_cache = cache;
  run_threads(trade, 2);
  expect_equal(u32(atomic_read(wrong)), 0, "objects that two had at a time, or that were not constructed");
  expect_true(atomic_read(traded) > 20, "objects freed by another than their owner");
  let left: u32 = 0;
  for (let n: u32 = 0; n < PLACES; n++) if (places[n] !== 0) left++;
  expect_equal(objects_in_use(cache), left, "objects in use after all trading");
  check_slabs(cache);
  for (let n: u32 = 0; n < PLACES; n++) {
    if (places[n] !== 0) kmem_cache_free(cache, places[n]);
    places[n] = 0;
  }
  expect_true(kmem_cache_shrink(cache), "nothing is left after trading");
  kmem_cache_destroy(cache);
}

/** On a CPU that will go: its array fills. */
function use_here(cache_address: u32): void {
  const cache = cast<kmem_cache>(cache_address);
  const object = kmem_cache_alloc(cache, GFP_ATOMIC);
  if (object !== 0) kmem_cache_free(cache, object);
}

function hotplug_cases(): void {
  const cache = kmem_cache_create("test-hotplug", 120, 0, 0, null)!;
  held[0] = kmem_cache_alloc(cache, GFP_KERNEL);
  for (const cpu of for_each_possible_cpu()) expect_true(cache.array[cpu] !== no_array, "a CPU online has an array");
  for (let round: u32 = 0; round < 3 && num_online_cpus() > 1; round++) {
    const cpu = nr_cpu_ids - 1;
    smp_call_function_single(cpu, use_here, addr(cache), true);
    expect_true(cache.array[cpu].avail !== 0, "the CPU's array holds objects");
    expect_equal(u32(cpu_down(cpu)), 0, "the CPU goes");
    expect_true(cache.array[cpu] === no_array, "a CPU that is gone has no array");
    expect_equal(objects_in_use(cache), 1, "objects in use while the CPU is gone");
    expect_true(!kmem_cache_shrink(cache), "one object is left");
    expect_equal(num_slabs(cache), 1, "slabs while the CPU is gone");
    const made = kmem_cache_create("test-hotplug-2", 60, 0, 0, null)!;
    expect_true(made.array[cpu] === no_array, "a new cache has no array for a CPU that is gone");
    expect_equal(u32(cpu_up(cpu)), 0, "the CPU comes back");
    expect_true(cache.array[cpu] !== no_array && made.array[cpu] !== no_array, "a CPU that is back has arrays");
    smp_call_function_single(cpu, use_here, addr(made), true);
    kmem_cache_destroy(made);
  }
  check_slabs(cache);
  kmem_cache_free(cache, held[0]);
  expect_equal(objects_in_use(cache), 0, "objects in use at the end");
  kmem_cache_destroy(cache);
}

export function test_kmem_cache(_arg: u32): void {
  test_run("kmem_cache", cache_cases);
}

export function test_kmem_cache_shrink(_arg: u32): void {
  test_run("kmem_cache_shrink", shrink_cases);
}

export function test_kmem_cache_remote(_arg: u32): void {
  test_run("kmem_cache_remote", remote_cases);
}

export function test_kmem_cache_hotplug(_arg: u32): void {
  test_run("kmem_cache_hotplug", hotplug_cases);
}
