// What is said when the allocator finds itself, or its users, wrong.
//
// Without slab.debug a free of what cannot be freed is a BUG: the object's neighbours are in danger. With it there is a
// report in SLUB's form, which tells who had the object, and the kernel goes on with the object as it was.

import { CONFIG } from "config";
import { BUG, dump_stack } from "../../lib/bug.ts";
import { list_for_each_entry, list_head } from "../../lib/list.ts";
import { pr_cont, pr_err } from "../../lib/printk.ts";
import { page, page_address, virt_addr_valid } from "../page_alloc.ts";
import { kmem_cache, object_state, OBJECT_END, OBJECT_USED, SLAB_STORE_USER, slab_of, slab_offset } from "./cache.ts";
import { print_tracking } from "./track.ts";

/** Bytes of an object or zone that a report shows. */
const SHOWN_MAX = 256;
const ROW = 16;

/** Something about slabs was reported before. */
let tainted: boolean = false;

/** An error of a cache as a whole, in SLAB's words. */
export function slab_error(cachep: kmem_cache, where: string, what: string): void {
  pr_err("slab error in %s(): cache `%s': %s\n", where, cachep.name, what);
  if (CONFIG.slab.debug) list_slab_objects(cachep);
  dump_stack();
}

/** The first line of a report, up to where `what` would stand. */
function slab_bug(cachep: kmem_cache, what: string, suffix: string): void {
  pr_err("=============================================================================\n");
  pr_err("BUG %s (%s): %s%s\n", cachep.name, tainted ? "Tainted: G    B" : "Not tainted", what, suffix);
  pr_err("-----------------------------------------------------------------------------\n");
  tainted = true;
}

function slab_fix(cachep: kmem_cache, what: string, from: usize): void {
  pr_err("FIX %s: %s 0x%p\n", cachep.name, what, from);
}

/** One row of at most 16 bytes, in hexadecimal and as text. */
function print_row(label: string, at: usize, count: u32): void {
  const bytes = cast<Ptr<u8>>(at);
  pr_err("%s%p: ", label, at);
  for (let n: u32 = 0; n < ROW; n++) {
    if (n < count) pr_cont("%02x ", bytes[n]);
    else pr_cont("   ");
  }
  pr_cont(" ");
  for (let n: u32 = 0; n < count; n++) pr_cont("%c", bytes[n] >= 0x20 && bytes[n] < 0x7f ? bytes[n] : 0x2e);
  pr_cont("\n");
}

function print_section(label: string, at: usize, size: u32): void {
  const shown = size < SHOWN_MAX ? size : SHOWN_MAX;
  for (let n: u32 = 0; n < shown; n += ROW) print_row(label, at + n, shown - n < ROW ? shown - n : ROW);
}

/** Address of the first free object of the slab, or 0. */
function first_free(cachep: kmem_cache, slab: page): usize {
  return slab.free === OBJECT_END ? 0 : page_address(slab) + slab.free * cachep.buffer_size + cachep.red_left;
}

/** Owners, slab, and the bytes around and in an object. */
function print_trailer(cachep: kmem_cache, object: usize): void {
  const slab = slab_of(object);
  if ((cachep.flags & SLAB_STORE_USER) !== 0) print_tracking(cachep, object);
  pr_err("Slab 0x%p objects=%u used=%u fp=0x%p flags=0x%x\n", addr(slab), cachep.num, slab.inuse, first_free(cachep, slab), slab.flags);
  pr_err("Object 0x%p @offset=%u\n", object, object & cachep.slab_mask);
  print_section("Redzone  ", object - cachep.red_left, cachep.red_left);
  print_section("Object   ", object, cachep.obj_size);
  print_section("Redzone  ", object + cachep.obj_size, cachep.track_at - cachep.obj_size);
  dump_stack();
}

/** The bytes `first` to `last` are not all `expected`; they are about to be. */
export function bytes_report(cachep: kmem_cache, object: usize, what: string, first: usize, last: usize, expected: u32): void {
  slab_bug(cachep, what, " overwritten");
  const found = cast<Ptr<u8>>(first)[0];
  pr_err("0x%p-0x%p @offset=%u. First byte 0x%x instead of 0x%x\n", first, last, first & cachep.slab_mask, found, expected);
  print_trailer(cachep, object);
  pr_err("FIX %s: Restoring %s 0x%p-0x%p=0x%x\n", cachep.name, what, first, last, expected);
}

/** The address of a slab of the cache that is freed is no allocated object's. */
export function bad_free(cachep: kmem_cache, slab: page, object: usize): void {
  "noinline";
  const offset = slab_offset(cachep, object);
  const index = mulhu(offset, cachep.reciprocal);
  const starts = index * cachep.buffer_size === offset && index < cachep.num;
  if (!CONFIG.slab.debug) {
    if (starts) BUG("free of %p in cache %s: the object is free already (state %02x)", object, cachep.name, object_state(slab, index)[0]);
    BUG("free of %p in cache %s: not the start of an object (it is %u bytes inside one)", object, cachep.name, offset % cachep.buffer_size);
  }
  if (starts) {
    slab_bug(cachep, "Object already free", "");
    print_trailer(cachep, object);
  } else {
    slab_bug(cachep, "Invalid object pointer", "");
    pr_err("0x%p @offset=%u\n", object, object & cachep.slab_mask);
    dump_stack();
  }
  slab_fix(cachep, "Object not freed:", object);
}

/** kmem_cache_free was given the object of another cache, or (null) no slab object at all. */
export function wrong_cache(cachep: kmem_cache, object: usize, owner: kmem_cache | null): void {
  "noinline";
  if (!CONFIG.slab.debug) {
    if (owner === null) BUG("kmem_cache_free of %p to cache %s: not the address of a slab object", object, cachep.name);
    BUG("kmem_cache_free of %p to cache %s: it belongs to %s", object, cachep.name, owner!.name);
  }
  slab_bug(cachep, "Wrong slab cache", "");
  pr_err("0x%p is from %s\n", object, owner === null ? (virt_addr_valid(object) ? "no cache" : "nowhere") : owner!.name);
  dump_stack();
  slab_fix(cachep, "Object not freed:", object);
}

/** Who allocated what keeps a cache from going. */
function list_slab_objects(cachep: kmem_cache): void {
  list_objects_of(cachep, cachep.slabs_partial);
  list_objects_of(cachep, cachep.slabs_full);
}

function list_objects_of(cachep: kmem_cache, list: list_head): void {
  for (const slab of list_for_each_entry(list, page, "lru")) {
    for (let n: u32 = 0; n < cachep.num; n++) {
      if (object_state(slab, n)[0] !== OBJECT_USED) continue;
      const object = page_address(slab) + n * cachep.buffer_size + cachep.red_left;
      pr_err("Object 0x%p @offset=%u\n", object, object & cachep.slab_mask);
      if ((cachep.flags & SLAB_STORE_USER) !== 0) print_tracking(cachep, object);
    }
  }
}
