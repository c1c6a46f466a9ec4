// kmemleak's index against a table of what it holds: random intervals, some of which overlap, come and go, and after each step queries
// must find what the table says. Then some CPUs look up blocks that stay while others allocate and free around them: every lookup finds
// its block (but not with index=rcu-plain-erase).

import { num_online_cpus } from "../arch/cpumask.ts";
import { atomic_set } from "../lib/atomic.ts";
import { local_irq_restore, local_irq_save } from "../arch/irqflags.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { INIT_LIST_HEAD } from "../lib/list.ts";
import { rb_node } from "../lib/rbtree.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kmemleak_enabled } from "../mm/kmemleak.ts";
import { FILTER, FILTER_NODES, KM19 } from "../mm/kmemleak/design.ts";
import { index_cover, index_entry, index_insert, index_key, index_lock_for, index_lookup, index_lookup_from, index_remove } from "../mm/kmemleak/index/index.ts";
import { index_write_lock, index_write_unlock } from "../mm/kmemleak/lock.ts";
import { find_and_get_object } from "../mm/kmemleak/lookup.ts";
import { alloc_metadata } from "../mm/kmemleak/metadata.ts";
import { kmemleak_object, put_object } from "../mm/kmemleak/object.ts";
import { kfree, kmalloc } from "../mm/slab.ts";
import { cond_resched } from "../sched/core.ts";
import { expect_equal, expect_true, test_run, test_run_prepared } from "./tap.ts";
import { run_threads } from "./threads.ts";

const INTERVALS = 48;
const ROUNDS = 400;
/** Below the kernel: no block lies here. */
const BASE = 0x9000_0000;
const SPAN: u32 = FILTER ? 32768 : 4096;
const LARGE = 10_000;

const objects = new FixedArray<kmemleak_object>(INTERVALS);
const inside = new FixedArray<boolean>(INTERVALS);

function holds(i: u32, key: usize): boolean {
  return inside[i] && key - objects[i].pointer < objects[i].size;
}

/** The intervals in the table that hold `key`. */
function holders(key: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < INTERVALS; i++) if (holds(i, key)) count += 1;
  return count;
}

function in_the_way(i: u32): boolean {
  const a = objects[i];
  for (let k: u32 = 0; k < INTERVALS; k++) {
    const b = objects[k];
    if (k === i || !inside[k]) continue;
    if (KM19 ? a.pointer < b.pointer + b.size && b.pointer < a.pointer + a.size : a.pointer === b.pointer && a.size === b.size) return true;
  }
  return false;
}

function bytes(random: prandom_state): u32 {
  const large = FILTER && prandom_u32(random) % 8 === 0;
  return 4 + (prandom_u32(random) % (large ? LARGE : 128) & ~3);
}

function take_out(i: u32): void {
  const flags = index_write_lock();
  index_remove(objects[i]);
  index_write_unlock(flags);
  inside[i] = false;
}

/** One comes or goes. */
function step(random: prandom_state): void {
  const i = prandom_u32(random) % INTERVALS;
  if (inside[i]) {
    take_out(i);
    return;
  }
  objects[i].pointer = BASE + (prandom_u32(random) % SPAN & ~3);
  objects[i].size = bytes(random);
  const flags = index_lock_for(objects[i], GFP_KERNEL);
  const existing = index_insert(objects[i]);
  index_write_unlock(flags);
  inside[i] = existing === null;
  expect_true((existing !== null) === in_the_way(i), "refused exactly when something is in the way");
}

function query(key: usize): void {
  const flags = index_write_lock();
  const found = index_lookup(key, true);
  const exact = index_lookup(key, false);
  index_write_unlock(flags);
  expect_true((found !== null) === (holders(key) !== 0), "found exactly when something holds the key");
  if (found !== null) expect_true(key - found.pointer < found.size, "what is found holds the key");
  if (exact !== null) expect_equal(exact.pointer, key, "an exact lookup finds a start");
}

/** The filter says nothing about a page exactly when nothing in the table touches it, and with a node for it what is there is found below. */
function ask_filter(key: usize): void {
  const page = key & ~4095;
  let touching: u32 = 0;
  for (let i: u32 = 0; i < INTERVALS; i++) {
    if (inside[i] && objects[i].pointer < page + 4096 && page < objects[i].pointer + objects[i].size) touching++;
  }
  const flags = index_write_lock();
  const entry = index_entry(index_key(key))[0];
  const node: rb_node | null = FILTER_NODES ? castOrNull<rb_node>(entry) : null;
  const found: kmemleak_object | null = node === null ? null : index_lookup_from(node, index_key(key));
  index_write_unlock(flags);
  expect_true(FILTER_NODES ? (entry !== 0) === (touching !== 0) : entry === touching, "an entry says whether anything touches the page");
  if (!FILTER_NODES) return;
  expect_true((found !== null) === (holders(key) !== 0), "found from the page's node exactly when something holds the key");
  if (found !== null) expect_true(key - found.pointer < found.size, "what is found from the page's node holds the key");
}

/** All go at once, before any grace period can end here: an index that needs memory for that is out of it. */
function all_leave(): void {
  for (let i: u32 = 0; i < INTERVALS; i++) {
    if (inside[i]) continue;
    objects[i].pointer = BASE + i * (SPAN / INTERVALS & ~3);
    objects[i].size = 16;
    const flags = index_lock_for(objects[i], GFP_KERNEL);
    inside[i] = index_insert(objects[i]) === null;
    index_write_unlock(flags);
  }
  const irqs = local_irq_save();
  for (let i: u32 = 0; i < INTERVALS; i++) if (inside[i]) take_out(i);
  for (let i: u32 = 0; i < INTERVALS; i++) query(objects[i].pointer);
  local_irq_restore(irqs);
}

function index_cases(): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  for (let i: u32 = 0; i < INTERVALS; i++) {
    const object = alloc_metadata(GFP_KERNEL);
    if (object === null) return;
    object.areas = null;
    atomic_set(object.use_count, 1);
    INIT_LIST_HEAD(object.object_list);
    // What stood there before may be the address of a block that is tracked.
    object.pointer = BASE;
    object.size = 4;
    objects[i] = object;
    inside[i] = false;
  }
  for (let round: u32 = 0; round < ROUNDS; round++) {
    step(random);
    query(BASE + prandom_u32(random) % SPAN);
    const some = objects[prandom_u32(random) % INTERVALS];
    query(some.pointer);
    query(some.pointer + some.size - 1);
    if (!FILTER) continue;
    ask_filter(BASE + prandom_u32(random) % SPAN);
    ask_filter(some.pointer + some.size - 1);
  }
  all_leave();
  for (let i: u32 = 0; i < INTERVALS; i++) {
    // An index that keeps its place for a while holds a reference.
    objects[i].flags = 0;
    put_object(objects[i]);
  }
}

/** The filter's tables stay. */
function cover(): void {
  index_cover(BASE, SPAN + LARGE, GFP_KERNEL);
}

export function test_kmemleak_index(_arg: u32): void {
  test_run_prepared("kmemleak_index", cover, index_cases);
}

const STAYING = 64;
const LOOKUPS = 1500;
const staying = new FixedArray<usize>(STAYING);
let readers_left: u32 = 0;
let not_found: u32 = 0;

function look(): void {
  for (let n: u32 = 0; n < LOOKUPS; n++) {
    const block = staying[n % STAYING];
    const object = find_and_get_object(block + 8, true);
    if (object === null) {
      amoAdd(addressOf(not_found), 1);
      continue;
    }
    expect_equal(object.pointer, block, "the block that was looked for");
    put_object(object);
  }
  amoAdd(addressOf(readers_left), -1);
}

/** The first of each pair of threads looks, the other one allocates and frees until nobody looks any more. */
function look_or_churn(index: u32): void {
  if ((index & 1) === 0) {
    look();
    return;
  }
  while (READ_ONCE(readers_left) !== 0) {
    const a = kmalloc(64, GFP_KERNEL);
    const b = kmalloc(64, GFP_KERNEL);
    kfree(a);
    kfree(b);
    cond_resched();
  }
}

function lookup_cases(): void {
  if (!kmemleak_enabled()) return;
  // Every other block of a row goes again, so that what comes and goes lies between those that stay.
  const gaps = new FixedArray<usize>(STAYING);
  for (let i: u32 = 0; i < STAYING; i++) {
    staying[i] = kmalloc(64, GFP_KERNEL);
    gaps[i] = kmalloc(64, GFP_KERNEL);
  }
  for (let i: u32 = 0; i < STAYING; i++) kfree(gaps[i]);
  not_found = 0;
  readers_left = num_online_cpus();
  expect_equal(run_threads(look_or_churn, 2), 2 * num_online_cpus(), "threads");
  expect_equal(not_found, 0, "lookups that did not find a live block");
  for (let i: u32 = 0; i < STAYING; i++) kfree(staying[i]);
}

export function test_kmemleak_lookups(_arg: u32): void {
  test_run("kmemleak_lookups", lookup_cases);
}
