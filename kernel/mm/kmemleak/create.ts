// A block begins and ends: its object is made, entered, taken out again.
//
// Deletion takes the object out of the index first, so nobody finds it any more; then takes object.lock, which is where a free waits
// for a scanner that reads this very block; then drops the index's reference.

import { stack_trace_save } from "../../arch/stacktrace.ts";
import { atomic_read, atomic_set } from "../../lib/atomic.ts";
import { BUG_ON, dump_stack, panic } from "../../lib/bug.ts";
import { INIT_LIST_HEAD, list_add_tail_rcu, list_del_rcu } from "../../lib/list.ts";
import { pr_warn } from "../../lib/printk.ts";
import { strncpy } from "../../lib/string.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { jiffies } from "../../sched/clock.ts";
import { in_hardirq, in_serving_softirq } from "../../sched/preempt.ts";
import { get_current } from "../../sched/task.ts";
import { FILTER, FREES_TO_SLAB, KM19, LATE_CLEAR, LOCKS_EXISTING, PANICS, PATH_COPY, SINGLE_LOCK, TWO_LOCKS, WALK_MARKS } from "./design.ts";
import { kmemleak_disable } from "./disable.ts";
import { index_insert, index_lock_for, index_lookup, index_remove, NOT_LOCKED } from "./index/index.ts";
import { index_write_lock, index_write_unlock, lock_object, object_list_lock, object_lock_init, unlock_object } from "./lock.ts";
import { alloc_metadata, discard_metadata, free_to_slab } from "./metadata.ts";
import { COMM_LENGTH, DELSTATE, kmemleak_object, MAX_TRACE, OBJECT, object_list, put_object } from "./object.ts";
import { widen_tracked_range } from "./range.ts";
import { kmemleak_enabled } from "./state.ts";
import { dump_object_info } from "./report.ts";

function note_owner(object: kmemleak_object): void {
  object.jiffies = jiffies();
  if (in_hardirq()) {
    object.pid = 0;
    strncpy(object.comm, "hardirq", COMM_LENGTH);
  } else if (in_serving_softirq()) {
    object.pid = 0;
    strncpy(object.comm, "softirq", COMM_LENGTH);
  } else {
    const task = get_current();
    object.pid = task.pid;
    // Both are aligned.
    const to = cast<Ptr<u32>>(addr(object.comm));
    const from = cast<Ptr<u32>>(addr(task.comm));
    to[0] = from[0];
    to[1] = from[1];
    to[2] = from[2];
    to[3] = from[3];
  }
}

/** Everything but the owner and the backtrace. */
function fill(object: kmemleak_object, ptr: usize, size: usize, min_count: i32): void {
  "inline";
  object_lock_init(object);
  INIT_LIST_HEAD(object.object_list);
  INIT_LIST_HEAD(object.gray_list);
  atomic_set(object.use_count, 1);
  object.flags = OBJECT.ALLOCATED;
  object.pointer = ptr;
  object.size = size;
  object.min_count = min_count;
  object.count = KM19 ? 0 : -1;
  object.excess_ref = 0;
  object.checksum = 0;
  object.areas = null;
  if (WALK_MARKS) object.del_state = 0;
}

/** Somebody tracks [ptr, ptr + size) already, or a part of it. kmemleak_lock is held for writing. */
function already_tracked(ptr: usize, size: usize, existing: kmemleak_object): void {
  pr_warn("kmemleak: Cannot insert 0x%08x (size %u) into the object search tree (%s)\n", ptr, size, KM19 ? "overlaps existing" : "already existing");
  dump_stack();
  if (LOCKS_EXISTING) {
    // The inversion: a scanner has an object's lock when it asks for the tree's.
    const flags = lock_object(existing);
    dump_object_info(existing);
    unlock_object(existing, flags);
  } else {
    dump_object_info(existing);
  }
  if (PANICS) panic("kmemleak: cannot insert 0x%08x (size %u): the same block is tracked already", ptr, size);
}

function add_to_list(object: kmemleak_object): void {
  "inline";
  list_add_tail_rcu(object.object_list, object_list);
}

/** Tracks [ptr, ptr + size). Null when it cannot: kmemleak is disabled then. */
export function create_object(ptr: usize, size: usize, min_count: i32, gfp: u32): kmemleak_object | null {
  "noinline";
  const object = alloc_metadata(gfp);
  if (object === null) {
    if (PANICS) panic("kmemleak: cannot allocate a kmemleak_object");
    pr_warn("kmemleak: Cannot allocate a kmemleak_object structure\n");
    kmemleak_disable("no memory for a kmemleak_object");
    return null;
  }
  fill(object, ptr, size, min_count);
  note_owner(object);
  // Skip this function and the hook: the first frame is the allocator's.
  object.trace_len = u16(stack_trace_save(object.trace, MAX_TRACE, 2));

  let flags = index_lock_for(object, gfp);
  if ((FILTER || PATH_COPY) && flags === NOT_LOCKED) {
    pr_warn("kmemleak: no memory for the index\n");
    discard_metadata(object);
    kmemleak_disable("no memory for the index");
    return null;
  }
  widen_tracked_range(ptr, size);
  const existing = index_insert(object);
  if (existing !== null) already_tracked(ptr, size, existing);
  else if (!TWO_LOCKS) add_to_list(object);
  if (FREES_TO_SLAB && existing !== null) free_to_slab(object);
  index_write_unlock(flags);
  if (existing !== null) {
    if (!FREES_TO_SLAB) discard_metadata(object);
    kmemleak_disable("two blocks in one place");
    return null;
  }
  if (TWO_LOCKS) {
    // In between a lookup finds it and a walk of the list does not.
    flags = raw_spin_lock_irqsave(object_list_lock);
    add_to_list(object);
    raw_spin_unlock_irqrestore(object_list_lock, flags);
  }
  return object;
}

/** kmemleak_lock is held. Who stands on the object, and has marked it, takes it off when he goes on. */
function leave_list(object: kmemleak_object): void {
  "inline";
  if (!WALK_MARKS || (object.del_state & DELSTATE.NO_DELETE) === 0) list_del_rcu(object.object_list);
  if (WALK_MARKS) object.del_state |= DELSTATE.REMOVED;
}

/** Takes the object out of the index, and of the list but in 2008; its first reference passes to the caller. */
function find_and_remove_object(ptr: usize, alias: boolean): kmemleak_object | null {
  "inline";
  const flags = index_write_lock();
  const object = index_lookup(ptr, alias);
  if (object !== null) {
    index_remove(object);
    if (!TWO_LOCKS) leave_list(object);
    if (SINGLE_LOCK && !LATE_CLEAR) object.flags &= ~OBJECT.ALLOCATED;
  }
  index_write_unlock(flags);
  return object;
}

/** Ends an object that find_and_remove_object has given. */
function __delete_object(object: kmemleak_object): void {
  "noinline";
  BUG_ON(atomic_read(object.use_count) < 1);
  if (SINGLE_LOCK && !LATE_CLEAR) {
    put_object(object);
    return;
  }
  if (LATE_CLEAR) {
    object.flags &= ~OBJECT.ALLOCATED;
    put_object(object);
    return;
  }
  const flags = lock_object(object);
  object.flags &= ~OBJECT.ALLOCATED;
  unlock_object(object, flags);
  put_object(object);
}

/** Stops tracking the block at `ptr`; waits for a scanner that is inside it. */
export function delete_object(ptr: usize): void {
  "noinline";
  const object = find_and_remove_object(ptr, false);
  if (object === null) {
    // What came after tracking ended is unknown, and rightly so.
    if (!kmemleak_enabled()) return;
    pr_warn("kmemleak: freeing unknown object at 0x%08x\n", ptr);
    dump_stack();
    return;
  }
  __delete_object(object);
}

/** Stops tracking [ptr, ptr + size) of a block; what is left on both sides gets objects of its own, untracked for a moment. */
export function delete_object_part(ptr: usize, size: usize): void {
  "noinline";
  const object = find_and_remove_object(ptr, true);
  if (object === null) {
    pr_warn("kmemleak: partially freeing unknown object at 0x%08x (size %u)\n", ptr, size);
    dump_stack();
    return;
  }
  const start = object.pointer;
  const end = start + object.size;
  if (ptr > start) create_object(start, ptr - start, object.min_count, 0);
  if (ptr + size < end) create_object(ptr + size, end - ptr - size, object.min_count, 0);
  __delete_object(object);
}
