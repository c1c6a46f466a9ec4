// vmalloc, vmap and ioremap: memory that is contiguous in virtual addresses only, between VMALLOC_START and VMALLOC_END.
//
//   vmalloc   pages of its own          vmap      pages of the caller          ioremap   registers of a device
// Each block is a vm_struct (vmap/area.ts) with an unmapped guard page behind it, so that running over the end faults
// (vmap/show.ts says where). Freeing unmaps, has all CPUs forget the range, now or later (vmap/purge.ts), and gives pages and
// addresses back. Page tables: vmap/table.ts.
// All of it may sleep, and is not for interrupt context.
// kmemleak: the vm_struct holds the block's address once, so a block needs two hits; who refers to the vm_struct, beside its vmap_area, refers
//   to the block. The free hook comes before anything is unmapped: it waits for a scanner that reads the block.

import { CONFIG } from "config";
import { ALLOC_AREA, MARK } from "../abi/marks.ts";
import { __pa, __va, PAGE_SHIFT, PAGE_SIZE } from "../arch/page.ts";
import { lookup_pte, mk_pte, PAGE_KERNEL, VMALLOC_END, VMALLOC_START } from "../arch/pgtable.ts";
import { BUG, WARN_ON } from "../lib/bug.ts";
import { might_sleep } from "../sched/preempt.ts";
import { __GFP_ZERO, GFP_KERNEL } from "./gfp.ts";
import { kmemleak_free, kmemleak_not_leak, kmemleak_vmalloc } from "./kmemleak.ts";
import { __get_free_pages, free_pages, page, page_address, page_to_pfn, pfn_to_page, pfn_valid } from "./page_alloc.ts";
import { kfree, kmalloc } from "./slab.ts";
import { find_vm_area, insert_area, is_vmalloc_addr, VM_ALLOC, VM_IOREMAP, VM_MAP, VM_NOLEAKTRACE, vm_struct, vmap_area } from "./vmap/area.ts";
import { drop_vmap_area, flush_range, free_vmap_area, LAZY, purge_for_space, vmap_purge_init } from "./vmap/purge.ts";
import { clear_range, flush_cache_vmap, pte_alloc, pte_next, pte_offset } from "./vmap/table.ts";


/** Before the first vmalloc. */
export function vmalloc_init(): void {
  if (VMALLOC_START % (1 << 22) !== 0) BUG("vmalloc: the area does not begin on a directory entry");
  vmap_purge_init();
}

/** The return address of the function that inlines this. */
function caller_of_frame(): usize {
  "inline";
  return cast<Ptr<usize>>(framePointer() - 4)[0];
}

/** A vm_struct and its vmap_area, or null. */
function alloc_vm_struct(): vm_struct | null {
  const memory = kmalloc(sizeof<vm_struct>(), GFP_KERNEL);
  if (memory === 0) return null;
  const va = kmalloc(sizeof<vmap_area>(), GFP_KERNEL);
  if (va === 0) {
    kfree(memory);
    return null;
  }
  const area = cast<vm_struct>(memory);
  area.va = cast<vmap_area>(va);
  area.va.vm = area;
  // Only the tree knows it, and the tree's links move.
  if (CONFIG.kmemleak.enabled) kmemleak_not_leak(va);
  return area;
}

/** Addresses for `size` bytes, at least one, with nothing mapped there; null when there are none, or no memory. */
function get_vm_area(size: usize, flags: u32, caller: usize): vm_struct | null {
  might_sleep();
  if (size === 0 || size > VMALLOC_END - VMALLOC_START - PAGE_SIZE) return null;
  const area = alloc_vm_struct();
  if (area === null) return null;
  area.nr_pages = (size + PAGE_SIZE - 1) >>> PAGE_SHIFT;
  area.mapped = 0;
  area.flags = flags;
  area.caller = caller;
  area.phys_addr = 0;
  area.purge_next = null;
  while (!insert_area(area)) {
    if (purge_for_space()) continue;
    kfree(addr(area.va));
    kfree(addr(area));
    return null;
  }
  return area;
}

/** Maps fresh pages; false when memory runs out, with area.mapped telling how far it came. */
function map_own_pages(area: vm_struct, gfp: u32): boolean {
  let va = area.addr;
  let pte = pte_alloc(va);
  const count = area.nr_pages;
  for (let n: u32 = 0; n < count; n++) {
    if (n !== 0) pte = (va & ((1 << 22) - 1)) === 0 ? pte_alloc(va) : pte!.add(1);
    if (pte === null) return false;
    const block = __get_free_pages(gfp, 0);
    if (block === 0) return false;
    WRITE_ONCE(pte[0], mk_pte(__pa(block), PAGE_KERNEL));
    area.mapped = n + 1;
    va += PAGE_SIZE;
  }
  flush_cache_vmap(area.addr, count);
  return true;
}

/** Unmaps a block that nobody uses any more; frees its own pages. The vm_struct is gone afterwards. */
function unmap_own_pages(area: vm_struct): void {
  const start = area.addr;
  const count = area.mapped;
  if (count === 0) {
    drop_vmap_area(area);
    return;
  }
  if (!LAZY) {
    // The table keeps the page's number while the entry is invalid: free only what no CPU can reach any longer.
    let pte = pte_offset(start);
    for (let n: u32 = 0; n < count; n++) {
      if (n !== 0) pte = pte_next(pte, start + n * PAGE_SIZE);
      WRITE_ONCE(pte[0], pte[0] & ~PAGE_KERNEL);
    }
    flush_range(start, start + count * PAGE_SIZE);
  }
  let pte = pte_offset(start);
  for (let n: u32 = 0; n < count; n++) {
    if (n !== 0) pte = pte_next(pte, start + n * PAGE_SIZE);
    const block = __va((pte[0] >>> 10) << PAGE_SHIFT);
    WRITE_ONCE(pte[0], 0);
    free_pages(block, 0);
  }
  free_vmap_area(area);
}

function __vmalloc_caller(size: usize, gfp: u32, flags: u32, caller: usize): usize {
  traceMark(MARK.ALLOC_ENTER);
  const block = alloc_and_map(size, gfp, flags, caller);
  traceMark(MARK.ALLOC_LEAVE);
  return block;
}

function alloc_and_map(size: usize, gfp: u32, flags: u32, caller: usize): usize {
  "inline";
  const area = get_vm_area(size, VM_ALLOC | flags, caller);
  if (area === null) return 0;
  if (!map_own_pages(area, gfp)) {
    unmap_own_pages(area);
    return 0;
  }
  const block = area.addr;
  traceMark(MARK.ALLOC, block, size, ALLOC_AREA.vmalloc);
  if ((gfp & __GFP_ZERO) !== 0) traceMark(MARK.ZEROED, block, size);
  if (CONFIG.kmemleak.enabled && (flags & VM_NOLEAKTRACE) === 0) kmemleak_vmalloc(area, area.nr_pages << PAGE_SHIFT, GFP_KERNEL);
  return block;
}

/** As vmalloc, its pages allocated with `gfp`, which allows sleeping. @may_sleep */
export function __vmalloc(size: usize, gfp: u32): usize {
  "noinline";
  return __vmalloc_caller(size, gfp, 0, caller_of_frame());
}

/** At least `size` bytes, page aligned, or 0. May sleep. */
export function vmalloc(size: usize): usize {
  "noinline";
  return __vmalloc_caller(size, GFP_KERNEL, 0, caller_of_frame());
}

/** As vmalloc, cleared. */
export function vzalloc(size: usize): usize {
  "noinline";
  return __vmalloc_caller(size, GFP_KERNEL | __GFP_ZERO, 0, caller_of_frame());
}

/** As vmalloc, for who tells kmemleak of the parts that he gives away. */
export function vmalloc_untracked(size: usize): usize {
  "noinline";
  return __vmalloc_caller(size, GFP_KERNEL, VM_NOLEAKTRACE, caller_of_frame());
}

/** The area that begins at `block` and has all of `flags`, or a BUG in the words of the function that frees. */
function area_to_free(block: usize, flags: u32, what: string): vm_struct {
  might_sleep();
  const area = find_vm_area(block);
  if (area === null || area.addr !== block || (area.flags & flags) === 0) {
    traceMark(MARK.FREE, block, 0, 0);
    BUG("%s of %p: no block of its kind begins there", what, block);
  }
  return area!;
}

/** Frees what vmalloc gave; 0 is ignored. May sleep. */
export function vfree(block: usize): void {
  if (block === 0) return;
  const area = area_to_free(block, VM_ALLOC, "vfree");
  traceMark(MARK.FREE, block, 0, 0);
  if (CONFIG.kmemleak.enabled && (area.flags & VM_NOLEAKTRACE) === 0) kmemleak_free(block);
  unmap_own_pages(area);
  traceMark(MARK.FREE_LEAVE);
}

/** Unmaps pages that are not the area's own. */
function unmap_foreign_pages(area: vm_struct): void {
  clear_range(area.addr, area.mapped);
  if (!LAZY && area.mapped !== 0) flush_range(area.addr, area.addr + area.mapped * PAGE_SIZE);
  free_vmap_area(area);
}

/** Maps page number n of the area at physical `pa`. False: no memory for a table. */
function map_foreign_page(area: vm_struct, n: u32, pa: usize, prot: u32): boolean {
  const pte = pte_alloc(area.addr + n * PAGE_SIZE);
  if (pte === null) return false;
  WRITE_ONCE(pte[0], mk_pte(pa, prot));
  area.mapped = n + 1;
  return true;
}

/** `count` pages side by side with the permissions `prot`, or 0. The pages stay the caller's. May sleep. */
export function vmap(pages: Ptr<page>, count: u32, flags: u32, prot: u32): usize {
  "noinline";
  const area = get_vm_area(count << PAGE_SHIFT, VM_MAP | flags, caller_of_frame());
  if (area === null) return 0;
  for (let n: u32 = 0; n < count; n++) {
    traceMark(MARK.VMAP_PAGE, page_address(pages[n]));
    if (map_foreign_page(area, n, page_to_pfn(pages[n]) << PAGE_SHIFT, prot)) continue;
    unmap_foreign_pages(area);
    return 0;
  }
  flush_cache_vmap(area.addr, count);
  traceMark(MARK.VMAP, area.addr, count << PAGE_SHIFT);
  return area.addr;
}

/** Unmaps what vmap gave; 0 is ignored. May sleep. */
export function vunmap(block: usize): void {
  if (block === 0) return;
  const area = area_to_free(block, VM_MAP, "vunmap");
  traceMark(MARK.FREE, block, 0, 0);
  unmap_foreign_pages(area);
  traceMark(MARK.FREE_LEAVE);
}

/** The registers of a device at physical `pa`, or 0. Refuses RAM that the kernel uses. May sleep. */
export function ioremap(pa: usize, size: usize): usize {
  "noinline";
  const offset = pa & (PAGE_SIZE - 1);
  const last = pa + size - 1;
  if (size === 0 || last < pa) return 0;
  if (WARN_ON(pfn_valid(pa >>> PAGE_SHIFT) || pfn_valid(last >>> PAGE_SHIFT))) return 0;
  const area = get_vm_area(offset + size, VM_IOREMAP, caller_of_frame());
  if (area === null) return 0;
  area.phys_addr = pa - offset;
  for (let n: u32 = 0; n < area.nr_pages; n++) {
    if (map_foreign_page(area, n, area.phys_addr + (n << PAGE_SHIFT), PAGE_KERNEL)) continue;
    unmap_foreign_pages(area);
    return 0;
  }
  flush_cache_vmap(area.addr, area.nr_pages);
  return area.addr + offset;
}

/** Unmaps what ioremap gave; 0 is ignored. May sleep. */
export function iounmap(registers: usize): void {
  if (registers === 0) return;
  unmap_foreign_pages(area_to_free(registers & ~(PAGE_SIZE - 1), VM_IOREMAP, "iounmap"));
}

/** The page that an address of a vmalloc or vmap block is in, or null. */
export function vmalloc_to_page(va: usize): page | null {
  const pfn = vmalloc_to_pfn(va);
  return pfn_valid(pfn) ? pfn_to_page(pfn) : null;
}

/** The frame that an address of the vmalloc area is mapped to, or 0. */
export function vmalloc_to_pfn(va: usize): usize {
  return is_vmalloc_addr(va) ? lookup_pte(va) >>> 10 : 0;
}

export { find_vm_area, is_vmalloc_addr, vm_struct } from "./vmap/area.ts";
export { vm_unmap_aliases } from "./vmap/purge.ts";
export { vmallocinfo_show } from "./vmap/show.ts";
