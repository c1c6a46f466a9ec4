// Sv32 page tables of the kernel. One directory, swapper_pg_dir, serves all CPUs that are in no address space.
//
//   0x0000_0000 .. 0x9fff_ffff  devices, identity-mapped in 4 MiB superpages by map_device
//   0x4000_0000 .. 0x7fff_ffff  user memory, in the directories of address spaces only (mm/memory/pgtable.ts)
//   0xa000_0000 .. 0xafff_ffff  vmalloc, 4 KiB pages
//   0xbf80_0000 .. 0xbfff_ffff  the device tree, when it lies where the linear map does not reach
//   0xc000_0000 ..              linear map of RAM from PHYS_OFFSET on, 4 MiB superpages, made by head.ts

import { cpu_online_mask, cpuid_to_hartid_map, cpumask_test_cpu, nr_cpu_ids } from "./cpumask.ts";
import { CSR_SATP } from "./csr.ts";
import { __va, LINEAR_MAX, PAGE_OFFSET, PHYS_OFFSET } from "./page.ts";
import { sbi_remote_sfence_vma } from "./sbi.ts";

export const _PAGE_PRESENT = 1 << 0;
export const _PAGE_READ = 1 << 1;
export const _PAGE_WRITE = 1 << 2;
export const _PAGE_EXEC = 1 << 3;
/** Of a user: the kernel may use it only while sstatus.SUM is set (uaccess.ts). */
export const _PAGE_USER = 1 << 4;
export const _PAGE_GLOBAL = 1 << 5;
export const _PAGE_ACCESSED = 1 << 6;
export const _PAGE_DIRTY = 1 << 7;
/** A leaf for data; accessed and dirty are set at once, so the hardware need not. */
export const PAGE_KERNEL =
  _PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE | _PAGE_GLOBAL | _PAGE_ACCESSED | _PAGE_DIRTY;
export const PAGE_KERNEL_EXEC = PAGE_KERNEL | _PAGE_EXEC;
/** A pointer to a table of the next level. */
export const PAGE_TABLE = _PAGE_PRESENT;
/** Permission bits that make an entry a leaf. */
const _PAGE_LEAF = _PAGE_READ | _PAGE_WRITE | _PAGE_EXEC;

export const PGDIR_SHIFT = 22;
export const PGDIR_SIZE = 1 << PGDIR_SHIFT;
export const PTRS_PER_PGD = 1024;
export const PTRS_PER_PTE = 1024;

export const VMALLOC_START = 0xa000_0000;
export const VMALLOC_END = 0xb000_0000;
const FIXMAP_FDT = 0xbf80_0000;

/** A page of its own: the compiler aligns statics of whole pages. */
export const swapper_pg_dir = new FixedArray<u32>(PTRS_PER_PGD);

export function pgd_index(va: usize): u32 {
  "inline";
  return va >> PGDIR_SHIFT;
}

export function pte_index(va: usize): u32 {
  "inline";
  return (va >> 12) & (PTRS_PER_PTE - 1);
}

/** The entry that maps `pa` with the permissions `prot`. */
export function mk_pte(pa: usize, prot: u32): u32 {
  "inline";
  return ((pa >> 12) << 10) | prot;
}

export function local_flush_tlb_all(): void {
  "inline";
  sfenceVma();
}

/** A range of more pages is forgotten with everything else. */
const FLUSH_PAGES_MAX = 16;

/** This CPU forgets the range. */
export function local_flush_tlb_kernel_range(start: usize, end: usize): void {
  if (end - start > FLUSH_PAGES_MAX << 12) sfenceVma();
  else for (let va = start; va < end; va += 4096) sfenceVma(va);
}

/** Every online CPU forgets the range; returns when all have. A CPU that comes up later begins with an empty TLB. */
export function flush_tlb_kernel_range(start: usize, end: usize): void {
  // One CPU is online: it is this one.
  const low = READ_ONCE(cpu_online_mask.bits[0]);
  if ((low & (low - 1)) === 0 && READ_ONCE(cpu_online_mask.bits[1]) === 0) {
    local_flush_tlb_kernel_range(start, end);
    return;
  }
  // Harts of one word of the mask go into one call, the caller's among them.
  let low_harts: u32 = 0;
  let high_harts: u32 = 0;
  for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
    if (!cpumask_test_cpu(cpu, cpu_online_mask)) continue;
    const hart = cpuid_to_hartid_map[cpu];
    if (hart < 32) low_harts |= 1 << hart;
    else high_harts |= 1 << (hart - 32);
  }
  if (low_harts !== 0) sbi_remote_sfence_vma(low_harts, 0, start, end - start);
  if (high_harts !== 0) sbi_remote_sfence_vma(high_harts, 32, start, end - start);
}

/** Identity-maps the 4 MiB around a device's registers for all CPUs. */
export function map_device(pa: usize): void {
  const entry = addressOf(swapper_pg_dir[pgd_index(pa)]);
  if (entry[0] !== 0) return;
  entry[0] = mk_pte(pa & ~(PGDIR_SIZE - 1), PAGE_KERNEL);
  sfenceVma();
}

/** Where the device tree at the physical address `pa` can be read, wherever that is: 4 MiB from `pa` on at least. */
export function map_device_tree(pa: usize): usize {
  if (pa - PHYS_OFFSET < LINEAR_MAX) return __va(pa);
  const base = pa & ~(PGDIR_SIZE - 1);
  const entry = addressOf(swapper_pg_dir[pgd_index(FIXMAP_FDT)]);
  entry[0] = mk_pte(base, PAGE_KERNEL);
  // The last 4 MiB of the address space have no successor.
  if (base + PGDIR_SIZE !== 0) entry[1] = mk_pte(base + PGDIR_SIZE, PAGE_KERNEL);
  sfenceVma();
  return FIXMAP_FDT + (pa - base);
}

/** Takes what lies behind the end of RAM out of the linear map that head.ts made as large as it can be. */
export function trim_linear_map(end_pa: usize): void {
  const first = (end_pa - PHYS_OFFSET + PGDIR_SIZE - 1) >> PGDIR_SHIFT;
  for (let i = first; i < LINEAR_MAX >> PGDIR_SHIFT; i++)
    swapper_pg_dir[pgd_index(PAGE_OFFSET) + i] = 0;
  sfenceVma();
}

/**
 * The leaf entry for an address in the tables of this CPU, or 0. For the fault handler: a valid entry means that the
 * fault came from an older translation.
 */
export function lookup_pte(va: usize): u32 {
  const entry = READ_ONCE(swapper_pg_dir[pgd_index(va)]);
  if ((entry & _PAGE_PRESENT) === 0) return 0;
  if ((entry & _PAGE_LEAF) !== 0) return entry;
  const pte = READ_ONCE(cast<Ptr<u32>>(__va((entry >> 10) << 12))[pte_index(va)]);
  return (pte & _PAGE_PRESENT) !== 0 ? pte : 0;
}

/** Translation is on. */
export function paging_on(): boolean {
  return csrRead(CSR_SATP) !== 0;
}
