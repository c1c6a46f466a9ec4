// The workload of lockdep/wrong-orders: each task breaks one rule of locking in a way that does not happen to deadlock here, so that
// only a checker of orders and contexts finds it. With the boot parameter `orders=right` each keeps the rule instead.
// The tasks run one after the other; what a handler does is done by a function called on the other CPUs, in hardirq.

import { smp_call_function } from "kernel/irq/smp.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import {
  SINGLE_DEPTH_NESTING, spin_lock, spin_lock_init, spin_lock_nested, spin_unlock, spinlock_t,
  raw_spin_lock, raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock, raw_spin_unlock_irqrestore, raw_spinlock_t,
} from "kernel/locking/spinlock.ts";

const inode_lock = new spinlock_t();
const dentry_lock = new spinlock_t();
const account_lock = new raw_spinlock_t();
const queue_lock = new raw_spinlock_t();
const log_lock = new raw_spinlock_t();
const parent_lock = new spinlock_t();
const child_lock = new spinlock_t();
const first_mutex = new mutex();
const second_mutex = new mutex();
const third_mutex = new mutex();
const kept_mutex = new mutex();

function right(): boolean {
  return strcmp(get_option("orders", "wrong"), "right") === 0;
}

/** Two locks of one class: a tree node and its child. */
function name_nodes(): void {
  spin_lock_init(parent_lock, "node.lock");
  spin_lock_init(child_lock, "node.lock");
}

/** A takes B, later B takes A. */
export function abba(_arg: u32): void {
  spin_lock_init(inode_lock, "inode.lock");
  spin_lock_init(dentry_lock, "dentry.lock");
  spin_lock(inode_lock);
  spin_lock(dentry_lock);
  spin_unlock(dentry_lock);
  spin_unlock(inode_lock);
  if (right()) return;
  spin_lock(dentry_lock);
  spin_lock(inode_lock);
  spin_unlock(inode_lock);
  spin_unlock(dentry_lock);
}

/** Three mutexes in a ring; no two of them are ever taken in both orders. */
export function ring(_arg: u32): void {
  mutex_init(first_mutex, "first_mutex");
  mutex_init(second_mutex, "second_mutex");
  mutex_init(third_mutex, "third_mutex");
  mutex_lock(first_mutex);
  mutex_lock(second_mutex);
  mutex_unlock(second_mutex);
  mutex_unlock(first_mutex);
  mutex_lock(second_mutex);
  mutex_lock(third_mutex);
  mutex_unlock(third_mutex);
  mutex_unlock(second_mutex);
  if (right()) return;
  mutex_lock(third_mutex);
  mutex_lock(first_mutex);
  mutex_unlock(first_mutex);
  mutex_unlock(third_mutex);
}

function count_interrupt(_arg: u32): void {
  raw_spin_lock(account_lock);
  raw_spin_unlock(account_lock);
}

/** A lock that a handler takes, taken with interrupts on. */
export function interrupted_holder(_arg: u32): void {
  raw_spin_lock_init(account_lock, "account.lock");
  if (right()) {
    const flags = raw_spin_lock_irqsave(account_lock);
    raw_spin_unlock_irqrestore(account_lock, flags);
  } else {
    raw_spin_lock(account_lock);
    raw_spin_unlock(account_lock);
  }
  smp_call_function(count_interrupt, 0, true);
}

function serve_queue(_arg: u32): void {
  raw_spin_lock(queue_lock);
  raw_spin_unlock(queue_lock);
}

/** Under a lock that a handler takes, one that others hold with interrupts on. */
export function safe_then_unsafe(_arg: u32): void {
  raw_spin_lock_init(queue_lock, "queue.lock");
  raw_spin_lock_init(log_lock, "log.lock");
  smp_call_function(serve_queue, 0, true);
  if (!right()) {
    raw_spin_lock(log_lock);
    raw_spin_unlock(log_lock);
  }
  const flags = raw_spin_lock_irqsave(queue_lock);
  raw_spin_lock(log_lock);
  raw_spin_unlock(log_lock);
  raw_spin_unlock_irqrestore(queue_lock, flags);
}

/** Parent and child are of one class: without annotation nobody can tell their order. */
export function not_nested(_arg: u32): void {
  name_nodes();
  spin_lock(parent_lock);
  if (right()) spin_lock_nested(child_lock, SINGLE_DEPTH_NESTING);
  else spin_lock(child_lock);
  spin_unlock(child_lock);
  spin_unlock(parent_lock);
}

/** Ends while it holds a mutex. */
export function keeps(_arg: u32): void {
  mutex_init(kept_mutex, "kept_mutex");
  mutex_lock(kept_mutex);
  if (right()) mutex_unlock(kept_mutex);
}
