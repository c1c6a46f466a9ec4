// What code says about its blocks: colours, parts to scan, references of others.

import { stack_trace_save } from "../../arch/stacktrace.ts";
import { pr_warn } from "../../lib/printk.ts";
import { lock_object, unlock_object } from "./lock.ts";
import { find_and_get_object, find_for } from "./lookup.ts";
import { alloc_scan_area, discard_scan_area } from "./metadata.ts";
import { KMEMLEAK_BLACK, kmemleak_object, MAX_TRACE, OBJECT, put_object } from "./object.ts";
import { dump_object_info } from "./report.ts";

/** KMEMLEAK_GREY: not a leak, scanned; KMEMLEAK_BLACK: ignored. For good. */
export function paint_it(object: kmemleak_object, color: i32): void {
  const flags = lock_object(object);
  object.min_count = color;
  if (color === KMEMLEAK_BLACK) object.flags |= OBJECT.NO_SCAN;
  unlock_object(object, flags);
}

export function paint_ptr(ptr: usize, color: i32): void {
  const object = find_for(ptr, color === KMEMLEAK_BLACK ? "Trying to color black" : "Trying to color grey");
  if (object === null) return;
  paint_it(object, color);
  put_object(object);
}

/** From now on the block is searched for but never scanned. */
export function object_no_scan(ptr: usize): void {
  const object = find_for(ptr, "Not scanning");
  if (object === null) return;
  const flags = lock_object(object);
  object.flags |= OBJECT.NO_SCAN;
  unlock_object(object, flags);
  put_object(object);
}

/** Each hit on the block at `ptr` beyond those that it needs is a hit on the block that begins at `excess_ref`. */
export function object_set_excess_ref(ptr: usize, excess_ref: usize): void {
  const object = find_for(ptr, "Setting excess_ref on");
  if (object === null) return;
  const flags = lock_object(object);
  object.excess_ref = excess_ref;
  unlock_object(object, flags);
  put_object(object);
}

/** The block's backtrace is the caller's caller's from now on. */
export function object_update_trace(ptr: usize): void {
  "noinline";
  const object = find_for(ptr, "Updating stack trace for");
  if (object === null) return;
  const flags = lock_object(object);
  object.trace_len = u16(stack_trace_save(object.trace, MAX_TRACE, 2));
  unlock_object(object, flags);
  put_object(object);
}

/** Scans [ptr, ptr + size) of its block, and of the rest only other such parts. A size of 0xffffffff: to the end of the block. */
export function add_scan_area(ptr: usize, size: usize, gfp: u32): void {
  const object = find_and_get_object(ptr, true);
  if (object === null) {
    pr_warn("kmemleak: Adding scan area to unknown object at 0x%08x\n", ptr);
    return;
  }
  // Allocated before object.lock is taken: no allocator is entered with a lock of kmemleak held.
  const area = alloc_scan_area(gfp);
  const end = object.pointer + object.size;
  const length = size === 0xffff_ffff ? end - ptr : size;
  const fits = length <= end - ptr;
  const flags = lock_object(object);
  if (area === null) object.flags |= OBJECT.FULL_SCAN;
  else if (fits) {
    area.start = ptr;
    area.size = length;
    area.next = object.areas;
    object.areas = area;
  }
  unlock_object(object, flags);
  if (area === null) {
    pr_warn("kmemleak: Cannot allocate a scan area, scanning the full object\n");
  } else if (!fits) {
    pr_warn("kmemleak: scan area larger than object 0x%08x\n", ptr);
    dump_object_info(object);
    discard_scan_area(area);
  }
  put_object(object);
}
