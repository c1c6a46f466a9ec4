// kmemleak: the hooks that allocators call, and the switch that turns them on.
//
// Interface rules: hooks may be called in any context but NMI, with any allocator lock held; null pointers are ignored; free
// wants the exact start of a block. The `_recursive` forms skip caches created with SLAB_NOLEAKTRACE, kmemleak's own among them,
// which is what ends the recursion allocator -> hook -> allocator. Before kmemleak_init hooks go into the early log.
// Metadata, locks and lifetime: kmemleak-object.ts. Scan: kmemleak-scan.ts. Report and commands: kmemleak-seq.ts.

import { CONFIG } from "config";
import { get_option, get_option_ms } from "../lib/cmdline.ts";
import { pr_info } from "../lib/printk.ts";
import { strcmp } from "../lib/string.ts";
import { msecs_to_jiffies } from "../sched/clock.ts";
import { EARLY, log_early, replay_early_log } from "./kmemleak-early.ts";
import { add_scan_area, create_object, delete_object, kmemleak_object_init, object_no_scan, paint_object } from "./kmemleak-object.ts";
import { kmemleak_scan_init, kmemleak_set_min_age } from "./kmemleak-scan.ts";
import { SLAB_NOLEAKTRACE } from "./slab.ts";

/** Where a hook's call goes. */
const enum STATE { EARLY, ENABLED, DISABLED }
let kmemleak_state: u32 = STATE.EARLY;

export function kmemleak_enabled(): boolean {
  return CONFIG.kmemleak.enabled && READ_ONCE(kmemleak_state) === STATE.ENABLED;
}

function early(op: u32, ptr: usize, size: usize, min_count: i32, offset: usize, gfp: u32): void {
  if (!log_early(op, ptr, size, min_count, offset, gfp)) kmemleak_state = STATE.DISABLED;
}

/** After the slab allocator works and before other CPUs start. */
export function kmemleak_init(): void {
  if (!CONFIG.kmemleak.enabled) return;
  if (strcmp(get_option("kmemleak", "on"), "off") === 0 || kmemleak_state === STATE.DISABLED) {
    kmemleak_state = STATE.DISABLED;
    pr_info("kmemleak: disabled\n");
    return;
  }
  kmemleak_object_init();
  kmemleak_scan_init();
  kmemleak_set_min_age(msecs_to_jiffies(get_option_ms("kmemleak.min_age", 5000)));
  kmemleak_state = STATE.ENABLED;
  const replayed = replay_early_log();
  pr_info("kmemleak: enabled, design km08-fix, %u early records replayed\n", replayed);
}

/** Tracks a new block. min_count: hits needed not to be a leak, 0 never reported but scanned, -1 neither. */
export function kmemleak_alloc(ptr: usize, size: usize, min_count: i32, gfp: u32): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) create_object(ptr, size, min_count, gfp);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.ALLOC, ptr, size, min_count, 0, gfp);
}

/** The block that begins at ptr is about to be freed. */
export function kmemleak_free(ptr: usize): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) delete_object(ptr);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.FREE, ptr, 0, 0, 0, 0);
}

/** As kmemleak_alloc, unless the cache with these flags is not tracked. */
export function kmemleak_alloc_recursive(ptr: usize, size: usize, min_count: i32, flags: u32, gfp: u32): void {
  "inline";
  if (CONFIG.kmemleak.enabled && (flags & SLAB_NOLEAKTRACE) === 0) kmemleak_alloc(ptr, size, min_count, gfp);
}

/** As kmemleak_free, unless the cache with these flags is not tracked. */
export function kmemleak_free_recursive(ptr: usize, flags: u32): void {
  "inline";
  if (CONFIG.kmemleak.enabled && (flags & SLAB_NOLEAKTRACE) === 0) kmemleak_free(ptr);
}

/** Never report this block, but scan it: a false positive, known as such. */
export function kmemleak_not_leak(ptr: usize): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) paint_object(ptr, 0);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.NOT_LEAK, ptr, 0, 0, 0, 0);
}

/** Neither report nor scan this block. */
export function kmemleak_ignore(ptr: usize): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) paint_object(ptr, -1);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.IGNORE, ptr, 0, 0, 0, 0);
}

/** Scan only this part (and others named so) of the block that begins at ptr. */
export function kmemleak_scan_area(ptr: usize, offset: usize, length: usize, gfp: u32): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) add_scan_area(ptr, offset, length, gfp);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.SCAN_AREA, ptr, length, 0, offset, gfp);
}

/** Look for this block, but do not look into it. */
export function kmemleak_no_scan(ptr: usize): void {
  if (ptr === 0) return;
  if (READ_ONCE(kmemleak_state) === STATE.ENABLED) object_no_scan(ptr);
  else if (kmemleak_state === STATE.EARLY) early(EARLY.NO_SCAN, ptr, 0, 0, 0, 0);
}

/** Wipes a pointer that would otherwise hide a leak: the slot of a per-CPU array just popped. */
export function kmemleak_erase(slot: Ptr<usize>): void {
  "inline";
  if (CONFIG.kmemleak.enabled) slot[0] = 0;
}
