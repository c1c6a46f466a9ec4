// Who has a reference: one small object, a tracker, for each, in the directory of what is counted (Linux 5.17, lib/ref_tracker.c).
//
// Beside the counted pointer lies the tracker's address, of type Ptr<usize> here; handing a reference over is passing that word on.
// A null Ptr: a reference that nobody wants to follow; it is counted only (no_tracker), so that call sites convert one by one. No memory
// for a tracker: counted as well (untracked), and its word is 0.
// A freed tracker stays for a while (quarantine), dead: who frees it again is told, with both stacks. One that has left the quarantine
// is a freed block: who frees it again does harm. Stacks are kept once for all (stackdepot.ts), DEPTH frames of each.
// A tracker does not say of which directory it is, so that freeing it in another one goes unnoticed; mm_ref.design=r4 mends that.
// Locks: dir.lock (raw, interrupts off): both lists and what is in them. Memory is allocated and freed outside of it.
// Callable in any context that may allocate with the given flags. It lies here and not in kernel/lib because it needs memory.

import { CONFIG, MM_REF } from "config";
import { stack_trace_save } from "../arch/stacktrace.ts";
import { WARN, WARN_ON_ONCE } from "../lib/bug.ts";
import { EEXIST, EINVAL, ENOMEM } from "../lib/errno.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_empty, list_for_each_entry, list_head, list_move_tail } from "../lib/list.ts";
import { pr_err } from "../lib/printk.ts";
import { refcount_dec, refcount_inc, refcount_read, refcount_set, refcount_t } from "../lib/refcount.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../locking/spinlock.ts";
import { kfree, kzalloc } from "./slab.ts";
import { stack_depot_print, stack_depot_save } from "./stackdepot.ts";

const OWNED: boolean = CONFIG.mm_ref.design === MM_REF.r4;
const DEPTH = 16;

export class ref_tracker_dir {
  readonly lock = new raw_spinlock_t();
  /** Dead trackers that may still stay. */
  quarantine_avail: u32;
  /** 1 more than the references that found no memory. */
  readonly untracked = new refcount_t();
  /** 1 more than those that nobody follows. */
  readonly no_tracker = new refcount_t();
  /** ref_tracker_dir_exit has been here. */
  dead: boolean;
  readonly list = new list_head();
  readonly quarantine = new list_head();
}

class ref_tracker {
  readonly head = new list_head();
  dead: boolean;
  alloc_stack: u32;
  free_stack: u32;
  /** Address of its directory. */
  readonly dir = new FixedArray<usize>(OWNED ? 1 : 0);
}

export function ref_tracker_dir_init(dir: ref_tracker_dir, quarantine: u32): void {
  raw_spin_lock_init(dir.lock, "ref_tracker_dir.lock");
  INIT_LIST_HEAD(dir.list);
  INIT_LIST_HEAD(dir.quarantine);
  dir.quarantine_avail = quarantine;
  dir.dead = false;
  refcount_set(dir.untracked, 1);
  refcount_set(dir.no_tracker, 1);
}

function here(): u32 {
  "noinline";
  const frames = new FixedArray<usize>(DEPTH);
  return stack_depot_save(frames, stack_trace_save(frames, DEPTH, 1));
}

/** 0; -ENOMEM: the reference is counted, but has no tracker. */
export function ref_tracker_alloc(dir: ref_tracker_dir, trackerp: Ptr<usize> | null, gfp: u32): i32 {
  "noinline";
  WARN_ON_ONCE(dir.dead);
  if (trackerp === null) {
    refcount_inc(dir.no_tracker);
    return 0;
  }
  const memory = kzalloc(sizeof<ref_tracker>(), gfp);
  trackerp[0] = memory;
  if (memory === 0) {
    refcount_inc(dir.untracked);
    return -ENOMEM;
  }
  const tracker = cast<ref_tracker>(memory);
  tracker.alloc_stack = here();
  if (OWNED) tracker.dir[0] = addr(dir);
  const flags = raw_spin_lock_irqsave(dir.lock);
  list_add_tail(tracker.head, dir.list);
  raw_spin_unlock_irqrestore(dir.lock, flags);
  return 0;
}

/** What is known of a tracker that is not to be freed. */
function tell(tracker: ref_tracker, what: string): void {
  "noinline";
  pr_err("%s.\n", what);
  pr_err("ref_tracker: allocated in:\n");
  stack_depot_print(tracker.alloc_stack);
  if (tracker.free_stack === 0) return;
  pr_err("ref_tracker: freed in:\n");
  stack_depot_print(tracker.free_stack);
}

/** 0; -EEXIST: it has no tracker; -EINVAL: it was freed before, or is not of this directory. */
export function ref_tracker_free(dir: ref_tracker_dir, trackerp: Ptr<usize> | null): i32 {
  "noinline";
  WARN_ON_ONCE(dir.dead);
  if (trackerp === null) {
    refcount_dec(dir.no_tracker);
    return 0;
  }
  const memory = trackerp[0];
  if (memory === 0) {
    refcount_dec(dir.untracked);
    return -EEXIST;
  }
  const tracker = cast<ref_tracker>(memory);
  const stack = here();
  const flags = raw_spin_lock_irqsave(dir.lock);
  const foreign = OWNED && tracker.dir[0] !== addr(dir);
  if (foreign || tracker.dead) {
    const what = foreign ? "ref_tracker: reference of another directory" : "ref_tracker: reference already released";
    tell(tracker, what);
    raw_spin_unlock_irqrestore(dir.lock, flags);
    WARN(true, "%s", what);
    return -EINVAL;
  }
  tracker.dead = true;
  tracker.free_stack = stack;
  list_move_tail(tracker.head, dir.quarantine);
  let gone: usize = 0;
  if (dir.quarantine_avail !== 0) dir.quarantine_avail -= 1;
  else {
    const oldest = containerOf(ref_tracker, "head", dir.quarantine.next);
    list_del(oldest.head);
    gone = addr(oldest);
  }
  raw_spin_unlock_irqrestore(dir.lock, flags);
  if (gone !== 0) kfree(gone);
  return 0;
}

/** The first `limit` references that are out, with their stacks. Their number. */
export function ref_tracker_dir_print(dir: ref_tracker_dir, limit: u32): u32 {
  let count: u32 = 0;
  const flags = raw_spin_lock_irqsave(dir.lock);
  for (const tracker of list_for_each_entry(dir.list, ref_tracker, "head")) {
    if (count < limit) {
      pr_err("ref_tracker: live reference, allocated in:\n");
      stack_depot_print(tracker.alloc_stack);
    }
    count += 1;
  }
  raw_spin_unlock_irqrestore(dir.lock, flags);
  return count;
}

/** What is counted is about to go: no reference should be out. Frees every tracker. */
export function ref_tracker_dir_exit(dir: ref_tracker_dir): void {
  "noinline";
  dir.dead = true;
  let leaked = false;
  for (;;) {
    const flags = raw_spin_lock_irqsave(dir.lock);
    const live = !list_empty(dir.list);
    const from = live ? dir.list : dir.quarantine;
    if (list_empty(from)) {
      raw_spin_unlock_irqrestore(dir.lock, flags);
      break;
    }
    const tracker = containerOf(ref_tracker, "head", from.next);
    list_del(tracker.head);
    if (live) tell(tracker, "ref_tracker: leaked reference");
    raw_spin_unlock_irqrestore(dir.lock, flags);
    if (live) leaked = true;
    kfree(addr(tracker));
  }
  WARN(leaked, "ref_tracker: leaked references");
  WARN_ON_ONCE(refcount_read(dir.untracked) !== 1);
  WARN_ON_ONCE(refcount_read(dir.no_tracker) !== 1);
}
