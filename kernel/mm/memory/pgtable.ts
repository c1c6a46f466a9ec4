// Page tables of user memory: a directory for each address space, tables when somebody needs them.
//
//   0x4000_0000 .. 0x7fff_ffff  user memory, TASK_UNMAPPED_BASE .. TASK_SIZE
//   everything else             as in swapper_pg_dir, copied when the directory is made; what the kernel maps in 4 MiB where nothing was
//                               before is copied when somebody faults there (sync_kernel_pgd)
// An entry:
//   present  mk_pte(frame, PAGE_USER), with _PAGE_DIRTY once it has been written through; A and D are set by the hardware, atomically, so
//            the kernel changes present entries by atomic operations only
//   swap     swp_entry.val << 1: bit 0 is clear
//   0        nothing yet
// Lock: mm.page_table_lock around every change of an entry and every look at one that leads to a change; a page's fault and its eviction
// meet there. A table lives from the first fault in its 4 MiB until exit_mmap.
// Translations: who takes rights away flushes before the frame can have another owner. CPUs in mm.cpu_bitmap may remember; one that is
// not there forgets everything before it enters (vm.bug=no-switch-flush: it does not). No ASIDs are used.

import { CONFIG, VM_BUG } from "config";
import { cpumask_first, cpumask_test_cpu, cpuid_to_hartid_map, nr_cpu_ids, type cpumask } from "../../arch/cpumask.ts";
import { CSR_SATP } from "../../arch/csr.ts";
import { __pa, __va, PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import {
  _PAGE_ACCESSED, _PAGE_PRESENT, _PAGE_READ, _PAGE_USER, _PAGE_WRITE, mk_pte, PAGE_TABLE, pgd_index, pte_index, PTRS_PER_PGD, swapper_pg_dir,
} from "../../arch/pgtable.ts";
import { sbi_remote_sfence_vma } from "../../arch/sbi.ts";
import { memcpy } from "../../lib/string.ts";
import { spin_lock, spin_lock_init, spin_unlock } from "../../locking/spinlock.ts";
import { preempt_disable, preempt_enable } from "../../sched/preempt.ts";
import { smp_processor_id } from "../../sched/task.ts";
import { GFP_KERNEL } from "../gfp.ts";
import type { mm_struct } from "../mm_types.ts";
import { page_to_pfn, pfn_to_page, type page } from "../page/page.ts";
import { free_pages, get_zeroed_page } from "../page_alloc.ts";

export const TASK_UNMAPPED_BASE = 0x4000_0000;
export const TASK_SIZE = 0x8000_0000;

/** A leaf for the data of a user. A is set: whoever maps a page is about to use it. */
export const PAGE_USER = _PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE | _PAGE_USER | _PAGE_ACCESSED;
const SATP_MODE_SV32 = 0x8000_0000;

export function pte_present(pte: u32): boolean {
  "inline";
  return (pte & _PAGE_PRESENT) !== 0;
}

export function pte_page(pte: u32): page {
  "inline";
  return pfn_to_page(pte >>> 10);
}

export function mk_user_pte(p: page, more: u32): u32 {
  "inline";
  return mk_pte(page_to_pfn(p) << PAGE_SHIFT, PAGE_USER | more);
}

export function swp_entry_to_pte(entry: u32): u32 {
  "inline";
  return entry << 1;
}

export function pte_to_swp_entry(pte: u32): u32 {
  "inline";
  return pte >>> 1;
}

function table_of(entry: u32): usize {
  "inline";
  return __va((entry >>> 10) << PAGE_SHIFT);
}

/** False: no memory. Nobody else knows the address space yet. */
export function user_pgd_alloc(mm: mm_struct): boolean {
  const pgd = get_zeroed_page(GFP_KERNEL);
  if (pgd === 0) return false;
  spin_lock_init(mm.page_table_lock, "page_table_lock");
  memcpy(pgd, addr(swapper_pg_dir), PTRS_PER_PGD * 4);
  mm.pgd = pgd;
  return true;
}

/** Any context; the tables have gone in free_pgtables. */
export function user_pgd_free(mm: mm_struct): void {
  free_pages(mm.pgd, 0);
}

function pgd_slot(mm: mm_struct, va: usize): Ptr<u32> {
  "inline";
  return addressOf(cast<Ptr<u32>>(mm.pgd)[pgd_index(va)]);
}

/** The entry for `va`, or null when its table has not been made. page_table_lock is held. */
export function user_pte_offset(mm: mm_struct, va: usize): Ptr<u32> | null {
  const entry = pgd_slot(mm, va)[0];
  if (entry === 0) return null;
  return addressOf(cast<Ptr<u32>>(table_of(entry))[pte_index(va)]);
}

/** Sees to it that `va` has a table; false: no memory. The caller is a user of the address space. @may_sleep @must_use */
export function user_pte_alloc(mm: mm_struct, va: usize): boolean {
  const slot = pgd_slot(mm, va);
  if (READ_ONCE(slot[0]) !== 0) return true;
  const table = get_zeroed_page(GFP_KERNEL);
  if (table === 0) return false;
  spin_lock(mm.page_table_lock);
  const unclaimed = slot[0] === 0;
  if (unclaimed) {
    fence("w", "w");
    WRITE_ONCE(slot[0], mk_pte(__pa(table), PAGE_TABLE));
  }
  spin_unlock(mm.page_table_lock);
  if (!unclaimed) free_pages(table, 0);
  return true;
}

/** All tables go. Nothing is mapped any more, and nobody is a user. */
export function free_pgtables(mm: mm_struct): void {
  for (let va: usize = TASK_UNMAPPED_BASE; va < TASK_SIZE; va += 1 << 22) {
    const slot = pgd_slot(mm, va);
    const entry = slot[0];
    if (entry === 0) continue;
    spin_lock(mm.page_table_lock);
    WRITE_ONCE(slot[0], 0);
    spin_unlock(mm.page_table_lock);
    flush_tlb_page(mm, va);
    free_pages(table_of(entry), 0);
  }
}

// ---- translations ----

/** CPUs of the mask forget the range; returns when they have. Preemption is off. */
function flush_tlb_mask(mask: cpumask, start: usize, size: u32): void {
  let low: u32 = 0;
  let high: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (!cpumask_test_cpu(cpu, mask)) continue;
    const hart = cpuid_to_hartid_map[cpu];
    if (hart < 32) low |= 1 << hart;
    else high |= 1 << (hart - 32);
  }
  if (low !== 0) sbi_remote_sfence_vma(low, 0, start, size);
  if (high !== 0) sbi_remote_sfence_vma(high, 32, start, size);
}

/** No CPU remembers the page any more. The entry has been changed. */
export function flush_tlb_page(mm: mm_struct, va: usize): void {
  preempt_disable();
  // The entry before the mask: a CPU that enters sets its bit before it looks at entries.
  fence("rw", "rw");
  const me = smp_processor_id();
  const mask = mm.cpu_bitmap;
  const low = READ_ONCE(mask.bits[0]);
  const high = READ_ONCE(mask.bits[1]);
  // Most often it is the caller alone, or nobody.
  if ((low & (low - 1)) === 0 && high === 0 && (low === 0 || cpumask_first(mask) === me)) sfenceVma(va);
  else flush_tlb_mask(mask, va, PAGE_SIZE);
  preempt_enable();
}

/** This CPU goes over to the directory of `next`, null: swapper_pg_dir. For sched/mm.ts; interrupts are off. */
export function switch_pgd(_prev: mm_struct | null, next: mm_struct | null): void {
  const pgd = next === null ? addr(swapper_pg_dir) : next.pgd;
  csrWrite(CSR_SATP, SATP_MODE_SV32 | (__pa(pgd) >>> PAGE_SHIFT));
  if (CONFIG.vm.bug !== VM_BUG.no_switch_flush) sfenceVma();
}

/** The fault was for something that swapper_pg_dir has and the directory of this CPU has not: now it has. False: that is not so. */
export function sync_kernel_pgd(va: usize): boolean {
  const master = READ_ONCE(swapper_pg_dir[pgd_index(va)]);
  const mine = addressOf(cast<Ptr<u32>>(__va((csrRead(CSR_SATP) & 0x3f_ffff) << PAGE_SHIFT))[pgd_index(va)]);
  if (master === 0 || READ_ONCE(mine[0]) === master) return false;
  WRITE_ONCE(mine[0], master);
  sfenceVma();
  return true;
}
