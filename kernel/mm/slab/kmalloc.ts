// kmalloc: blocks by size, from a cache for each size class, or from the page allocator when they are large.
//
// Classes: 32 bytes and the powers of two up to 8192, and 96 and 192 between them. A block is aligned to its class, if that is a
// power of two, up to a cache line. kmalloc_index names the cache for each 32 bytes of size.
// A block of more than 8192 bytes is whole pages, of which the first is PG_large.
// kmalloc(0) is ZERO_SIZE_PTR: not null, not to be read or written, free to be freed.

import { CONFIG } from "config";
import { ALLOC_AREA, MARK } from "../../abi/marks.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import { BUG } from "../../lib/bug.ts";
import { memcpy } from "../../lib/string.ts";
import { __GFP_ZERO } from "../gfp.ts";
import { kmemleak_alloc, kmemleak_free } from "../kmemleak.ts";
import {
  __free_pages, alloc_pages, get_order, MAX_ORDER, page, page_address, PG_large, PG_slab, PG_tail, virt_addr_valid, virt_to_page,
} from "../page_alloc.ts";
import { slab_alloc, slab_free } from "../slab.ts";
import { kmem_cache, slab_of } from "./cache.ts";
import { setup_cache } from "./create.ts";

export const KMALLOC_MAX_CACHE_SIZE = 8192;
export const KMALLOC_MAX_SIZE = 1 << (PAGE_SHIFT + MAX_ORDER - 1);
export const ZERO_SIZE_PTR = 16;

const CLASSES = 11;
const CLASS_STEP_SHIFT = 5;
const CACHE_LINE = 64;

const kmalloc_caches = new StructArray(kmem_cache, CLASSES);
/** The cache for sizes of (i << 5) + 1 to (i + 1) << 5. */
const kmalloc_index = new FixedArray<kmem_cache>(KMALLOC_MAX_CACHE_SIZE >>> CLASS_STEP_SHIFT);

function class_name(size: u32): string {
  switch (size) {
    case 32: return "kmalloc-32";
    case 64: return "kmalloc-64";
    case 96: return "kmalloc-96";
    case 128: return "kmalloc-128";
    case 192: return "kmalloc-192";
    case 256: return "kmalloc-256";
    case 512: return "kmalloc-512";
    case 1024: return "kmalloc-1024";
    case 2048: return "kmalloc-2048";
    case 4096: return "kmalloc-4096";
    default: return "kmalloc-8192";
  }
}

/** The class above `size`. */
function next_class(size: u32): u32 {
  if (size === 64 || size === 128) return size + size / 2;
  if (size === 96 || size === 192) return size / 3 * 4;
  return size * 2;
}

/** Before anything else runs. */
export function create_kmalloc_caches(): void {
  let size: u32 = 32;
  let step: u32 = 0;
  for (let n: u32 = 0; n < CLASSES; n++) {
    const align = size % CACHE_LINE === 0 ? CACHE_LINE : 32;
    setup_cache(kmalloc_caches[n], class_name(size), size, align, 0, null);
    for (; step < size >>> CLASS_STEP_SHIFT; step++) kmalloc_index[step] = kmalloc_caches[n];
    size = next_class(size);
  }
}

/** What kmalloc's fast path turns away: nothing at all, and whole pages. */
function kmalloc_large(size: usize, gfp: u32): usize {
  "noinline";
  if (size === 0) return ZERO_SIZE_PTR;
  traceMark(MARK.ALLOC_ENTER);
  let block: usize = 0;
  const order = get_order(size);
  const p = alloc_pages(gfp, order);
  if (p !== null) {
    p.flags = PG_large;
    block = page_address(p);
    traceMark(MARK.ALLOC, block, size, ALLOC_AREA.pages);
    if (CONFIG.kmemleak.enabled) kmemleak_alloc(block, PAGE_SIZE << order, 1, gfp);
  }
  traceMark(MARK.ALLOC_LEAVE);
  return block;
}

/** A block of at least `size` bytes, or 0. @may_sleep_if gfp __GFP_WAIT */
export function kmalloc(size: usize, gfp: u32): usize {
  "noinline";
  const last = size - 1;
  if (unlikely(last >= KMALLOC_MAX_CACHE_SIZE)) return kmalloc_large(size, gfp);
  const block = slab_alloc(kmalloc_index[last >>> CLASS_STEP_SHIFT], gfp);
  traceMark(MARK.RESIZE, block, size);
  return block;
}

/** As kmalloc, cleared. @may_sleep_if gfp __GFP_WAIT */
export function kzalloc(size: usize, gfp: u32): usize {
  return kmalloc(size, gfp | __GFP_ZERO);
}

/** Room for `n` elements of `size` bytes; 0 also when that is more than an address can say. */
export function kmalloc_array(n: usize, size: usize, gfp: u32): usize {
  if (unlikely(mulhu(n, size) !== 0)) return 0;
  return kmalloc(n * size, gfp);
}

/** As kmalloc_array, cleared. */
export function kcalloc(n: usize, size: usize, gfp: u32): usize {
  return kmalloc_array(n, size, gfp | __GFP_ZERO);
}

function kfree_large(block: usize, p: page): void {
  "noinline";
  if ((p.flags & PG_large) === 0 || (block & (PAGE_SIZE - 1)) !== 0) {
    traceMark(MARK.FREE, block, 0, 0);
    BUG("kfree of %p: no block of kmalloc begins there", block);
  }
  traceMark(MARK.FREE, block, 0, 0);
  if (CONFIG.kmemleak.enabled) kmemleak_free(block);
  p.flags = 0;
  __free_pages(p, p.private);
  traceMark(MARK.FREE_LEAVE);
}

/** Frees what kmalloc or kmem_cache_alloc gave; 0 and ZERO_SIZE_PTR are ignored. */
export function kfree(block: usize): void {
  "noinline";
  if (unlikely(block <= ZERO_SIZE_PTR)) return;
  if (unlikely(!virt_addr_valid(block))) BUG("kfree of %p: not the address of any allocated memory", block);
  let p = virt_to_page(block);
  const kind = p.flags & (PG_slab | PG_tail);
  if (unlikely(kind !== PG_slab)) {
    if (kind === 0) {
      kfree_large(block, p);
      return;
    }
    p = cast<page>(p.private);
  }
  slab_free(cast<kmem_cache>(p.slab_cache), p, block);
}

/** Bytes of a block, all of which its caller may use from now on; 0 for what kfree ignores. */
export function ksize(block: usize): usize {
  if (block <= ZERO_SIZE_PTR) return 0;
  if (!virt_addr_valid(block)) BUG("ksize of %p: not the address of any allocated memory", block);
  const p = virt_to_page(block);
  const size = (p.flags & PG_slab) === 0 ? PAGE_SIZE << p.private : cast<kmem_cache>(slab_of(block).slab_cache).obj_size;
  traceMark(MARK.RESIZE, block, size);
  return size;
}

/**
 * A block of at least `size` bytes with the contents of `block`, which is freed if it was another one. 0: there was no memory,
 * and `block` is untouched. A block of 0 is as kmalloc, a size of 0 as kfree.
 */
export function krealloc(block: usize, size: usize, gfp: u32): usize {
  if (size === 0) {
    kfree(block);
    return ZERO_SIZE_PTR;
  }
  const old = ksize(block);
  if (old >= size) {
    traceMark(MARK.RESIZE, block, size);
    return block;
  }
  const fresh = kmalloc(size, gfp);
  if (fresh !== 0 && old !== 0) {
    memcpy(fresh, block, old);
    kfree(block);
  }
  return fresh;
}
