// The life of an address space: who takes a reference, says by which identity (mm_ref/types.ts), and gives it back by that one.
//
//   mm_alloc                    a new one; the caller is its one user
//   mmget, mmput                a user; the caller of mmget is one already. The last mmput tears down, and may sleep
//   mmget_not_zero, get_task_mm a user, when there is one still. When there is none: the identity stays free, and nothing is put
//   mmgrab, mmdrop              keeps the structure, not what is mapped; callable in any context
//
// A function that returns a reference, or consumes one, is given its identity by the caller.
// What is mapped, and the directory, belong to virtual memory, which registers its part at boot (mm_register); without it an address
// space is its counts.
// Locks: mmlist_lock, a leaf. Nothing here is called with a lock held but mmgrab and mmdrop.

import { cpumask_first, for_each_possible_cpu } from "../arch/cpumask.ts";
import { NR_CPUS } from "../arch/percpu.ts";
import { on_each_cpu } from "../irq/smp.ts";
import { atomic_dec_and_test, atomic_inc, atomic_inc_not_zero, atomic_set } from "../lib/atomic.ts";
import { BUG } from "../lib/bug.ts";
import { INIT_LIST_HEAD, list_del_init, list_empty, list_head } from "../lib/list.ts";
import { memset } from "../lib/string.ts";
import { mutex_init } from "../locking/mutex.ts";
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from "../locking/spinlock.ts";
import { leave_lazy_mm, task_lock, task_unlock } from "../sched/mm.ts";
import { cpu_rq } from "../sched/rq.ts";
import type { task_struct } from "../sched/task.ts";
import { GFP_KERNEL } from "./gfp.ts";
import { mm_refs_exit, mm_refs_init } from "./mm_ref/lifetime.ts";
import { get_mm_ref, get_mm_users_ref, INIT_MM_REF, lazy_get_mm_ref, lazy_put_mm_ref, put_mm_ref, put_mm_users_ref } from "./mm_ref/mm_ref.ts";
import { type mm_ref, REFS } from "./mm_ref/types.ts";
import { mm_struct } from "./mm_types.ts";
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_free, type kmem_cache } from "./slab.ts";

let mm_cachep: kmem_cache | null = null;
/** Address spaces that may have pages in swap. */
export const mmlist = new list_head();
export const mmlist_lock = new spinlock_t();

let pgd_alloc: ((mm: mm_struct) => boolean) | null = null;
let pgd_free: ((mm: mm_struct) => void) | null = null;
let exit_mmap: ((mm: mm_struct) => void) | null = null;

/** Once, at boot: who makes a directory (false: no memory), who frees it in any context, and who unmaps everything, which may sleep. */
export function mm_register(alloc: (mm: mm_struct) => boolean, free: (mm: mm_struct) => void, exit: (mm: mm_struct) => void): void {
  pgd_alloc = alloc;
  pgd_free = free;
  exit_mmap = exit;
}

export function mm_init(): void {
  "noinline";
  mm_cachep = kmem_cache_create("mm_struct", sizeof<mm_struct>(), 16, 0, null);
  if (mm_cachep === null) BUG("no memory for the mm_struct cache");
  spin_lock_init(mmlist_lock, "mmlist_lock");
  if (REFS) for (const cpu of for_each_possible_cpu()) INIT_MM_REF(cpu_rq(cpu).prev_mm_ref);
}

/** An empty address space, of which the caller is the one user; null when memory is short. */
export function mm_alloc(ref: mm_ref): mm_struct | null {
  const memory = kmem_cache_alloc(mm_cachep!, GFP_KERNEL);
  if (memory === 0) return null;
  memset(memory, 0, sizeof<mm_struct>());
  const mm = cast<mm_struct>(memory);
  atomic_set(mm.mm_users, 1);
  atomic_set(mm.mm_count, 1);
  mutex_init(mm.mmap_lock, "mmap_lock");
  INIT_LIST_HEAD(mm.mmap);
  INIT_LIST_HEAD(mm.mmlist);
  const alloc = pgd_alloc;
  if (alloc !== null && !alloc(mm)) {
    kmem_cache_free(mm_cachep!, memory);
    return null;
  }
  mm_refs_init(mm, ref);
  return mm;
}

/** One more user; the caller is one. */
export function mmget(mm: mm_struct, ref: mm_ref): void {
  "inline";
  atomic_inc(mm.mm_users);
  get_mm_users_ref(mm, ref);
}

/** A user, unless there is none any more. @must_use */
export function mmget_not_zero(mm: mm_struct, ref: mm_ref): boolean {
  if (!atomic_inc_not_zero(mm.mm_users)) return false;
  get_mm_users_ref(mm, ref);
  return true;
}

/** A user less. @may_sleep */
export function mmput(mm: mm_struct, ref: mm_ref): void {
  put_mm_users_ref(mm, ref);
  if (atomic_dec_and_test(mm.mm_users)) __mmput(mm);
}

export function mmgrab(mm: mm_struct, ref: mm_ref): void {
  "inline";
  atomic_inc(mm.mm_count);
  get_mm_ref(mm, ref);
}

export function mmdrop(mm: mm_struct, ref: mm_ref): void {
  put_mm_ref(mm, ref);
  if (unlikely(atomic_dec_and_test(mm.mm_count))) __mmdrop(mm);
}

/** mmgrab and mmdrop for a CPU that stays in an address space: the scheduler's, with its run queue locked. */
export function mmgrab_lazy_tlb(mm: mm_struct, ref: mm_ref): void {
  "inline";
  atomic_inc(mm.mm_count);
  lazy_get_mm_ref(mm, ref);
}

export function mmdrop_lazy_tlb(mm: mm_struct, ref: mm_ref): void {
  lazy_put_mm_ref(mm, ref);
  if (unlikely(atomic_dec_and_test(mm.mm_count))) __mmdrop(mm);
}

/** A user of the address space that the task is in, or null: it is in none. */
export function get_task_mm(task: task_struct, ref: mm_ref): mm_struct | null {
  task_lock(task);
  const mm = task.mm;
  if (mm !== null) mmget(mm, ref);
  task_unlock(task);
  return mm;
}

/** @atomic */
function shoot_lazy_tlb(arg: u32): void {
  leave_lazy_mm(cast<mm_struct>(arg));
}

/** Nobody uses it any more: what is mapped goes, and so do CPUs that have stayed in it. */
function __mmput(mm: mm_struct): void {
  "noinline";
  const exit = exit_mmap;
  if (exit !== null) exit(mm);
  if (!list_empty(mm.mmlist)) {
    spin_lock(mmlist_lock);
    list_del_init(mm.mmlist);
    spin_unlock(mmlist_lock);
  }
  if (cpumask_first(mm.cpu_bitmap) !== NR_CPUS) on_each_cpu(shoot_lazy_tlb, addr(mm), true);
  mmdrop(mm, mm.mm_users_ref);
}

function __mmdrop(mm: mm_struct): void {
  "noinline";
  mm_refs_exit(mm);
  const free = pgd_free;
  if (free !== null) free(mm);
  kmem_cache_free(mm_cachep!, addr(mm));
}
