// kmem_cache_destroy, in the order of its steps that slab.destroy names (docs/kernel/destroy.md):
//
//   barrier-outside  unlink and shrink under slab_mutex and cpus_read_lock; then, under neither, wait for callbacks and free (default)
//   barrier-inside   Linux 3.6 with rcu_barrier of 3.7-rc: waits for callbacks under both. lockdep sees a circle of three locks
//   f1               as that was mended (3.6, 3.7): slab_mutex is released first, cpus_read_lock after the cache is freed
//   f0-bug           its draft: slab_mutex is released before the shrink, so a cache that cannot go is linked again without it
//   work             Linux 6.1: unlinked only if it is empty; caches with SLAB_DESTROY_BY_RCU wait for one rcu_barrier together, in a work
//   no-barrier       the callbacks of its slabs are not waited for: they read a descriptor that is gone
//   synchronize      a grace period is waited for, not the callbacks: the same, when a CPU is late to call them
//
// Locks: a cache is unlinked under slab_mutex; the order of locks is create.ts's. An unlinked cache is its destroyer's alone: a CPU
// that comes or goes does not find it, so its arrays may be freed under no lock. dying_caches: under slab_mutex.
// Lifetime: the callback of a slab reads its cache (rcu_free.ts), so the cache outlives the last of them.

import { CONFIG, SLAB_DESTROY } from "config";
import { for_each_possible_cpu } from "../../arch/cpumask.ts";
import { cpus_read_lock, cpus_read_unlock } from "../../cpu/lock.ts";
import { WARN_ON } from "../../lib/bug.ts";
import { list_add_tail, list_del, list_empty, list_for_each_entry_safe, list_head, list_splice_tail_init } from "../../lib/list.ts";
import { mutex_lock, mutex_unlock } from "../../locking/mutex.ts";
import { rcu_barrier, synchronize_rcu } from "../../rcu/rcu.ts";
import { INIT_WORK, schedule_work, work_struct, workqueue_init } from "../../sched/workqueue.ts";
import { kmem_cache_free } from "../slab.ts";
import { kmem_cache, no_array, SLAB_DESTROY_BY_RCU } from "./cache.ts";
import { __kmem_cache_shrink, cache_cache, slab_caches, slab_mutex } from "./create.ts";
import { kfree } from "./kmalloc.ts";
import { slab_error } from "./report.ts";

const FORM = CONFIG.slab.destroy;

/** Slabs of the cache that wait for a grace period know it: they go first. */
function await_slabs(cachep: kmem_cache): void {
  if ((cachep.flags & SLAB_DESTROY_BY_RCU) === 0 || FORM === SLAB_DESTROY.no_barrier) return;
  if (FORM === SLAB_DESTROY.synchronize) synchronize_rcu();
  else rcu_barrier();
}

/** An unlinked, empty cache that no callback reads any more. */
function free_cache(cachep: kmem_cache): void {
  for (const cpu of for_each_possible_cpu()) {
    const ac = cachep.array[cpu];
    if (ac !== no_array) kfree(addr(ac));
  }
  kmem_cache_free(cache_cache, addr(cachep));
}

/** A cache that cannot go is as it was. slab_mutex is held, but by the draft. */
function relink(cachep: kmem_cache): void {
  list_add_tail(cachep.next, slab_caches);
}

function cannot_go(cachep: kmem_cache): void {
  slab_error(cachep, "kmem_cache_destroy", "Can't free all objects");
}

/** All forms but two. */
function destroy_in_order(cachep: kmem_cache): void {
  cpus_read_lock();
  mutex_lock(slab_mutex);
  list_del(cachep.next);
  const empty = __kmem_cache_shrink(cachep);
  if (!empty) relink(cachep);
  if (FORM === SLAB_DESTROY.barrier_inside && empty) await_slabs(cachep);
  mutex_unlock(slab_mutex);
  if (FORM === SLAB_DESTROY.f1 && empty) {
    await_slabs(cachep);
    free_cache(cachep);
    cpus_read_unlock();
    return;
  }
  cpus_read_unlock();
  if (FORM !== SLAB_DESTROY.barrier_inside && empty) await_slabs(cachep);
  if (empty) free_cache(cachep);
  else cannot_go(cachep);
}

function destroy_f0(cachep: kmem_cache): void {
  cpus_read_lock();
  mutex_lock(slab_mutex);
  list_del(cachep.next);
  mutex_unlock(slab_mutex);
  const empty = __kmem_cache_shrink(cachep);
  if (empty) {
    await_slabs(cachep);
    free_cache(cachep);
  } else {
    cannot_go(cachep);
    relink(cachep);
  }
  cpus_read_unlock();
}

// ---- slab.destroy=work ----

const dying_caches = new list_head();
const dying_work = new work_struct();

export function kmem_cache_destroy_init(): void {
  if (FORM === SLAB_DESTROY.work) INIT_WORK(dying_work, free_dying);
}

/** All that wait, after one barrier for all. @may_sleep */
function free_dying(_work: work_struct): void {
  const gone = new list_head();
  mutex_lock(slab_mutex);
  list_splice_tail_init(dying_caches, gone);
  mutex_unlock(slab_mutex);
  if (list_empty(gone)) return;
  rcu_barrier();
  for (const cachep of list_for_each_entry_safe(gone, kmem_cache, "next")) free_cache(cachep);
}

function destroy_by_work(cachep: kmem_cache): void {
  const by_rcu = (cachep.flags & SLAB_DESTROY_BY_RCU) !== 0;
  if (by_rcu && workqueue_init() !== 0) {
    destroy_in_order(cachep);
    return;
  }
  cpus_read_lock();
  mutex_lock(slab_mutex);
  const empty = __kmem_cache_shrink(cachep);
  if (empty) {
    list_del(cachep.next);
    if (by_rcu) {
      list_add_tail(cachep.next, dying_caches);
      schedule_work(dying_work);
    }
  }
  mutex_unlock(slab_mutex);
  cpus_read_unlock();
  if (WARN_ON(!empty)) cannot_go(cachep);
  else if (!by_rcu) free_cache(cachep);
}

/** All objects have been freed; otherwise the cache stays as it was, and the log says so. Null is ignored. @may_sleep */
export function kmem_cache_destroy(cachep: kmem_cache | null): void {
  if (cachep === null) return;
  if (FORM === SLAB_DESTROY.f0_bug) destroy_f0(cachep);
  else if (FORM === SLAB_DESTROY.work) destroy_by_work(cachep);
  else destroy_in_order(cachep);
}
