// Hooks that run before kmemleak can allocate are written down here and replayed, in order, by kmemleak_init.
//
// One hart runs at that time, so switching interrupts off is all the locking needed. When the log is full, kmemleak disables
// itself for good: a history with holes would report blocks that were freed long ago.
// Source: Linux 2.6.31 mm/kmemleak.c (200 entries).

import { CONFIG } from "config";
import { local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { pr_warn } from "../../lib/printk.ts";
import { memset } from "../../lib/string.ts";
import { jiffies } from "../../sched/clock.ts";
import { add_scan_area, object_no_scan, object_set_excess_ref, paint_ptr } from "./annotate.ts";
import { create_object, delete_object, delete_object_part } from "./create.ts";
import { note_incomplete } from "./state.ts";
import { KMEMLEAK_BLACK, KMEMLEAK_GREY } from "./object.ts";

const EARLY_LOG_ENTRIES = CONFIG.kmemleak.early_log;

export const enum EARLY { ALLOC, FREE, NOT_LEAK, IGNORE, SCAN_AREA, NO_SCAN, FREE_PART, EXCESS_REF }

class early_log_entry {
  op: u32;
  ptr: usize;
  size: usize;
  min_count: i32;
  gfp: u32;
}

const early_log = new StructArray<early_log_entry>(early_log_entry, EARLY_LOG_ENTRIES);
let early_log_count: u32 = 0;

/** Returns false when the log is full. */
export function log_early(op: u32, ptr: usize, size: usize, min_count: i32, gfp: u32): boolean {
  "noinline";
  const flags = local_irq_save();
  const at = early_log_count;
  if (at < EARLY_LOG_ENTRIES) {
    const entry = early_log[at];
    entry.op = op;
    entry.ptr = ptr;
    entry.size = size;
    entry.min_count = min_count;
    entry.gfp = gfp;
  }
  early_log_count = at + 1;
  local_irq_restore(flags);
  if (at >= EARLY_LOG_ENTRIES) {
    note_incomplete("the early log is full");
    pr_warn("kmemleak: kmemleak is disabled since jiffies %u: the early log of %u entries is full\n", jiffies(), EARLY_LOG_ENTRIES);
    return false;
  }
  return true;
}

/** Does what was written down, in order: alloc, free and alloc again of one address must end tracked. */
export function replay_early_log(): u32 {
  for (let i: u32 = 0; i < early_log_count; i++) {
    const entry = early_log[i];
    switch (entry.op) {
      case EARLY.ALLOC: create_object(entry.ptr, entry.size, entry.min_count, entry.gfp); break;
      case EARLY.FREE: delete_object(entry.ptr); break;
      case EARLY.NOT_LEAK: paint_ptr(entry.ptr, KMEMLEAK_GREY); break;
      case EARLY.IGNORE: paint_ptr(entry.ptr, KMEMLEAK_BLACK); break;
      case EARLY.SCAN_AREA: add_scan_area(entry.ptr, entry.size, entry.gfp); break;
      case EARLY.NO_SCAN: object_no_scan(entry.ptr); break;
      case EARLY.FREE_PART: delete_object_part(entry.ptr, entry.size); break;
      case EARLY.EXCESS_REF: object_set_excess_ref(entry.ptr, entry.size); break;
    }
  }
  // What it names must not pass for references.
  memset(addr(early_log), 0, EARLY_LOG_ENTRIES * sizeof<early_log_entry>());
  return early_log_count;
}
