// Which addresses of the vmalloc area belong to whom: a red-black tree of vmap_areas by address, first fit.
//
// Each vmap_area owns [first, end) in pages from VMALLOC_START, the last of them its guard page, which is never mapped, for one vm_struct.
// Lookups take O(log n). Placing looks for the lowest gap that fits; it remembers where the last search ended and the largest gap
// it passed, and begins there unless a smaller gap is wanted or one came free below (the hole cache of Linux 2.6.39 to 5.1).
// Everything here counts in pages: had searches the addresses of other blocks in their registers, these would end as stale words
// on stacks, and kmemleak would take lost blocks for live ones (docs/adr/0001). For the same reason searches do not touch vm_structs: each
// reference to one beyond its vmap_area's counts for its block (kmemleak_vmalloc). The tree's links move; a vmap_area is no leak and always
// read (kmemleak_not_leak), and so its vm_struct is referenced at any time (docs/adr/0002).
// Lock: vmap_area_lock protects the tree, the hole cache, the purge list and the directory entries of the area. Task context
// only; nothing is allocated, flushed or printed under it.

import { PAGE_SHIFT } from "../../arch/page.ts";
import { VMALLOC_END, VMALLOC_START } from "../../arch/pgtable.ts";
import { rb_erase, rb_first, rb_insert_color, rb_link_node, rb_next, rb_node, rb_prev, rb_root } from "../../lib/rbtree.ts";
import { spin_lock, spin_trylock, spin_unlock, spinlock_t } from "../../locking/spinlock.ts";

/** The block's pages are its own (vmalloc); belong to the caller (vmap); are registers of a device (ioremap). */
export const VM_ALLOC = 2;
export const VM_MAP = 4;
export const VM_IOREMAP = 1;
/** Unmapped, but some CPU may still know the translation: the addresses are not given again before a flush. */
export const VM_LAZY_FREE = 0x100;
/** kmemleak does not know the block. */
export const VM_NOLEAKTRACE = 0x200;

/** A place in the area, in pages from VMALLOC_START: first page, and one past its guard page. */
export class vmap_area {
  readonly rb = new rb_node();
  first: u32;
  end: u32;
  vm: vm_struct;
}

export class vm_struct {
  va: vmap_area;
  addr: usize;
  /** As its vmap_area. */
  first: u32;
  end: u32;
  nr_pages: u32;
  /** Mapped so far; what is undone when memory runs out half way. */
  mapped: u32;
  /** VM_ */
  flags: u32;
  /** Return address of the call that made it. */
  caller: usize;
  /** ioremap: the physical address. */
  phys_addr: usize;
  /** VM_LAZY_FREE: the one that was freed before, or null. */
  purge_next: vm_struct | null;
}

export const VMALLOC_PAGES = (VMALLOC_END - VMALLOC_START) >>> PAGE_SHIFT;
/** Page 0 stays empty: its address is a constant of the code, and would keep a block there alive for kmemleak. */
const FIRST_PAGE = 1;

const vmap_area_root = new rb_root();
export const vmap_area_lock = new spinlock_t();

/** The next search begins behind this area; null: at the beginning. No gap before it is larger than cached_hole. */
let free_vmap_cache: vmap_area | null = null;
let cached_hole: u32 = 0;

function area_of(node: rb_node | null): vmap_area | null {
  "inline";
  return node === null ? null : containerOf(vmap_area, "rb", node);
}

/** The area after `area`, or the first for null. */
function next_area(area: vmap_area | null): vmap_area | null {
  return area_of(area === null ? rb_first(vmap_area_root) : rb_next(area.rb));
}

/** Hangs `area` into the tree right behind `before`, or as the first one. */
function link_behind(area: vmap_area, before: vmap_area | null, after: vmap_area | null): void {
  // Of two neighbours in order, one has no child on the other's side.
  if (before !== null && before.rb.rb_right === null) rb_link_node(area.rb, before.rb, addressOf(before.rb.rb_right));
  else if (after !== null) rb_link_node(area.rb, after.rb, addressOf(after.rb.rb_left));
  else rb_link_node(area.rb, null, addressOf(vmap_area_root.rb_node));
  rb_insert_color(area.rb, vmap_area_root);
}

/** Gives `area` a place of its own, nr_pages and a guard page; false when none is left. */
export function insert_area(area: vm_struct): boolean {
  const wanted = area.nr_pages + 1;
  spin_lock(vmap_area_lock);
  if (free_vmap_cache === null || wanted <= cached_hole) {
    free_vmap_cache = null;
    cached_hole = 0;
  }
  let before = free_vmap_cache;
  let at: u32 = before === null ? FIRST_PAGE : before.end;
  let after = next_area(before);
  while (after !== null && after.first - at < wanted) {
    if (after.first - at > cached_hole) cached_hole = after.first - at;
    at = after.end;
    before = after;
    after = next_area(after);
  }
  const fits = VMALLOC_PAGES - at >= wanted;
  if (fits) {
    area.first = at;
    area.end = at + wanted;
    area.addr = VMALLOC_START + (at << PAGE_SHIFT);
    const va = area.va;
    va.first = at;
    va.end = at + wanted;
    link_behind(va, before, after);
    free_vmap_cache = va;
  }
  spin_unlock(vmap_area_lock);
  return fits;
}

/** Gives the addresses of `area` back. */
export function remove_area(area: vm_struct): void {
  spin_lock(vmap_area_lock);
  const cache = free_vmap_cache;
  const va = area.va;
  if (cache !== null && va.first <= cache.first) free_vmap_cache = area_of(rb_prev(va.rb));
  rb_erase(va.rb, vmap_area_root);
  spin_unlock(vmap_area_lock);
}

/** The last area that begins at or before page `at` of the vmalloc area, or null. vmap_area_lock is held. */
function area_at_or_before(at: u32): vmap_area | null {
  let node = vmap_area_root.rb_node;
  let found: vmap_area | null = null;
  while (node !== null) {
    const area = containerOf(vmap_area, "rb", node);
    if (at < area.first) {
      node = node.rb_left;
    } else {
      found = area;
      node = node.rb_right;
    }
  }
  return found;
}

function page_number(va: usize): u32 {
  "inline";
  return (va - VMALLOC_START) >>> PAGE_SHIFT;
}

export function is_vmalloc_addr(va: usize): boolean {
  "inline";
  return va - VMALLOC_START < VMALLOC_END - VMALLOC_START;
}

/** The area that holds an address, its guard page included, or null. It stays as long as nobody frees it. */
export function find_vm_area(va: usize): vm_struct | null {
  if (!is_vmalloc_addr(va)) return null;
  const at = page_number(va);
  spin_lock(vmap_area_lock);
  const found = area_at_or_before(at);
  let area: vm_struct | null = found === null || at >= found.end ? null : found.vm;
  if (area !== null && (area.flags & VM_LAZY_FREE) !== 0) area = null;
  spin_unlock(vmap_area_lock);
  return area;
}

/** Copies the first area at or behind page `from` to `copy`; false when there is none. */
export function copy_area_from(from: u32, copy: vm_struct): boolean {
  spin_lock(vmap_area_lock);
  let area = from === 0 ? next_area(null) : area_at_or_before(from - 1);
  if (area !== null && area.first < from) area = next_area(area);
  else if (area === null && from !== 0) area = next_area(null);
  if (area !== null) copy_fields(area.vm, copy);
  spin_unlock(vmap_area_lock);
  return area !== null;
}

/** Copies the last area at or before an address; false when there is none, or the lock is taken: for the fault report. */
export function copy_area_before(va: usize, copy: vm_struct): boolean {
  if (!spin_trylock(vmap_area_lock)) return false;
  const area = area_at_or_before(page_number(va));
  if (area !== null) copy_fields(area.vm, copy);
  spin_unlock(vmap_area_lock);
  return area !== null;
}

function copy_fields(area: vm_struct, copy: vm_struct): void {
  copy.addr = area.addr;
  copy.first = area.first;
  copy.end = area.end;
  copy.nr_pages = area.nr_pages;
  copy.flags = area.flags;
  copy.caller = area.caller;
  copy.phys_addr = area.phys_addr;
}
