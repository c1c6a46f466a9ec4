// An address space: its two counts, its directory, its regions.
//
// mm_users: who uses the address space. At 0 the mappings are torn down (mmput).
// mm_count: who uses the structure; all of mm_users together are one of them. At 0 directory and structure are freed (mmdrop). A CPU
//   that runs a task without an address space stays in the one it was in, and has a reference of this kind for it (sched/mm.ts).
// mmap_lock protects the list of regions. It is a mutex: readers exclude each other, unlike Linux's rw_semaphore.
// page_table_lock protects the entries of page tables (memory/pgtable.ts); inside mmap_lock and the page lock.
// The structure is zero when it is new, but for what mm_alloc sets.

import { cpumask } from "../arch/cpumask.ts";
import { atomic_t } from "../lib/atomic.ts";
import { list_head } from "../lib/list.ts";
import { mutex } from "../locking/mutex.ts";
import { spinlock_t } from "../locking/spinlock.ts";
import { mm_ref, mm_refs } from "./mm_ref/types.ts";

export class mm_struct {
  readonly mm_users = new atomic_t();
  readonly mm_count = new atomic_t();
  /** Address of the directory, a page of its own; 0: swapper_pg_dir serves. */
  pgd: usize;
  /** Around entries of page tables. */
  readonly page_table_lock = new spinlock_t();
  readonly mmap_lock = new mutex();
  /** Regions in order of addresses, under mmap_lock. */
  readonly mmap = new list_head();
  /** Pages of anonymous memory that are mapped. */
  readonly anon_pages = new atomic_t();
  /** Entries of page tables that name a place in swap. */
  readonly swap_entries = new atomic_t();
  /** CPUs that may have translations of this address space: those that run in it, lazily too. */
  readonly cpu_bitmap = new cpumask();
  /** Link in the list of address spaces that may have swap_entries, under mmlist_lock. */
  readonly mmlist = new list_head();
  /** By which all of mm_users own their one mm_count. */
  readonly mm_users_ref = new mm_ref();
  readonly refs = new mm_refs();
}
