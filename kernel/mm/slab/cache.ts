// What a slab cache consists of, and the state of one object.
//
// A slab is a block of pages cut into `num` buffers from its first byte on. Its first `struct page` is its descriptor
// (inuse, free, lru = one of the cache's three lists), and an index array of one byte an object tells the object's state:
// the next free object of the slab (END: none), CACHED (in some CPU's array) or USED. The array lies behind the objects,
// or in the descriptor (`private`, `index`) when there are at most 8, so that eight 512-byte objects fill a page.
// The bytes of the array: USED and CACHED are written by whoever holds the object, links under list_lock.
//
//   buffer   | left red zone | object: obj_size bytes | right red zone | alloc track | free track | padding |
//            '-- red_left ---'                                                                              '-- buffer_size
//
// Zones and tracks exist with slab.debug only (debug.ts); without it a buffer is the object and its alignment.
//
// list_lock is a raw spinlock in every preemption model, rt included: it is taken with interrupts off around a few dozen
// instructions, and nothing is called under it that could sleep (the page allocator is called outside).

import { CONFIG } from "config";
import { NR_CPUS } from "../../arch/percpu.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import { list_head } from "../../lib/list.ts";
import { raw_spinlock_t } from "../../locking/spinlock.ts";
import { page, PG_tail, virt_to_page } from "../page_alloc.ts";

/** Check objects and the addresses that are freed. With slab.debug, like the next three. */
export const SLAB_CONSISTENCY_CHECKS = 0x100;
/** Red zones before and behind objects. */
export const SLAB_RED_ZONE = 0x400;
/** Fill free objects with a pattern. */
export const SLAB_POISON = 0x800;
/** Remember who allocated and freed an object last. */
export const SLAB_STORE_USER = 0x1_0000;
/** Objects begin on a cache line. */
export const SLAB_HWCACHE_ALIGN = 0x2000;
/** No memory for the cache is a panic. */
export const SLAB_PANIC = 0x4_0000;
/**
 * The pages of a slab go back only after a grace period. An object may be reused at once: who finds one in an RCU read section
 * sees an object of this cache, not necessarily the one it looked for, and has to make sure.
 */
export const SLAB_DESTROY_BY_RCU = 0x8_0000;
/** kmemleak does not track objects of this cache. */
export const SLAB_NOLEAKTRACE = 0x80_0000;

/** States in the index array; smaller values are links. */
export const OBJECT_USED = 0xff;
export const OBJECT_CACHED = 0xfe;
export const OBJECT_END = 0xfd;
/** Objects a slab has at most. */
export const SLAB_OBJECTS_MAX = 250;
/** Objects whose index array fits into the descriptor. */
export const SLAB_INLINE_MAX = 8;
/** The largest order of a slab that is chosen for little waste. */
const SLAB_ORDER_MAX = 3;

/** Free objects at a CPU's hand. Touched by that CPU with interrupts off, by others only while it is offline. */
export class array_cache {
  avail: u32;
  limit: u32;
  /** Objects that a refill takes and an overflow gives back. */
  batchcount: u32;
  /** In fact `limit` slots. */
  readonly entry = new FixedArray<usize>(1);
}
/** Bytes of an array_cache before its slots. */
export const ARRAY_CACHE_HEAD = 12;

/** Of every CPU that has no array of its own: nothing in it, no room, so both fast paths turn to the slow ones. */
export const no_array = new array_cache();

export class kmem_cache {
  /** Each CPU's, or no_array. */
  readonly array = new FixedArray<array_cache>(NR_CPUS);
  /** Distance of objects, their size without alignment. */
  buffer_size: u32;
  obj_size: u32;
  /** 2^32 / buffer_size, rounded up: mulhu(offset, reciprocal) is the object's index. */
  reciprocal: u32;
  /** Bytes of a slab, less one: address & slab_mask is the distance from its first byte. */
  slab_mask: u32;
  /** SLAB_ flags. */
  flags: u32;
  num: u32;
  gfporder: u32;
  limit: u32;
  batchcount: u32;
  /** Debug: bytes before an object; where tracks begin, from the object on. */
  red_left: u32;
  track_at: u32;
  name: string;
  /** Run once on each object of a new slab; an object comes back in that state. */
  ctor: ((object: usize) => void) | null;
  /** In slab_caches. */
  readonly next = new list_head();
  readonly list_lock = new raw_spinlock_t();
  /** page.lru; by number of free objects: some, none, all. */
  readonly slabs_partial = new list_head();
  readonly slabs_full = new list_head();
  readonly slabs_free = new list_head();
  /** Objects in the slabs of all three lists; free ones among them. */
  total_objects: u32;
  free_objects: u32;
  /** More free objects than this, and an empty slab goes back to the page allocator. */
  free_limit: u32;
}

/** The descriptor of the slab that holds `object`; the address is known to be in a slab. */
export function slab_of(object: usize): page {
  "inline";
  const p = virt_to_page(object);
  return (p.flags & PG_tail) === 0 ? p : cast<page>(p.private);
}

/** Distance of an object, or any address in it, from the first object of its slab: blocks are aligned to their size. */
export function slab_offset(cachep: kmem_cache, object: usize): u32 {
  "inline";
  const offset = object & cachep.slab_mask;
  return CONFIG.slab.debug ? offset - cachep.red_left : offset;
}

/** The number of the object in its slab. */
export function object_index(cachep: kmem_cache, object: usize): u32 {
  "inline";
  return mulhu(slab_offset(cachep, object), cachep.reciprocal);
}

/** The byte with the state of object number `index`. */
export function object_state(slab: page, index: u32): Ptr<u8> {
  "inline";
  return cast<Ptr<u8>>(slab.freelist + index);
}

/** Order and number of objects of the slabs: the first order that wastes an eighth at most, 8 pages if none does. */
export function slab_layout(cachep: kmem_cache): void {
  for (let order: u32 = 0; ; order++) {
    const bytes = 1 << (PAGE_SHIFT + order);
    let num = bytes / cachep.buffer_size;
    if (num > SLAB_INLINE_MAX) num = bytes / (cachep.buffer_size + 1);
    if (num > SLAB_OBJECTS_MAX) num = SLAB_OBJECTS_MAX;
    cachep.gfporder = order;
    cachep.num = num;
    cachep.slab_mask = (PAGE_SIZE << order) - 1;
    const left = bytes - num * cachep.buffer_size;
    if (num !== 0 && (left * 8 <= bytes || order >= SLAB_ORDER_MAX)) return;
  }
}
