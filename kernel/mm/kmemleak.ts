// kmemleak: the hooks that allocators call, and what turns them on. The parts: kmemleak/ (docs/kernel/kmemleak.md).
//
// Interface rules: hooks may be called in any context but NMI, with any allocator lock held; null pointers are ignored; free
// wants the exact start of a block. The `_recursive` forms skip caches created with SLAB_NOLEAKTRACE, kmemleak's own among them,
// which is what ends the recursion allocator -> hook -> allocator. Before kmemleak_init hooks go into the early log.

import { CONFIG } from "config";
import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { __va } from "../arch/page.ts";
import { __per_cpu_offset } from "../arch/percpu.ts";
import { get_option, get_option_ms } from "../lib/cmdline.ts";
import { panic } from "../lib/bug.ts";
import { pr_info } from "../lib/printk.ts";
import { strcmp } from "../lib/string.ts";
import { msecs_to_jiffies } from "../sched/clock.ts";
import { add_scan_area, object_no_scan, object_set_excess_ref, object_update_trace, paint_ptr } from "./kmemleak/annotate.ts";
import { create_object, delete_object, delete_object_part } from "./kmemleak/create.ts";
import { DESIGN_NAME, EXCESS_REF, NO_ERASE, POOL, VMALLOC_MIN_COUNT } from "./kmemleak/design.ts";
import { EARLY, log_early, replay_early_log } from "./kmemleak/early.ts";
import { kmemleak_locks_init } from "./kmemleak/lock.ts";
import { index_init } from "./kmemleak/index/index.ts";
import { kmemleak_metadata_init } from "./kmemleak/metadata.ts";
import { KMEMLEAK_BLACK, KMEMLEAK_GREY } from "./kmemleak/object.ts";
import { pool_in_use } from "./kmemleak/pool.ts";
import { kmemleak_set_min_age } from "./kmemleak/scan.ts";
import { kmemleak_early, kmemleak_enabled, kmemleak_free_enabled, leave_early } from "./kmemleak/state.ts";
import { mem_map_end, mem_map_start, page, page_address } from "./page/page.ts";
import { virt_addr_valid } from "./page_alloc.ts";
import { SLAB_NOLEAKTRACE } from "./slab.ts";
import { vm_struct } from "./vmap/area.ts";

export { kmemleak_enabled } from "./kmemleak/state.ts";

function early(op: u32, ptr: usize, size: usize, min_count: i32, gfp: u32): void {
  if (kmemleak_early() && !log_early(op, ptr, size, min_count, gfp)) leave_early(false);
}

function asked_for(): boolean {
  return strcmp(get_option("kmemleak", "on"), "off") !== 0;
}

function start_index(): void {
  if (!index_init(page_address(cast<page>(mem_map_start())), page_address(cast<page>(mem_map_end())))) panic("kmemleak: no memory for its index");
}

/** Before the first hook: with a pool, hooks work from now on. */
export function kmemleak_pool_init(): void {
  if (!CONFIG.kmemleak.enabled || !POOL) return;
  kmemleak_locks_init();
  start_index();
  leave_early(asked_for());
}

/** After the slab allocator works and before other CPUs start. */
export function kmemleak_init(): void {
  if (!CONFIG.kmemleak.enabled) return;
  if (!asked_for()) {
    leave_early(false);
    pr_info("kmemleak: disabled\n");
    return;
  }
  if (POOL ? !kmemleak_enabled() : !kmemleak_early()) return;
  if (!POOL) kmemleak_locks_init();
  kmemleak_metadata_init();
  if (!POOL) start_index();
  kmemleak_set_min_age(msecs_to_jiffies(get_option_ms("kmemleak.min_age", 5000)));
  if (POOL) {
    pr_info("kmemleak: enabled, design %s, %u objects of the pool in use\n", DESIGN_NAME, pool_in_use());
    return;
  }
  leave_early(true);
  const replayed = replay_early_log();
  if (kmemleak_enabled()) pr_info("kmemleak: enabled, design %s, %u early records replayed\n", DESIGN_NAME, replayed);
}

/** Tracks a new block. min_count: hits needed not to be a leak, 0 never reported but scanned, -1 neither. */
export function kmemleak_alloc(ptr: usize, size: usize, min_count: i32, gfp: u32): void {
  if (ptr === 0) return;
  if (kmemleak_enabled()) create_object(ptr, size, min_count, gfp);
  else early(EARLY.ALLOC, ptr, size, min_count, gfp);
}

/** The block that begins at ptr is about to be freed. */
export function kmemleak_free(ptr: usize): void {
  if (ptr === 0) return;
  if (kmemleak_free_enabled()) delete_object(ptr);
  else early(EARLY.FREE, ptr, 0, 0, 0);
}

/** [ptr, ptr + size) of a block is about to be freed. */
export function kmemleak_free_part(ptr: usize, size: usize): void {
  if (ptr === 0) return;
  if (kmemleak_free_enabled()) delete_object_part(ptr, size);
  else early(EARLY.FREE_PART, ptr, size, 0, 0);
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

/** A vmalloc block of `size` bytes. Its vm_struct holds its address once; who refers to that beside its vmap_area refers to the block (5.0). */
export function kmemleak_vmalloc(area: vm_struct, size: usize, gfp: u32): void {
  kmemleak_alloc(area.addr, size, VMALLOC_MIN_COUNT, gfp);
  kmemleak_set_excess_ref(addr(area), area.addr);
}

/** Whoever refers to the block at `ptr` once more than it needs refers to the block that begins at `other` with it (5.0). */
export function kmemleak_set_excess_ref(ptr: usize, other: usize): void {
  if (!EXCESS_REF || ptr === 0) return;
  if (kmemleak_enabled()) object_set_excess_ref(ptr, other);
  else early(EARLY.EXCESS_REF, ptr, other, 0, 0);
}

/** A per-CPU block: a piece for each possible CPU, scanned and never reported. */
export function kmemleak_alloc_percpu(ptr: usize, size: usize, gfp: u32): void {
  for (const cpu of for_each_possible_cpu()) kmemleak_alloc(ptr + __per_cpu_offset[cpu], size, 0, gfp);
}

export function kmemleak_free_percpu(ptr: usize): void {
  for (const cpu of for_each_possible_cpu()) kmemleak_free(ptr + __per_cpu_offset[cpu]);
}

/** Never report this block, but scan it: a false positive, known as such. */
export function kmemleak_not_leak(ptr: usize): void {
  if (ptr === 0) return;
  if (kmemleak_enabled()) paint_ptr(ptr, KMEMLEAK_GREY);
  else early(EARLY.NOT_LEAK, ptr, 0, 0, 0);
}

/** Neither report nor scan this block. */
export function kmemleak_ignore(ptr: usize): void {
  if (ptr === 0) return;
  if (kmemleak_enabled()) paint_ptr(ptr, KMEMLEAK_BLACK);
  else early(EARLY.IGNORE, ptr, 0, 0, 0);
}

/** Scan only [ptr, ptr + size), and other parts named so, of the block that ptr lies in. */
export function kmemleak_scan_area(ptr: usize, size: usize, gfp: u32): void {
  if (ptr === 0 || size === 0) return;
  if (kmemleak_enabled()) add_scan_area(ptr, size, gfp);
  else early(EARLY.SCAN_AREA, ptr, size, 0, gfp);
}

/** Look for this block, but do not look into it. */
export function kmemleak_no_scan(ptr: usize): void {
  if (ptr === 0 || NO_ERASE) return;
  if (kmemleak_enabled()) object_no_scan(ptr);
  else early(EARLY.NO_SCAN, ptr, 0, 0, 0);
}

/** The block was allocated for whoever calls this: its report shall show this backtrace. */
export function kmemleak_update_trace(ptr: usize): void {
  if (ptr !== 0 && kmemleak_enabled()) object_update_trace(ptr);
}

/** Wipes a pointer that would otherwise hide a leak: the slot of a per-CPU array just popped. */
export function kmemleak_erase(slot: Ptr<usize>): void {
  "inline";
  if (CONFIG.kmemleak.enabled && !NO_ERASE) slot[0] = 0;
}

// ---- by physical address, of memory that is mapped linearly; other addresses are ignored ----

export function kmemleak_alloc_phys(phys: usize, size: usize, min_count: i32, gfp: u32): void {
  if (virt_addr_valid(__va(phys))) kmemleak_alloc(__va(phys), size, min_count, gfp);
}

export function kmemleak_free_part_phys(phys: usize, size: usize): void {
  if (virt_addr_valid(__va(phys))) kmemleak_free_part(__va(phys), size);
}

export function kmemleak_not_leak_phys(phys: usize): void {
  if (virt_addr_valid(__va(phys))) kmemleak_not_leak(__va(phys));
}

export function kmemleak_ignore_phys(phys: usize): void {
  if (virt_addr_valid(__va(phys))) kmemleak_ignore(__va(phys));
}
