// The workload of lockdep/nested-object-lock (L2): the locks of kmemleak's first variant with RCU (V1), where lookups have lost the lock that kept
// interrupts off, and a hit on another object takes that object's lock without keeping them off itself. The kernel's own kmemleak has no
// such variant: this has its two locks of one class in the same contexts.
//
//   free_in_interrupt   an interrupt handler frees a block: it takes the object's lock
//   scan_roots          a root points to the block: a hit, the lock is taken as a nested one, interrupts are on. fixed=1: _irqsave
//   scan_object         a block points to another one: its own lock is held, with interrupts off, and the hit's nested inside

import { smp_call_function } from "kernel/irq/smp.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import {
  raw_spin_lock, raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_lock_irqsave_nested, raw_spin_lock_nested, raw_spin_unlock,
  raw_spin_unlock_irqrestore, raw_spinlock_t, SINGLE_DEPTH_NESTING,
} from "kernel/locking/spinlock.ts";

const scanned = new raw_spinlock_t();
const found = new raw_spinlock_t();

function kfree_in_handler(_arg: u32): void {
  raw_spin_lock(found);
  raw_spin_unlock(found);
}

function free_in_interrupt(): void {
  smp_call_function(kfree_in_handler, 0, true);
}

/** A reference to the block has been read. */
function hit(): void {
  "noinline";
  if (get_option_u32("fixed", 0) !== 0) {
    const flags = raw_spin_lock_irqsave_nested(found, SINGLE_DEPTH_NESTING);
    raw_spin_unlock_irqrestore(found, flags);
  } else {
    raw_spin_lock_nested(found, SINGLE_DEPTH_NESTING);
    raw_spin_unlock(found);
  }
}

function scan_roots(): void {
  "noinline";
  hit();
}

function scan_object(): void {
  "noinline";
  const flags = raw_spin_lock_irqsave(scanned);
  hit();
  raw_spin_unlock_irqrestore(scanned, flags);
}

export function scanner(_arg: u32): void {
  raw_spin_lock_init(scanned, "kmemleak_object.lock");
  raw_spin_lock_init(found, "kmemleak_object.lock");
  free_in_interrupt();
  scan_roots();
  scan_object();
}
