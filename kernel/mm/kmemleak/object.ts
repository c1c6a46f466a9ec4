// kmemleak's metadata: one kmemleak_object for each tracked block, apart from the block, so that it outlives the block while
// a scanner still holds it. What the index keeps of it lies behind it (index/index.ts).
//
// Lifetime: use_count starts at 1 for the index. An object leaves the index before that reference is dropped, so whoever finds
//   it there under kmemleak_lock may take a reference. At zero it is freed after a grace period (kmemleak.free): the free hook
//   runs inside the slab's free path, where freeing metadata at once would re-enter the allocator. In 2008 the last put takes it off
//   object_list: a walker may meet objects whose count is zero already. get_object says so, and every caller must look.
// Locks: lock.ts.

import { atomic_dec_and_test, atomic_inc_not_zero, atomic_t } from "../../lib/atomic.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { list_del_rcu, list_head } from "../../lib/list.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import { rcu_head } from "../../rcu/rcu.ts";
import { TWO_LOCKS } from "./design.ts";
import { object_list_lock } from "./lock.ts";
import { free_metadata } from "./metadata.ts";

export const MAX_TRACE = 16;
export const COMM_LENGTH = 16;
/** min_count of a block that is always gray, and of one that is neither scanned nor reported. */
export const KMEMLEAK_GREY = 0;
export const KMEMLEAK_BLACK = -1;

/** object.flags. ALLOCATED: the block is there. REPORTED: named in a report already. NO_SCAN: searched for, never scanned. FULL_SCAN: a scan area was lost for want of memory, so the whole block is scanned. PHYS: tracked by physical address. */
export const enum OBJECT { ALLOCATED = 1, REPORTED = 2, NO_SCAN = 4, FULL_SCAN = 8, PHYS = 16 }

/** object.del_state. REMOVED: out of the index, and off the list unless somebody stands there. NO_DELETE: somebody does, who takes it off. */
export const enum DELSTATE { REMOVED = 1, NO_DELETE = 2 }

/** A part of a block that is scanned instead of the whole block. */
export class kmemleak_scan_area {
  next: kmemleak_scan_area | null;
  start: usize;
  size: usize;
}

export class kmemleak_object {
  readonly lock = new raw_spinlock_t();
  /** OBJECT bits; under lock. */
  flags: u32;
  readonly object_list = new list_head();
  /** Linked while the object waits to be scanned; under scan_mutex. */
  readonly gray_list = new list_head();
  readonly rcu = new rcu_head();
  readonly use_count = new atomic_t();
  pointer: usize;
  size: usize;
  /** Hits needed not to be a leak, or KMEMLEAK_GREY or _BLACK. Under lock. */
  min_count: i32;
  /** Hits in this scan; -1: no colour yet (2008). Under lock. */
  count: i32;
  /** Each hit beyond those that this block needs is a hit on the block that begins here; 0: on none. Under lock. */
  excess_ref: usize;
  /** Of the block's contents when a scan last found it white. Under lock. */
  checksum: u32;
  /** Under lock. */
  areas: kmemleak_scan_area | null;
  /** At creation. */
  jiffies: u32;
  pid: u32;
  trace_len: u16;
  /** DELSTATE bits; under kmemleak_lock. Only with kmemleak.walk=resched. */
  del_state: u16;
  /** Changes of the index up to its insertion; COUNT_HIDDEN. */
  born: u32;
  readonly comm = new FixedArray<u8>(COMM_LENGTH);
  readonly trace = new FixedArray<usize>(MAX_TRACE);
}

export const object_list = new list_head();

// ---- colours: computed from count and min_count, never stored ----

/** Called with object.lock held. */
export function color_white(object: kmemleak_object): boolean {
  return object.count !== -1 && object.count < object.min_count;
}

/** Called with object.lock held. */
export function color_gray(object: kmemleak_object): boolean {
  return object.min_count !== KMEMLEAK_BLACK && object.count >= object.min_count;
}

// ---- references ----

/** Takes a reference unless the count is zero for good. The caller is in an RCU read section or holds kmemleak_lock. @must_use */
export function get_object(object: kmemleak_object): boolean {
  return atomic_inc_not_zero(object.use_count);
}

/** Drops a reference; the last one frees the object. */
export function put_object(object: kmemleak_object): void {
  if (!atomic_dec_and_test(object.use_count)) return;
  BUG_ON((object.flags & OBJECT.ALLOCATED) !== 0);
  if (TWO_LOCKS) {
    const flags = raw_spin_lock_irqsave(object_list_lock);
    list_del_rcu(object.object_list);
    raw_spin_unlock_irqrestore(object_list_lock, flags);
  }
  free_metadata(object);
}
