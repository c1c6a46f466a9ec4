// The workload of lockdep/deadlock: two tasks take two locks in opposite orders, each waits with its first until the other has its own.
// With the boot parameter `orders=right` the second takes them as the first does.

import { get_option } from "kernel/lib/cmdline.ts";
import { strcmp } from "kernel/lib/string.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { msleep } from "kernel/sched/timer.ts";

const inode_lock = new spinlock_t();
const dentry_lock = new spinlock_t();
const rename_mutex = new mutex();
const quota_mutex = new mutex();
/** How many have their first lock. */
let first_taken: u32 = 0;

function right(): boolean {
  return strcmp(get_option("orders", "wrong"), "right") === 0;
}

function meet(): void {
  amoAdd(addressOf(first_taken), 1);
  if (right()) return;
  while (READ_ONCE(first_taken) < 2) pause();
}

function take_both(first: spinlock_t, second: spinlock_t): void {
  "noinline";
  spin_lock(first);
  meet();
  spin_lock(second);
  spin_unlock(second);
  spin_unlock(first);
}

export function spin_forwards(_arg: u32): void {
  spin_lock_init(inode_lock, "inode.lock");
  spin_lock_init(dentry_lock, "dentry.lock");
  msleep(2);
  take_both(inode_lock, dentry_lock);
}

export function spin_backwards(_arg: u32): void {
  msleep(2);
  if (right()) take_both(inode_lock, dentry_lock);
  else take_both(dentry_lock, inode_lock);
}

function sleep_with_both(first: mutex, second: mutex): void {
  "noinline";
  mutex_lock(first);
  msleep(2);
  mutex_lock(second);
  mutex_unlock(second);
  mutex_unlock(first);
}

export function sleep_forwards(_arg: u32): void {
  mutex_init(rename_mutex, "rename_mutex");
  mutex_init(quota_mutex, "quota_mutex");
  msleep(2);
  sleep_with_both(rename_mutex, quota_mutex);
}

export function sleep_backwards(_arg: u32): void {
  msleep(2);
  if (right()) sleep_with_both(rename_mutex, quota_mutex);
  else sleep_with_both(quota_mutex, rename_mutex);
}
