// What slab.debug checks: red zones around objects, patterns in free ones, who had an object last.
//
//   byte  where                                         SLUB's name
//   0xbb  red zones of a free object                    SLUB_RED_INACTIVE
//   0xcc  red zones of an allocated object              SLUB_RED_ACTIVE
//   0x6b  a free object, but for its last byte          POISON_FREE
//   0xa5  the last byte of a free object                POISON_END
//   0x5a  a fresh object; the padding behind the tracks POISON_INUSE
//
// An object is checked as free when it is allocated and when its slab is released, as allocated when it is freed. What is
// found is reported (report.ts), repaired, and the kernel goes on. Objects of a cache with a constructor, or whose readers may
// look at free ones (SLAB_DESTROY_BY_RCU), have no pattern; kmemleak's own have no tracks.
// Every function runs where one CPU alone has the object: after it was taken, before it is let go. No locks.

import { fill_pattern } from "../page/pattern.ts";
import {
  kmem_cache, SLAB_CONSISTENCY_CHECKS, SLAB_DESTROY_BY_RCU, SLAB_NOLEAKTRACE, SLAB_POISON, SLAB_RED_ZONE, SLAB_STORE_USER,
} from "./cache.ts";
import { bytes_report } from "./report.ts";
import { set_track, TRACK, TRACKS_BYTES } from "./track.ts";

const SLUB_RED_INACTIVE = 0xbb;
const SLUB_RED_ACTIVE = 0xcc;
const POISON_FREE = 0x6b;
const POISON_END = 0xa5;
const POISON_INUSE = 0x5a;
const WORD_BYTES = 4;

/** The flags that a cache gets. */
export function debug_flags(flags: u32): u32 {
  const owners: u32 = (flags & SLAB_NOLEAKTRACE) === 0 ? SLAB_STORE_USER : 0;
  return flags | SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | owners;
}

/** Where the zones of an object of cachep.obj_size bytes go; the bytes of a buffer without its padding. */
export function debug_layout(cachep: kmem_cache, unit: u32): u32 {
  // At least one word behind the object.
  const red_end = ((cachep.obj_size + WORD_BYTES - 1) & ~(WORD_BYTES - 1)) + (cachep.obj_size % WORD_BYTES === 0 ? WORD_BYTES : 0);
  cachep.red_left = unit;
  cachep.track_at = red_end;
  return cachep.red_left + red_end + ((cachep.flags & SLAB_STORE_USER) !== 0 ? TRACKS_BYTES : 0);
}

/** From the object on: where its padding begins, and where the next buffer does. */
function padding_at(cachep: kmem_cache): u32 {
  return cachep.track_at + ((cachep.flags & SLAB_STORE_USER) !== 0 ? TRACKS_BYTES : 0);
}

function is_poisoned(cachep: kmem_cache): boolean {
  return (cachep.flags & SLAB_POISON) !== 0 && (cachep.flags & SLAB_DESTROY_BY_RCU) === 0 && cachep.ctor === null;
}

/** The first byte of `size` from `at` on that is not `value`, or 0. */
function memchr_inv(at: usize, value: u32, size: u32): usize {
  const word = value * 0x0101_0101;
  const end = at + size;
  let p = at;
  while (p < end) {
    if ((p & 3) === 0 && end - p >= 4 && cast<Ptr<u32>>(p)[0] === word) {
      p += 4;
    } else {
      if (cast<Ptr<u8>>(p)[0] !== value) return p;
      p += 1;
    }
  }
  return 0;
}

/** Reports and repairs `size` bytes from `at` on unless all are `value`. */
function check_bytes_and_report(cachep: kmem_cache, object: usize, what: string, at: usize, value: u32, size: u32): void {
  const first = memchr_inv(at, value, size);
  if (first === 0) return;
  let last = at + size - 1;
  while (cast<Ptr<u8>>(last)[0] === value) last -= 1;
  bytes_report(cachep, object, what, first, last, value);
  fill_pattern(first, value, last - first + 1);
}

/** Checks an object whose red zones hold `red`. */
function check_object(cachep: kmem_cache, object: usize, red: u32): void {
  if ((cachep.flags & SLAB_RED_ZONE) !== 0) {
    check_bytes_and_report(cachep, object, "Left Redzone", object - cachep.red_left, red, cachep.red_left);
    check_bytes_and_report(cachep, object, "Right Redzone", object + cachep.obj_size, red, cachep.track_at - cachep.obj_size);
  }
  if (red === SLUB_RED_INACTIVE && is_poisoned(cachep)) {
    check_bytes_and_report(cachep, object, "Poison", object, POISON_FREE, cachep.obj_size - 1);
    check_bytes_and_report(cachep, object, "End Poison", object + cachep.obj_size - 1, POISON_END, 1);
  }
  const padding = padding_at(cachep);
  check_bytes_and_report(cachep, object, "Object padding", object + padding, POISON_INUSE, cachep.buffer_size - cachep.red_left - padding);
}

function set_red_zones(cachep: kmem_cache, object: usize, red: u32): void {
  fill_pattern(object - cachep.red_left, red, cachep.red_left);
  fill_pattern(object + cachep.obj_size, red, cachep.track_at - cachep.obj_size);
}

function poison_free(cachep: kmem_cache, object: usize): void {
  if (!is_poisoned(cachep)) return;
  fill_pattern(object, POISON_FREE, cachep.obj_size - 1);
  fill_pattern(object + cachep.obj_size - 1, POISON_END, 1);
}

/** Zones and patterns of a new slab that begins at `start`. Constructors run afterwards. */
export function setup_slab_debug(cachep: kmem_cache, start: usize): void {
  fill_pattern(start, POISON_INUSE, cachep.num * cachep.buffer_size);
  for (let n: u32 = 0; n < cachep.num; n++) {
    const object = start + n * cachep.buffer_size + cachep.red_left;
    if ((cachep.flags & SLAB_STORE_USER) !== 0) fill_pattern(object + cachep.track_at, 0, TRACKS_BYTES);
    set_red_zones(cachep, object, SLUB_RED_INACTIVE);
    poison_free(cachep, object);
  }
}

/** An object has just been taken: it must look free, and looks allocated afterwards. */
export function alloc_debug_processing(cachep: kmem_cache, object: usize): void {
  "noinline";
  check_object(cachep, object, SLUB_RED_INACTIVE);
  if ((cachep.flags & SLAB_STORE_USER) !== 0) set_track(cachep, object, TRACK.ALLOC);
  set_red_zones(cachep, object, SLUB_RED_ACTIVE);
  if (is_poisoned(cachep)) fill_pattern(object, POISON_INUSE, cachep.obj_size);
}

/** An object is about to be let go: it must look allocated, and looks free afterwards. */
export function free_debug_processing(cachep: kmem_cache, object: usize): void {
  "noinline";
  check_object(cachep, object, SLUB_RED_ACTIVE);
  if ((cachep.flags & SLAB_STORE_USER) !== 0) set_track(cachep, object, TRACK.FREE);
  set_red_zones(cachep, object, SLUB_RED_INACTIVE);
  poison_free(cachep, object);
}

/** The pages of an empty slab that begins at `start` are about to go. */
export function check_slab_on_release(cachep: kmem_cache, start: usize): void {
  for (let n: u32 = 0; n < cachep.num; n++) {
    check_object(cachep, start + n * cachep.buffer_size + cachep.red_left, SLUB_RED_INACTIVE);
  }
}
