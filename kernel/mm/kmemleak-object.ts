// kmemleak's metadata: one kmemleak_object for each tracked block, apart from the block, so that it outlives the block while
// a scanner still holds it. Design: the 2008 submission with its review applied (KM08-fix, docs/kernel/kmemleak.md).
//
// Locks
//   object_tree_lock   rwlock, irqsave: the interval index. Writers create and delete, readers look up.
//   object_list_lock   spinlock, irqsave: links in object_list; walkers use RCU.
//   object.lock        spinlock, irqsave: that object's flags, counts and areas; also held while its block is being scanned,
//                      which makes a concurrent free of the block wait in delete_object.
//   scan_mutex         (kmemleak-scan.ts) one scan at a time; gray_list.
// Order: scan_mutex -> scanned.lock -> object_tree_lock; scanned.lock -> other.lock (nested) ; scanned.lock -> object_list_lock.
//   The allocators' locks come before all of these, and none of these is held across a call into an allocator.
// Lifetime: use_count starts at 1 for the index. An object leaves the index before that reference is dropped, so whoever finds
//   it there under object_tree_lock may take a reference. At zero it leaves object_list and is freed after a grace period: the
//   free hook runs inside the slab's free path, where freeing metadata at once would re-enter the allocator. A walker of
//   object_list may meet objects whose count is zero already: get_object says so, and every caller must look.

import { stack_trace_save } from "../arch/stacktrace.ts";
import { atomic_dec_and_test, atomic_inc_not_zero, atomic_set, atomic_t } from "../lib/atomic.ts";
import { BUG_ON, dump_stack, panic } from "../lib/bug.ts";
import { INIT_LIST_HEAD, list_add_tail_rcu, list_del_rcu, list_head } from "../lib/list.ts";
import { pr_warn } from "../lib/printk.ts";
import { strncpy } from "../lib/string.ts";
import { read_lock_irqsave, read_unlock_irqrestore, rwlock_t, write_lock_irqsave, write_unlock_irqrestore } from "../locking/rwlock.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t, RT } from "../locking/spinlock.ts";
import { call_rcu, rcu_head } from "../rcu/rcu.ts";
import { jiffies } from "../sched/clock.ts";
import { in_hardirq, in_serving_softirq } from "../sched/preempt.ts";
import { get_current } from "../sched/task.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "./gfp.ts";
import { interval_find, interval_insert, interval_node, interval_remove, interval_root, interval_stab } from "./kmemleak-index.ts";
import { kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free, SLAB_NOLEAKTRACE } from "./slab.ts";

export const MAX_TRACE = 16;
const COMM_LENGTH = 16;

/** object.flags. ALLOCATED: the block is there. REPORTED: named in the log already. NO_SCAN: searched for, never scanned. */
export const enum OBJECT { ALLOCATED = 1, REPORTED = 2, NO_SCAN = 4 }

/** A part of a block that is scanned instead of the whole block. */
export class kmemleak_scan_area {
  next: kmemleak_scan_area | null;
  start: usize;
  length: usize;
}

export class kmemleak_object {
  readonly lock = new raw_spinlock_t();
  /** OBJECT bits; under lock. */
  flags: u32;
  readonly object_list = new list_head();
  /** Linked while the object waits to be scanned; under scan_mutex. */
  readonly gray_list = new list_head();
  readonly tree_node = new interval_node();
  readonly rcu = new rcu_head();
  readonly use_count = new atomic_t();
  pointer: usize;
  size: usize;
  /** Hits needed not to be a leak; 0: always gray; -1: black, neither scanned nor reported. Under lock. */
  min_count: i32;
  /** Hits in this scan; -1: created after the scan began. Under lock. */
  count: i32;
  /** Under lock. */
  areas: kmemleak_scan_area | null;
  trace_len: u32;
  readonly trace = new FixedArray<usize>(MAX_TRACE);
  /** At creation. */
  jiffies: u32;
  pid: u32;
  readonly comm = new FixedArray<u8>(COMM_LENGTH);
}

export const object_list = new list_head();
const object_list_lock = new raw_spinlock_t();
const object_tree_root = new interval_root();
const object_tree_lock = new rwlock_t();
/** In its place on rt: the hooks run with interrupts off, where a rwlock_t of rt would sleep. So did Linux decide in 2020, for all models. */
const object_tree_raw_lock = new raw_spinlock_t();

let object_cache: kmem_cache | null = null;
let scan_area_cache: kmem_cache | null = null;

/**
 * Every tracked block lies above below_addr and ends at end_addr at the latest: a cheap test before the lookup. Written under
 * object_tree_lock. Both are in a root area; neither holds an address of a block, or they would keep the lowest one alive.
 */
let below_addr: usize = 0xffff_ffff;
let end_addr: usize = 0;

export function kmemleak_object_init(): void {
  object_cache = kmem_cache_create("kmemleak_object", sizeof<kmemleak_object>(), 0, SLAB_NOLEAKTRACE, null);
  scan_area_cache = kmem_cache_create("kmemleak_scan_area", sizeof<kmemleak_scan_area>(), 0, SLAB_NOLEAKTRACE, null);
  if (object_cache === null || scan_area_cache === null) panic("kmemleak: no memory for its caches");
}

/** Whether a word could point into a tracked block at all. */
export function in_tracked_range(value: usize): boolean {
  "inline";
  return value > READ_ONCE(below_addr) && value < READ_ONCE(end_addr);
}

// ---- colours: computed from count and min_count, never stored ----

/** Called with object.lock held. */
export function color_white(object: kmemleak_object): boolean {
  return object.count !== -1 && object.count < object.min_count;
}

/** Called with object.lock held. */
export function color_gray(object: kmemleak_object): boolean {
  return object.min_count !== -1 && object.count >= object.min_count;
}

// ---- references ----

/** Takes a reference unless the count is zero for good. The caller is in an RCU read section or holds object_tree_lock. @must_use */
export function get_object(object: kmemleak_object): boolean {
  return atomic_inc_not_zero(object.use_count);
}

/** @atomic */
function free_object_rcu(head: rcu_head): void {
  const object = containerOf(kmemleak_object, "rcu", head);
  let area = object.areas;
  while (area !== null) {
    const next = area.next;
    kmem_cache_free(scan_area_cache!, addr(area));
    area = next;
  }
  // A walker that still stands here shall fault, not wander.
  object.object_list.next = cast<list_head>(0x6b6b_6b6b);
  object.flags = 0;
  kmem_cache_free(object_cache!, addr(object));
}

/** Drops a reference; the last one takes the object off object_list and frees it after a grace period. */
export function put_object(object: kmemleak_object): void {
  if (!atomic_dec_and_test(object.use_count)) return;
  BUG_ON((object.flags & OBJECT.ALLOCATED) !== 0);
  const flags = raw_spin_lock_irqsave(object_list_lock);
  list_del_rcu(object.object_list);
  call_rcu(object.rcu, free_object_rcu);
  raw_spin_unlock_irqrestore(object_list_lock, flags);
}

// ---- lookup ----

/**
 * What the index holds for an address: in the same order (all blocks lie in the upper half), but no address. Every walk of the
 * index has keys of other blocks in its registers, an interrupt puts those on a stack, and the stack is a root.
 */
function index_key(address: usize): usize {
  "inline";
  return address ^ 0x8000_0000;
}

function lookup_object(ptr: usize, alias: boolean): kmemleak_object | null {
  const node = alias ? interval_stab(object_tree_root, index_key(ptr)) : interval_find(object_tree_root, index_key(ptr));
  return node === null ? null : containerOf(kmemleak_object, "tree_node", node);
}

function tree_read_lock(): u32 {
  "inline";
  return RT ? raw_spin_lock_irqsave(object_tree_raw_lock) : read_lock_irqsave(object_tree_lock);
}

/** @restores flags */
function tree_read_unlock(flags: u32): void {
  "inline";
  if (RT) raw_spin_unlock_irqrestore(object_tree_raw_lock, flags);
  else read_unlock_irqrestore(object_tree_lock, flags);
}

function tree_write_lock(): u32 {
  "inline";
  return RT ? raw_spin_lock_irqsave(object_tree_raw_lock) : write_lock_irqsave(object_tree_lock);
}

/** @restores flags */
function tree_write_unlock(flags: u32): void {
  "inline";
  if (RT) raw_spin_unlock_irqrestore(object_tree_raw_lock, flags);
  else write_unlock_irqrestore(object_tree_lock, flags);
}

/** The object whose block holds `ptr` (alias) or begins there, with a reference; or null. */
export function find_and_get_object(ptr: usize, alias: boolean): kmemleak_object | null {
  const flags = tree_read_lock();
  let object = lookup_object(ptr, alias);
  // In the index means use_count >= 1: deletion takes it out under the write lock first.
  if (object !== null && !get_object(object)) object = null;
  tree_read_unlock(flags);
  return object;
}

// ---- creation and deletion ----

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
    for (let i: u32 = 0; i < COMM_LENGTH; i++) object.comm[i] = task.comm[i];
  }
}

/** Tracks [ptr, ptr + size). */
export function create_object(ptr: usize, size: usize, min_count: i32, gfp: u32): void {
  "noinline";
  const memory = kmem_cache_alloc(object_cache!, gfp & (GFP_KERNEL | GFP_ATOMIC));
  if (memory === 0) panic("kmemleak: cannot allocate a kmemleak_object");
  const object = cast<kmemleak_object>(memory);
  raw_spin_lock_init(object.lock, "kmemleak_object.lock");
  INIT_LIST_HEAD(object.object_list);
  INIT_LIST_HEAD(object.gray_list);
  atomic_set(object.use_count, 1);
  object.flags = OBJECT.ALLOCATED;
  object.pointer = ptr;
  object.size = size;
  object.min_count = min_count;
  object.count = -1;
  object.areas = null;
  object.tree_node.start = index_key(ptr);
  object.tree_node.last = index_key(ptr + size - 1);
  note_owner(object);
  // Skip this function and the hook: the first frame is the allocator's.
  object.trace_len = stack_trace_save(object.trace, MAX_TRACE, 2);

  let flags = tree_write_lock();
  if (ptr <= below_addr) below_addr = ptr - 1;
  if (ptr + size > end_addr) end_addr = ptr + size;
  const twin = interval_insert(object_tree_root, object.tree_node);
  tree_write_unlock(flags);
  if (twin !== null) panic("kmemleak: cannot insert 0x%08x (size %u): the same block is tracked already", ptr, size);

  flags = raw_spin_lock_irqsave(object_list_lock);
  list_add_tail_rcu(object.object_list, object_list);
  raw_spin_unlock_irqrestore(object_list_lock, flags);
}

/** Stops tracking the block at `ptr`; waits for a scanner that is inside it. */
export function delete_object(ptr: usize): void {
  "noinline";
  let flags = tree_write_lock();
  const object = lookup_object(ptr, false);
  if (object !== null) interval_remove(object_tree_root, object.tree_node);
  tree_write_unlock(flags);
  if (object === null) {
    pr_warn("kmemleak: freeing unknown object at 0x%08x\n", ptr);
    dump_stack();
    return;
  }
  flags = raw_spin_lock_irqsave(object.lock);
  object.flags &= ~OBJECT.ALLOCATED;
  raw_spin_unlock_irqrestore(object.lock, flags);
  put_object(object);
}

/** Colours a block for good: 0 is always gray (not a leak, scanned), -1 is black (ignored). */
export function paint_object(ptr: usize, min_count: i32): void {
  const object = find_and_get_object(ptr, false);
  if (object === null) {
    pr_warn("kmemleak: unknown object at 0x%08x\n", ptr);
    return;
  }
  const flags = raw_spin_lock_irqsave(object.lock);
  object.min_count = min_count;
  raw_spin_unlock_irqrestore(object.lock, flags);
  put_object(object);
}

/** From now on the block is searched for but never scanned. */
export function object_no_scan(ptr: usize): void {
  const object = find_and_get_object(ptr, false);
  if (object === null) {
    pr_warn("kmemleak: not scanning unknown object at 0x%08x\n", ptr);
    return;
  }
  const flags = raw_spin_lock_irqsave(object.lock);
  object.flags |= OBJECT.NO_SCAN;
  raw_spin_unlock_irqrestore(object.lock, flags);
  put_object(object);
}

/** From the first area on, only areas of the block are scanned. */
export function add_scan_area(ptr: usize, offset: usize, length: usize, gfp: u32): void {
  const object = find_and_get_object(ptr, false);
  if (object === null) {
    pr_warn("kmemleak: scan area for unknown object at 0x%08x\n", ptr);
    return;
  }
  // Allocated before object.lock is taken: no allocator is entered with a kmemleak lock held.
  const memory = kmem_cache_alloc(scan_area_cache!, gfp & (GFP_KERNEL | GFP_ATOMIC));
  if (memory === 0) panic("kmemleak: cannot allocate a scan area");
  const area = cast<kmemleak_scan_area>(memory);
  const fits = offset <= object.size && length <= object.size - offset;
  if (fits) {
    area.start = ptr + offset;
    area.length = length;
    const flags = raw_spin_lock_irqsave(object.lock);
    area.next = object.areas;
    object.areas = area;
    raw_spin_unlock_irqrestore(object.lock, flags);
  } else {
    pr_warn("kmemleak: scan area larger than object 0x%08x\n", ptr);
    kmem_cache_free(scan_area_cache!, memory);
  }
  put_object(object);
}
