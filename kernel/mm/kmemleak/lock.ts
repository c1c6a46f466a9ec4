// The locks of kmemleak, in the forms that the designs give them.
//
//   kmemleak_lock      the tree of tracked blocks (named object_tree_lock in the designs of 2008), from 2.6.31 on also object_list.
//                      A rwlock: writers create and delete, readers look up; or a raw spinlock (5.6; rt).
//   object_list_lock   designs of 2008: links in object_list; walkers use RCU.
//   object.lock        that object's flags, counts and areas; held while its block is read, which makes a concurrent free of the block
//                      wait in delete_object.
//   scan_mutex         one scan at a time; gray_list.
// Order: scan_mutex -> scanned.lock -> kmemleak_lock -> hit.lock (nested), and in 2008 scanned.lock -> hit.lock, scanned.lock ->
//   object_list_lock. Allocators' locks come before all of these; none of these is held across a call into an allocator.
// All are taken with interrupts off: the hooks are called in any context. With index=single-lock kmemleak_lock is everybody's object.lock.

import { local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { read_lock_irqsave, read_unlock_irqrestore, rwlock_init, rwlock_t, write_lock_irqsave, write_unlock_irqrestore } from "../../locking/rwlock.ts";
import {
  raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_lock_irqsave_nested, raw_spin_lock_nested, raw_spin_unlock, raw_spin_unlock_irqrestore,
  raw_spinlock_t, SINGLE_DEPTH_NESTING, spin_lock_irqsave, spin_lock_init, spin_unlock_irqrestore, spinlock_t,
} from "../../locking/spinlock.ts";
import { NO_OBJECT_LOCK, NO_SCAN_MUTEX, RAW_LOCK, RT_SLEEPS, SINGLE_LOCK, TWO_LOCKS } from "./design.ts";
import { kmemleak_object } from "./object.ts";

/** Serialises scans; protects gray_list. */
export const scan_mutex = new mutex();
const kmemleak_lock = new rwlock_t();
/** In its place where it must not sleep, or need not tell readers from writers. */
const kmemleak_raw_lock = new raw_spinlock_t();
export const object_list_lock = new raw_spinlock_t();

export function kmemleak_locks_init(): void {
  mutex_init(scan_mutex, "scan_mutex");
  if (RAW_LOCK) raw_spin_lock_init(kmemleak_raw_lock, TWO_LOCKS ? "object_tree_lock" : "kmemleak_lock");
  else rwlock_init(kmemleak_lock, TWO_LOCKS ? "object_tree_lock" : "kmemleak_lock");
}

/** @may_sleep */
export function scan_lock(): void {
  "inline";
  if (!NO_SCAN_MUTEX) mutex_lock(scan_mutex);
}

export function scan_unlock(): void {
  "inline";
  if (!NO_SCAN_MUTEX) mutex_unlock(scan_mutex);
}

/** To look up. */
export function index_read_lock(): u32 {
  "inline";
  return RAW_LOCK ? raw_spin_lock_irqsave(kmemleak_raw_lock) : read_lock_irqsave(kmemleak_lock);
}

/** @restores flags */
export function index_read_unlock(flags: u32): void {
  "inline";
  if (RAW_LOCK) raw_spin_unlock_irqrestore(kmemleak_raw_lock, flags);
  else read_unlock_irqrestore(kmemleak_lock, flags);
}

/** To create and delete. */
export function index_write_lock(): u32 {
  "inline";
  return RAW_LOCK ? raw_spin_lock_irqsave(kmemleak_raw_lock) : write_lock_irqsave(kmemleak_lock);
}

/** @restores flags */
export function index_write_unlock(flags: u32): void {
  "inline";
  if (RAW_LOCK) raw_spin_unlock_irqrestore(kmemleak_raw_lock, flags);
  else write_unlock_irqrestore(kmemleak_lock, flags);
}

export function object_lock_init(object: kmemleak_object): void {
  "inline";
  if (RT_SLEEPS) spin_lock_init(cast<spinlock_t>(addr(object.lock)), "kmemleak_object.lock");
  else raw_spin_lock_init(object.lock, "kmemleak_object.lock");
}

export function lock_object(object: kmemleak_object): u32 {
  "inline";
  if (NO_OBJECT_LOCK) return local_irq_save();
  if (SINGLE_LOCK) return raw_spin_lock_irqsave(kmemleak_raw_lock);
  if (RT_SLEEPS) return spin_lock_irqsave(cast<spinlock_t>(addr(object.lock)));
  return raw_spin_lock_irqsave(object.lock);
}

/** @restores flags */
export function unlock_object(object: kmemleak_object, flags: u32): void {
  "inline";
  if (NO_OBJECT_LOCK) local_irq_restore(flags);
  else if (SINGLE_LOCK) raw_spin_unlock_irqrestore(kmemleak_raw_lock, flags);
  else if (RT_SLEEPS) spin_unlock_irqrestore(cast<spinlock_t>(addr(object.lock)), flags);
  else raw_spin_unlock_irqrestore(object.lock, flags);
}

/** A hit on another block while one is read: one level of nesting. Interrupts are off when `off`; with one lock it is held already. */
export function lock_hit(object: kmemleak_object, off: boolean): u32 {
  "inline";
  if (SINGLE_LOCK || (NO_OBJECT_LOCK && off)) return 0;
  if (NO_OBJECT_LOCK) return local_irq_save();
  if (RT_SLEEPS) return spin_lock_irqsave(cast<spinlock_t>(addr(object.lock)));
  if (!off) return raw_spin_lock_irqsave_nested(object.lock, SINGLE_DEPTH_NESTING);
  raw_spin_lock_nested(object.lock, SINGLE_DEPTH_NESTING);
  return 0;
}

/** @restores flags */
export function unlock_hit(object: kmemleak_object, off: boolean, flags: u32): void {
  "inline";
  if (SINGLE_LOCK || (NO_OBJECT_LOCK && off)) return;
  if (NO_OBJECT_LOCK) local_irq_restore(flags);
  else if (RT_SLEEPS) spin_unlock_irqrestore(cast<spinlock_t>(addr(object.lock)), flags);
  else if (!off) raw_spin_unlock_irqrestore(object.lock, flags);
  else raw_spin_unlock(object.lock);
}
