// Stacks by number: the same stack is kept once, however many refer to it, and for ever.
//
// A handle is the place of its record in the pool, counted in words; 0 is no stack. Records are written once and then only read, so
// looking one up takes no lock; depot_lock keeps those apart that add one.
// Callable in any context. Limits: POOL_WORDS words for all stacks; when they are used up, new stacks have no number and are counted.

import { printk } from "../lib/printk.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";

const POOL_WORDS = 8192;
const BUCKETS = 256;
/** Words of a record before its frames: next record of the bucket, hash, number of frames. */
const NEXT = 0;
const HASH = 1;
const SIZE = 2;
const FRAMES = 3;

const pool = new FixedArray<u32>(POOL_WORDS);
/** Word 0 is no record. */
let used: u32 = 1;
const buckets = new FixedArray<u32>(BUCKETS);
const depot_lock = new raw_spinlock_t();
/** Stacks that found no room. */
let lost: u32 = 0;

function hash_of(frames: Ptr<usize>, count: u32): u32 {
  let hash: u32 = count;
  for (let n: u32 = 0; n < count; n++) {
    hash = (hash ^ frames[n]) * 0x0100_0193;
    hash ^= hash >> 15;
  }
  return hash;
}

function find(bucket: u32, hash: u32, frames: Ptr<usize>, count: u32): u32 {
  for (let at = READ_ONCE(buckets[bucket]); at !== 0; at = pool[at + NEXT]) {
    if (pool[at + HASH] !== hash || pool[at + SIZE] !== count) continue;
    let same: u32 = 0;
    while (same < count && pool[at + FRAMES + same] === frames[same]) same += 1;
    if (same === count) return at;
  }
  return 0;
}

/** The handle of a stack; 0: it is empty, or there is no room for it. */
export function stack_depot_save(frames: Ptr<usize>, count: u32): u32 {
  if (count === 0) return 0;
  const hash = hash_of(frames, count);
  const bucket = hash % BUCKETS;
  let at = find(bucket, hash, frames, count);
  if (at !== 0) return at;
  const flags = raw_spin_lock_irqsave(depot_lock);
  at = find(bucket, hash, frames, count);
  if (at === 0) {
    if (used + FRAMES + count > POOL_WORDS) lost += 1;
    else {
      at = used;
      used += FRAMES + count;
      pool[at + NEXT] = buckets[bucket];
      pool[at + HASH] = hash;
      pool[at + SIZE] = count;
      for (let n: u32 = 0; n < count; n++) pool[at + FRAMES + n] = frames[n];
      // A record is complete before it can be found.
      fence("rw", "w");
      WRITE_ONCE(buckets[bucket], at);
    }
  }
  raw_spin_unlock_irqrestore(depot_lock, flags);
  return at;
}

export function stack_depot_print(handle: u32): void {
  if (handle === 0) {
    printk(" (no stack)\n");
    return;
  }
  for (let n: u32 = 0; n < pool[handle + SIZE]; n++) printk(" [<%p>] %pB\n", pool[handle + FRAMES + n], pool[handle + FRAMES + n]);
}

/** Words of the pool that stacks take, and stacks that found no room. */
export function stack_depot_used(): u32 {
  return used;
}

export function stack_depot_lost(): u32 {
  return lost;
}
