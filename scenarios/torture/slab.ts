// The workload of torture/slab: each CPU runs a worker and a reader, one CPU an updater as well.
//
//   worker   allocates from four caches and kmalloc, fills what it gets, and swaps it into a random place of a table that all share;
//            what it gets back there, mostly another CPU's, it verifies and frees. Now and then it makes a cache of its
//            own, uses it and destroys it, or shrinks a shared one.
//   updater  publishes objects of a SLAB_DESTROY_BY_RCU cache, withdraws and frees them without waiting, shrinks the cache, and
//            writes over pages that it gets from the page allocator.
//   reader   looks at a published object for a while in an RCU read section: it may become another object of the cache meanwhile,
//            but an object of the cache it stays.
// When all have ended, nothing may be left in any cache, and every cache can be destroyed. An error is a panic; the last line
// says what was done. Allocations may fail (failure injection): the operation is skipped then.

import { num_online_cpus } from "kernel/arch/cpumask.ts";
import { atomic_dec_and_test, atomic_inc, atomic_read, atomic_set, atomic_t } from "kernel/lib/atomic.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { memset } from "kernel/lib/string.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { mutex, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { __GFP_NOWARN, GFP_ATOMIC, GFP_KERNEL } from "kernel/mm/gfp.ts";
import { __get_free_pages, free_pages } from "kernel/mm/page_alloc.ts";
import {
  kfree, kmalloc, kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, kmem_cache_shrink,
  kmem_cache_size, SLAB_DESTROY_BY_RCU, SLAB_HWCACHE_ALIGN, SLAB_PANIC,
} from "kernel/mm/slab.ts";
import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { msecs_to_jiffies } from "kernel/sched/clock.ts";
import { complete, completion, init_completion, try_wait_for_completion, wait_for_completion_timeout } from "kernel/sched/completion.ts";
import { cond_resched } from "kernel/sched/core.ts";
import { smp_processor_id } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";

const OPERATIONS = 1200;
const UPDATES = 60;
const PLACES = 64;
const CACHES = 4;
const PUBLISHED = 8;
const OWN_OBJECTS = 40;
/** Times that a reader looks at an object, up to twice as often: some 30 us. */
const LOOKS = 4000;
/** Longer than a reader sleeps. */
const PATIENCE_MS = 2;
const FRESH = 0x600d_c0de;
const HELD = 0x7ead_c0de;
const TYPE = 0x5ab0_57ab;
const SCRIBBLE = 0xde;
/** No message when memory, or a failure injected, runs out. */
const GFP = GFP_KERNEL | __GFP_NOWARN;
const GFP_SUDDEN = GFP_ATOMIC | __GFP_NOWARN;

/** What a worker writes at the head of an object; the rest of it follows from `key`. */
class tag {
  /** Constructed: FRESH while nobody has the object, HELD while somebody does. */
  state: u32;
  /** Index of the cache, or CACHES for kmalloc. */
  from: u32;
  size: u32;
  key: u32;
  cpu: u32;
}

/** An object that readers look at; constructed. */
class seen {
  type: u32;
  again: u32;
  version: u32;
  readonly rest = new FixedArray<u32>(249);
}

const caches = new FixedArray<kmem_cache>(CACHES);
let rcu_cache: kmem_cache | null = null;
const places = new FixedArray<u32>(PLACES);
const published = new FixedArray<usize>(PUBLISHED);
/** A reader has an object. */
const entered = new completion();
const setup_mutex = new mutex();
let ready: boolean = false;
/** Workers and the updater that have not ended. */
const working = new atomic_t();
const allocated = new atomic_t();
const remote = new atomic_t();
const created = new atomic_t();
const failed = new atomic_t();
const sections = new atomic_t();

function construct(object: usize): void {
  cast<tag>(object).state = FRESH;
}

function construct_seen(object: usize): void {
  const o = cast<seen>(object);
  o.type = TYPE;
  o.again = TYPE;
}

/** By whoever comes first. */
function slab_torture_setup(): void {
  mutex_lock(setup_mutex);
  if (!ready) {
    atomic_set(working, i32(num_online_cpus()) + 1);
    init_completion(entered);
    caches[0] = kmem_cache_create("torture-44", 44, 0, SLAB_PANIC, null)!;
    caches[1] = kmem_cache_create("torture-100-ctor", 100, 4, SLAB_PANIC, construct)!;
    caches[2] = kmem_cache_create("torture-200-line", 200, 0, SLAB_PANIC | SLAB_HWCACHE_ALIGN, null)!;
    caches[3] = kmem_cache_create("torture-1500", 1500, 512, SLAB_PANIC, null)!;
    rcu_cache = kmem_cache_create("torture-rcu", sizeof<seen>(), 0, SLAB_PANIC | SLAB_DESTROY_BY_RCU, construct_seen);
    ready = true;
  }
  mutex_unlock(setup_mutex);
}

function fill(object: usize, from: u32, size: u32, key: u32): void {
  const t = cast<tag>(object);
  t.from = from;
  t.size = size;
  t.key = key;
  t.cpu = smp_processor_id();
  for (let at: u32 = sizeof<tag>(); at + 4 <= size; at += 4) cast<Ptr<u32>>(object + at)[0] = key ^ at;
}

/** Panics when the object is not what fill left. */
function verify(object: usize): void {
  const t = cast<tag>(object);
  const size = t.size;
  if (t.from > CACHES || size > 4096) panic("slab-torture: object %p has no owner any more (%x, %u)", object, t.from, size);
  for (let at: u32 = sizeof<tag>(); at + 4 <= size; at += 4) {
    const word = cast<Ptr<u32>>(object + at)[0];
    if (word !== (t.key ^ at)) panic("slab-torture: object %p of CPU%u: word %u is %x, not %x", object, t.cpu, at, word, t.key ^ at);
  }
}

/** A filled object, or 0. */
function take(random: prandom_state): usize {
  const dice = prandom_u32(random);
  const from = dice % (CACHES + 1);
  const gfp = (dice & 0x100) !== 0 ? GFP : GFP_SUDDEN;
  const size = from < CACHES ? kmem_cache_size(caches[from]) : 24 + (dice >>> 9) % 600;
  const object = from < CACHES ? kmem_cache_alloc(caches[from], gfp) : kmalloc(size, gfp);
  if (object === 0) {
    atomic_inc(failed);
    return 0;
  }
  if (from === 1) {
    const t = cast<tag>(object);
    if (t.state !== FRESH) panic("slab-torture: object %p is not as constructed: %x", object, t.state);
    t.state = HELD;
  }
  if (from === 2 && (object & 63) !== 0) panic("slab-torture: object %p is not aligned to a cache line", object);
  if (from === 3 && (object & 511) !== 0) panic("slab-torture: object %p is not aligned to 512", object);
  fill(object, from, size, dice * 0x9e37_79b1);
  atomic_inc(allocated);
  return object;
}

function give(object: usize): void {
  verify(object);
  const t = cast<tag>(object);
  if (t.cpu !== smp_processor_id()) atomic_inc(remote);
  if (t.from === 1) {
    if (t.state !== HELD) panic("slab-torture: object %p is free already: %x", object, t.state);
    t.state = FRESH;
  }
  if (t.from < CACHES && ((t.key >>> 7) & 1) !== 0) kmem_cache_free(caches[t.from], object);
  else kfree(object);
}

/** A cache of one's own comes, is used, cannot go while it is, and goes. */
function own_cache(random: prandom_state): void {
  const objects = new FixedArray<usize>(OWN_OBJECTS);
  const size = 8 + prandom_u32(random) % 500;
  const flags: u32 = (prandom_u32(random) & 3) === 0 ? SLAB_DESTROY_BY_RCU : 0;
  const cache = kmem_cache_create("torture-own", size, 0, flags, null);
  if (cache === null) {
    atomic_inc(failed);
    return;
  }
  for (let n: u32 = 0; n < OWN_OBJECTS; n++) {
    objects[n] = kmem_cache_alloc(cache, GFP);
    if (objects[n] !== 0) memset(objects[n], n, size);
  }
  for (let n: u32 = 0; n < OWN_OBJECTS; n++) {
    const object = objects[n];
    if (object === 0) continue;
    const bytes = cast<Ptr<u8>>(object);
    if (bytes[0] !== n || bytes[size - 1] !== n) panic("slab-torture: object %p of a cache of one's own was written to", object);
    kmem_cache_free(cache, object);
    objects[n] = 0;
  }
  kmem_cache_destroy(cache);
  atomic_inc(created);
}

export function slab_torture(index: u32): void {
  slab_torture_setup();
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 0x9e37_79b1 + index);
  for (let n: u32 = 0; n < OPERATIONS; n++) {
    const dice = prandom_u32(random);
    const object = (dice & 3) !== 0 ? take(random) : 0;
    const other = amoSwap(addressOf(places[(dice >>> 2) % PLACES]), object);
    if (other !== 0) give(other);
    if (dice % 150 === 0) own_cache(random);
    if (dice % 170 === 1) kmem_cache_shrink(caches[(dice >>> 9) % CACHES]);
    if (dice % 128 === 2) msleep(1);
    cond_resched();
  }
  if (atomic_dec_and_test(working)) all_ended();
}

/** All of what is published goes, is freed at once, and its pages are asked for: they must not come while readers look. */
function update(pages: Ptr<usize>, version: u32): void {
  const cache = rcu_cache!;
  for (let n: u32 = 0; n < PUBLISHED; n++) {
    const object = kmem_cache_alloc(cache, GFP);
    if (object === 0) {
      atomic_inc(failed);
      continue;
    }
    cast<seen>(object).version = version * PUBLISHED + n;
    fence("w", "w");
    WRITE_ONCE(published[n], object);
  }
  // Readers may be completing it still, so no reinit_completion.
  while (try_wait_for_completion(entered));
  wait_for_completion_timeout(entered, msecs_to_jiffies(PATIENCE_MS));
  for (let n: u32 = 0; n < PUBLISHED; n++) {
    const object = published[n];
    WRITE_ONCE(published[n], 0);
    if (object !== 0) kmem_cache_free(cache, object);
  }
  kmem_cache_shrink(cache);
  for (let n: u32 = 0; n < PUBLISHED; n++) {
    pages[n] = __get_free_pages(GFP, 0);
    if (pages[n] !== 0) memset(pages[n], SCRIBBLE, 4096);
  }
  for (let n: u32 = 0; n < PUBLISHED; n++) free_pages(pages[n], 0);
}

export function slab_torture_updater(_index: u32): void {
  slab_torture_setup();
  const pages = new FixedArray<usize>(PUBLISHED);
  for (let version: u32 = 1; version <= UPDATES; version++) update(pages, version);
  if (atomic_dec_and_test(working)) all_ended();
}

/** One read section. */
function look(slot: u32, looks: u32): void {
  rcu_read_lock();
  const object = READ_ONCE(published[slot]);
  if (object !== 0) {
    const o = cast<seen>(object);
    complete(entered);
    for (let n: u32 = 0; n < looks; n++) {
      const type = READ_ONCE(o.type);
      if (type !== TYPE || READ_ONCE(o.again) !== TYPE) panic("slab-torture: a reader's object %p is no object any more: %x", object, type);
    }
  }
  rcu_read_unlock();
  if (object !== 0) atomic_inc(sections);
}

export function slab_torture_reader(index: u32): void {
  slab_torture_setup();
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 0x85eb_ca6b + index);
  while (atomic_read(working) !== 0) {
    const dice = prandom_u32(random);
    look(dice % PUBLISHED, LOOKS + (dice >>> 8) % LOOKS);
    if ((dice >>> 30) === 0) msleep(1);
    else cond_resched();
  }
}

/** The last of the workers: everything is given back, and every cache goes. */
function all_ended(): void {
  for (let n: u32 = 0; n < PLACES; n++) if (places[n] !== 0) give(places[n]);
  let success = true;
  for (let n: u32 = 0; n < CACHES; n++) {
    if (!kmem_cache_shrink(caches[n])) success = false;
    kmem_cache_destroy(caches[n]);
  }
  if (!kmem_cache_shrink(rcu_cache!)) success = false;
  kmem_cache_destroy(rcu_cache);
  pr_info("slab-torture: allocated: %u remote: %u created: %u failed: %u read: %u\n", atomic_read(allocated), atomic_read(remote),
    atomic_read(created), atomic_read(failed), atomic_read(sections));
  pr_info("slab-torture:--- End of test: %s: ncaches=%u nops=%u\n", success ? "SUCCESS" : "FAILURE", CACHES, OPERATIONS);
  if (!success) panic("slab-torture: objects were left");
}
