// What a run leaves behind when it ends by itself, one function a case: memory of each kind, kmemleak's metadata of a block that is gone,
// a lock, a callback whose grace period a reader holds up for ever.

import { kmemleak_alloc } from "kernel/mm/kmemleak.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { __get_free_pages, free_pages } from "kernel/mm/page_alloc.ts";
import { kfree, kmalloc, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, SLAB_NOLEAKTRACE } from "kernel/mm/slab.ts";
import { vfree, vmalloc } from "kernel/mm/vmalloc.ts";
import { mutex, mutex_init, mutex_lock, mutex_unlock } from "kernel/locking/mutex.ts";
import { call_rcu, rcu_barrier, rcu_head, rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";
import { kthread_run } from "kernel/sched/kthread.ts";
import { schedule_timeout_interruptible, msleep } from "kernel/sched/timer.ts";
import { right } from "./right.ts";

/** So that kmemleak finds what is left: it is no leak, it is just there. */
const kept = new FixedArray<usize>(8);

export function leaves_objects(_arg: u32): void {
  for (let n: u32 = 0; n < 3; n++) kept[n] = kmalloc(100, GFP_KERNEL);
  if (right()) for (let n: u32 = 0; n < 3; n++) kfree(kept[n]);
}

export function leaves_pages(_arg: u32): void {
  kept[3] = __get_free_pages(GFP_KERNEL, 1);
  if (right()) free_pages(kept[3], 1);
}

export function leaves_area(_arg: u32): void {
  kept[4] = vmalloc(10_000);
  if (right()) vfree(kept[4]);
}

/** The scenario allows this one. */
export function keeps_table(_arg: u32): void {
  kept[5] = kmalloc(500, GFP_KERNEL);
  if (right()) kfree(kept[5]);
}

export function leaves_metadata(_arg: u32): void {
  const cache = kmem_cache_create("untracked", 48, 0, SLAB_NOLEAKTRACE, null)!;
  const object = kmem_cache_alloc(cache, GFP_KERNEL);
  // Told to kmemleak by hand; whoever does that must tell it the end, too.
  if (!right()) kmemleak_alloc(object, 48, 0, GFP_KERNEL);
  kmem_cache_free(cache, object);
  kmem_cache_destroy(cache);
}

const table_mutex = new mutex();

function holder(_arg: u32): void {
  mutex_lock(table_mutex);
  if (!right()) for (;;) schedule_timeout_interruptible(1000);
  mutex_unlock(table_mutex);
}

export function leaves_lock(_arg: u32): void {
  mutex_init(table_mutex, "table_mutex");
  kthread_run(holder, 0, "holder");
}

const late = new rcu_head();

function reclaim(_head: rcu_head): void {}

function endless_reader(_arg: u32): void {
  rcu_read_lock();
  if (!right()) for (;;) pause();
  rcu_read_unlock();
}

export function leaves_callback(_arg: u32): void {
  kthread_run(endless_reader, 0, "endless_reader");
  msleep(2);
  call_rcu(late, reclaim);
  if (right()) rcu_barrier();
  else msleep(60);
}
