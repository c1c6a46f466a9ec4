// churn: allocates and frees blocks of every kind, with random lifetimes from the seed, until the scenario stops.
//
// Every block is filled, and verified before it is freed, so an allocator that hands out one piece of memory twice is found.
// A block lives at most CHURN_LIFE_MS and one sweep; while it lives its address stands in a static table, in one place only.
// The filling never looks like a kernel address (below 0x4000_0000), so it hides no leak. Nor does a loop over a block end with
// its cursor one past the block: that is the address of its neighbour in the slab, which may be a lost one (ADR 0001).

import { NR_CPUS } from "../arch/percpu.ts";
import { scenario_stopping } from "../init/scenario.ts";
import { panic } from "../lib/bug.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_u32, prandom_state } from "../lib/random.ts";
import { mutex, mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kfree, kmalloc, kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free, ksize } from "../mm/slab.ts";
import { vfree, vmalloc } from "../mm/vmalloc.ts";
import { jiffies, time_before } from "../sched/clock.ts";
import { msleep } from "../sched/timer.ts";

const SLOTS = 32;
/** Sweeps between two rests of a millisecond. */
const SWEEPS = 24;
/** Longest lifetime of a block, in jiffies of 1 ms, but for one sweep and one rest. */
const CHURN_LIFE_MS = 8;

const enum KIND { NONE, KMALLOC, SMALL_CACHE, LARGE_CACHE, VMALLOC }

class churn_slot {
  ptr: usize;
  size: u32;
  kind: u32;
  pattern: u32;
  /** In jiffies: when to free it. */
  until: u32;
}

class churn_table {
  readonly random = new prandom_state();
  readonly slots = new StructArray<churn_slot>(churn_slot, SLOTS);
}

/** One table a churning kthread, taken in the order in which they start. */
const tables = new StructArray<churn_table>(churn_table, NR_CPUS);
const churn_mutex = new mutex();
let tables_used: u32 = 0;
let small_cache: kmem_cache | null = null;
let large_cache: kmem_cache | null = null;

function fill(ptr: usize, size: u32, pattern: u32): void {
  const words = cast<Ptr<u32>>(ptr);
  const last = (size >>> 2) - 1;
  let value = pattern;
  for (let i: u32 = 0; i < last; i++) {
    words[i] = value & 0x3fff_ffff;
    value += 0x0100_0193;
  }
  words[last] = value & 0x3fff_ffff;
}

function check(slot: churn_slot, index: u32, value: u32): void {
  "inline";
  const found = cast<Ptr<u32>>(slot.ptr)[index];
  const expected = value & 0x3fff_ffff;
  if (unlikely(found !== expected)) {
    panic("churn: block 0x%08x (size %u) changed at offset %u: 0x%08x, expected 0x%08x", slot.ptr, slot.size, index * 4, found, expected);
  }
}

/** Panics when the block does not hold what fill() wrote. */
function verify(slot: churn_slot): void {
  const last = (slot.size >>> 2) - 1;
  let value = slot.pattern;
  for (let i: u32 = 0; i < last; i++) {
    check(slot, i, value);
    value += 0x0100_0193;
  }
  check(slot, last, value);
}

function allocate(slot: churn_slot, random: prandom_state): void {
  const dice = prandom_u32(random);
  const choice = dice & 15;
  let kind: u32 = KIND.KMALLOC;
  if (choice === 0) kind = KIND.VMALLOC;
  else if (choice < 4) kind = KIND.SMALL_CACHE;
  else if (choice < 7) kind = KIND.LARGE_CACHE;

  let ptr: usize = 0;
  let size: u32 = 0;
  if (kind === KIND.VMALLOC) {
    size = (1 + ((dice >>> 8) & 15)) * 4096;
    ptr = vmalloc(size);
  } else if (kind === KIND.SMALL_CACHE) {
    size = 96;
    ptr = kmem_cache_alloc(small_cache!, GFP_KERNEL);
  } else if (kind === KIND.LARGE_CACHE) {
    size = 448;
    ptr = kmem_cache_alloc(large_cache!, GFP_KERNEL);
  } else {
    // 32 bytes to 8 KiB, small sizes more often.
    const log = 5 + ((dice >>> 8) & 7);
    size = (1 << log) + ((dice >>> 12) & ((1 << log) - 1) & ~3);
    if (size > 8192) size = 8192;
    ptr = kmalloc(size, GFP_KERNEL);
    // To the end of its size class: what an earlier owner left behind there would pass for references.
    size = ksize(ptr);
  }
  if (ptr === 0) return;
  slot.ptr = ptr;
  slot.size = size;
  slot.kind = kind;
  slot.pattern = prandom_u32(random);
  // Many short lives, few long ones: 0 is the next sweep.
  const dice_life = prandom_u32(random);
  slot.until = jiffies() + ((dice_life & 3) === 0 ? 1 + ((dice_life >>> 2) % CHURN_LIFE_MS) : 0);
  fill(ptr, size, slot.pattern);
}

function release(slot: churn_slot): void {
  verify(slot);
  const ptr = slot.ptr;
  const kind = slot.kind;
  slot.kind = KIND.NONE;
  slot.ptr = 0;
  if (kind === KIND.VMALLOC) vfree(ptr);
  else if (kind === KIND.SMALL_CACHE) kmem_cache_free(small_cache!, ptr);
  else if (kind === KIND.LARGE_CACHE) kmem_cache_free(large_cache!, ptr);
  else kfree(ptr);
}

function take_table(): churn_table {
  mutex_lock(churn_mutex);
  if (small_cache === null) {
    small_cache = kmem_cache_create("churn_small", 96, 0, 0, null);
    large_cache = kmem_cache_create("churn_large", 448, 0, 0, null);
    if (small_cache === null || large_cache === null) panic("churn: cannot create its caches");
  }
  if (tables_used === NR_CPUS) panic("churn: more than %u kthreads", NR_CPUS);
  const table = tables[tables_used++];
  mutex_unlock(churn_mutex);
  return table;
}

/** Frees what has lived long enough, and fills some of the empty slots. */
function sweep_slots(table: churn_table): void {
  const random = table.random;
  for (let i: u32 = 0; i < SLOTS; i++) {
    const slot = table.slots[i];
    if (slot.kind === KIND.NONE) {
      if ((prandom_u32(random) & 3) === 0) allocate(slot, random);
    } else if (!time_before(jiffies(), slot.until)) {
      release(slot);
    }
  }
}

/** One kthread's share; ends when the scenario stops, with everything freed. */
export function churn(index: u32): void {
  const table = take_table();
  prandom_seed(table.random, get_option_u32("seed", 1) * 0x9e37_79b1 + index);
  while (!scenario_stopping()) {
    for (let sweep: u32 = 0; sweep < SWEEPS && !scenario_stopping(); sweep++) sweep_slots(table);
    msleep(1);
  }
  for (let i: u32 = 0; i < SLOTS; i++) if (table.slots[i].kind !== KIND.NONE) release(table.slots[i]);
}
