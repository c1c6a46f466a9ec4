// Per-CPU memory: static variables, and pieces that are allocated at run time, one copy for each possible CPU.
//
// A per-CPU pointer is what a static variable's address in the template .data..percpu is: adding __per_cpu_offset[cpu] gives that
// CPU's copy (per_cpu_ptr). So all chunks (pcpu/chunk.ts) have units of the same distance. The first chunk lies right behind
// the kernel image; its units begin with the copy of the template, and the rest is the dynamic reserve. Further chunks are
// vmalloc blocks; an empty one is given back when its last piece is freed by who may sleep, or else with the next such one, or
// when memory is short.
// Limits: a piece is no larger than a unit (the template and the reserve, rounded to pages) and aligned to a page at most; no
// allocation in atomic context; all pages of a chunk are there from the beginning.
// kmemleak: each CPU's copy of a piece is a block of its own, scanned and never reported; chunks as such are not tracked.
// Locks: pcpu_alloc_mutex: chunks come and go under it. pcpu_lock, interrupts off, inside it: the list of chunks and their maps;
//   free_percpu takes only this one and is for any context, as far as a spinlock is (on rt: not for hard interrupts).

import { CONFIG } from "config";
import { for_each_possible_cpu, nr_cpu_ids } from "../arch/cpumask.ts";
import { PAGE_SIZE } from "../arch/page.ts";
import { __per_cpu_offset, setup_per_cpu_area } from "../arch/percpu.ts";
import { BUG } from "../lib/bug.ts";
import { list_add_tail, list_del, list_for_each_entry, list_for_each_entry_safe, list_head } from "../lib/list.ts";
import { memcpy, memset } from "../lib/string.ts";
import { mutex, mutex_lock, mutex_trylock, mutex_unlock } from "../locking/mutex.ts";
import { spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from "../locking/spinlock.ts";
import { preemptible } from "../sched/preempt.ts";
import { get_current, smp_processor_id } from "../sched/task.ts";
import { GFP_KERNEL } from "./gfp.ts";
import { kmemleak_alloc_percpu, kmemleak_free_percpu } from "./kmemleak.ts";
import { memblock_alloc } from "./memblock.ts";
import { page_reclaimer, register_page_reclaimer } from "./page/reclaim.ts";
import { pcpu_alloc_area, pcpu_chunk, pcpu_chunk_init, pcpu_free_area, PCPU_MIN_ALLOC_SIZE, PCPU_UNIT_MAX } from "./pcpu/chunk.ts";
import { kfree, kmalloc } from "./slab.ts";
import { vfree, vmalloc_untracked } from "./vmalloc.ts";

/** Bytes of the first chunk's units behind the static variables, at least. */
const PERCPU_DYNAMIC_RESERVE = 2048;

const first_chunk = new pcpu_chunk();
/** The first chunk first; empty until setup_per_cpu_areas. */
const pcpu_chunks = new list_head();
const pcpu_lock = new spinlock_t();
const pcpu_alloc_mutex = new mutex();
const pcpu_reclaimer = new page_reclaimer();
let pcpu_unit_size: u32 = 0;

/** Before the page allocator: one copy of the template for each possible CPU, and room behind it. */
export function setup_per_cpu_areas(): void {
  const template = linkerSymbol("__per_cpu_start");
  const size = linkerSymbol("__per_cpu_end") - template;
  pcpu_unit_size = (size + PERCPU_DYNAMIC_RESERVE + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  if (pcpu_unit_size > PCPU_UNIT_MAX) BUG("percpu: %u bytes of static per-CPU variables are too many", size);
  const base = memblock_alloc(pcpu_unit_size * nr_cpu_ids, PAGE_SIZE);
  for (const cpu of for_each_possible_cpu()) {
    const area = base + cpu * pcpu_unit_size;
    memcpy(area, template, size);
    setup_per_cpu_area(cpu, area);
  }
  const words = pcpu_unit_size / PCPU_MIN_ALLOC_SIZE;
  pcpu_chunk_init(first_chunk, base, words);
  pcpu_alloc_area(first_chunk, (size + PCPU_MIN_ALLOC_SIZE - 1) / PCPU_MIN_ALLOC_SIZE, 1, words);
  list_add_tail(first_chunk.list, pcpu_chunks);
  pcpu_reclaimer.reclaim = pcpu_reclaim;
  register_page_reclaimer(pcpu_reclaimer);
}

/** A place in some chunk, or 0; the per-CPU pointer. pcpu_lock is held. */
function alloc_from_chunks(words: u32, align: u32): usize {
  const unit_words = pcpu_unit_size / PCPU_MIN_ALLOC_SIZE;
  for (const chunk of list_for_each_entry(pcpu_chunks, pcpu_chunk, "list")) {
    const start = pcpu_alloc_area(chunk, words, align, unit_words);
    if (start < 0) continue;
    return chunk.base + u32(start) * PCPU_MIN_ALLOC_SIZE - __per_cpu_offset[0];
  }
  return 0;
}

/** A new chunk in the list; false when there is no memory. pcpu_alloc_mutex is held. */
function pcpu_create_chunk(): boolean {
  const memory = kmalloc(sizeof<pcpu_chunk>(), GFP_KERNEL);
  if (memory === 0) return false;
  const base = vmalloc_untracked(pcpu_unit_size * nr_cpu_ids);
  if (base === 0) {
    kfree(memory);
    return false;
  }
  const chunk = cast<pcpu_chunk>(memory);
  pcpu_chunk_init(chunk, base, pcpu_unit_size / PCPU_MIN_ALLOC_SIZE);
  const flags = spin_lock_irqsave(pcpu_lock);
  list_add_tail(chunk.list, pcpu_chunks);
  spin_unlock_irqrestore(pcpu_lock, flags);
  return true;
}

/**
 * A cleared piece of `size` bytes for each possible CPU, aligned to `align` (a power of two, a page at most): the per-CPU
 * pointer, or 0. @may_sleep
 */
export function __alloc_percpu(size: u32, align: u32): usize {
  const unit = align < PCPU_MIN_ALLOC_SIZE ? PCPU_MIN_ALLOC_SIZE : align;
  if (size === 0 || size > pcpu_unit_size || unit > PAGE_SIZE || (unit & (unit - 1)) !== 0) return 0;
  const words = (size + PCPU_MIN_ALLOC_SIZE - 1) / PCPU_MIN_ALLOC_SIZE;
  mutex_lock(pcpu_alloc_mutex);
  let p: usize = 0;
  let created = false;
  for (;;) {
    const flags = spin_lock_irqsave(pcpu_lock);
    p = alloc_from_chunks(words, unit / PCPU_MIN_ALLOC_SIZE);
    spin_unlock_irqrestore(pcpu_lock, flags);
    if (p !== 0 || !pcpu_create_chunk()) break;
    created = true;
  }
  // Somebody may have made room in an older chunk meanwhile: then the new one stands empty.
  if (created) pcpu_balance();
  mutex_unlock(pcpu_alloc_mutex);
  if (p === 0) return 0;
  for (const cpu of for_each_possible_cpu()) memset(p + __per_cpu_offset[cpu], 0, words * PCPU_MIN_ALLOC_SIZE);
  if (CONFIG.kmemleak.enabled) kmemleak_alloc_percpu(p, size, GFP_KERNEL);
  return p;
}

/** A T for each possible CPU, all zero: the per-CPU pointer, or 0. @may_sleep */
export function alloc_percpu<T>(_type: Struct<T>): usize {
  return __alloc_percpu(sizeof<T>(), 8);
}

/** The address of a CPU's copy. */
export function per_cpu_ptr(p: usize, cpu: u32): usize {
  "inline";
  return p + __per_cpu_offset[cpu];
}

/** The address of this CPU's copy; stable only while preemption is off. */
export function this_cpu_ptr(p: usize): usize {
  "inline";
  return p + __per_cpu_offset[smp_processor_id()];
}

/** Takes an empty chunk that is not the first off the list; null when there is none. */
function take_empty_chunk(): pcpu_chunk | null {
  const flags = spin_lock_irqsave(pcpu_lock);
  let empty: pcpu_chunk | null = null;
  for (const chunk of list_for_each_entry_safe(pcpu_chunks, pcpu_chunk, "list")) {
    if (chunk === first_chunk || chunk.free_words !== pcpu_unit_size / PCPU_MIN_ALLOC_SIZE) continue;
    list_del(chunk.list);
    empty = chunk;
    break;
  }
  spin_unlock_irqrestore(pcpu_lock, flags);
  return empty;
}

/** Gives the empty chunks back: pages. pcpu_alloc_mutex is held. @may_sleep */
function pcpu_balance(): u32 {
  let pages: u32 = 0;
  for (let chunk = take_empty_chunk(); chunk !== null; chunk = take_empty_chunk()) {
    vfree(chunk.base);
    kfree(addr(chunk));
    pages += (pcpu_unit_size * nr_cpu_ids) / PAGE_SIZE;
  }
  return pages;
}

/** Short of memory, perhaps in the middle of __alloc_percpu. @may_sleep */
function pcpu_reclaim(_gfp: u32, _order: u32): u32 {
  if (!mutex_trylock(pcpu_alloc_mutex)) return 0;
  const pages = pcpu_balance();
  mutex_unlock(pcpu_alloc_mutex);
  return pages;
}

/** Frees what alloc_percpu gave; 0 is ignored. Any context. */
export function free_percpu(p: usize): void {
  if (p === 0) return;
  const at = p + __per_cpu_offset[0];
  if (CONFIG.kmemleak.enabled) kmemleak_free_percpu(p);
  const flags = spin_lock_irqsave(pcpu_lock);
  let words: u32 = 0;
  let empty = false;
  for (const chunk of list_for_each_entry(pcpu_chunks, pcpu_chunk, "list")) {
    if (at - chunk.base >= pcpu_unit_size) continue;
    if (at % PCPU_MIN_ALLOC_SIZE === 0) {
      words = pcpu_free_area(chunk, (at - chunk.base) / PCPU_MIN_ALLOC_SIZE, pcpu_unit_size / PCPU_MIN_ALLOC_SIZE);
    }
    empty = chunk !== first_chunk && chunk.free_words === pcpu_unit_size / PCPU_MIN_ALLOC_SIZE;
    break;
  }
  spin_unlock_irqrestore(pcpu_lock, flags);
  if (words === 0) BUG("free_percpu of %p: no piece of per-CPU memory begins there", p);
  if (!empty || !preemptible() || get_current().rcu_read_lock_nesting !== 0) return;
  mutex_lock(pcpu_alloc_mutex);
  pcpu_balance();
  mutex_unlock(pcpu_alloc_mutex);
}
