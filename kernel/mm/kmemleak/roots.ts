// Memory that no tracked block owns, and where a reference counts: .data, .bss, each possible CPU's per-CPU area, mem_map (the page
// structures, not the pages) and the stacks of all tasks. Blocks with min_count 0 are roots too (scan.ts).
//
// Locks: tasklist_lock (read) while stacks are read.

import { for_each_possible_cpu } from "../../arch/cpumask.ts";
import { __per_cpu_offset } from "../../arch/percpu.ts";
import { read_lock, read_unlock } from "../../locking/rwlock.ts";
import { cond_resched } from "../../sched/core.ts";
import { for_each_process, tasklist_lock, THREAD_SIZE } from "../../sched/task.ts";
import { mem_map_end, mem_map_start } from "../page_alloc.ts";
import { POOL } from "./design.ts";
import { pool_end, pool_start } from "./pool.ts";
import { scan_block } from "./scan-block.ts";
import { scan_should_stop, stack_scan } from "./state.ts";

/** Bytes that are read at a time, with interrupts off. */
export const MAX_SCAN_SIZE = 4096;

/** A root area in pieces, giving way between them. Called without locks. */
function scan_large_block(start: usize, end: usize): void {
  for (let at = start; at < end && !scan_should_stop(); at += MAX_SCAN_SIZE) {
    scan_block(at, end - at < MAX_SCAN_SIZE ? end : at + MAX_SCAN_SIZE, null);
    cond_resched();
  }
}

export function scan_roots(): void {
  scan_large_block(linkerSymbol("_sdata"), linkerSymbol("_edata"));
  if (POOL) {
    scan_large_block(linkerSymbol("__bss_start"), pool_start());
    scan_large_block(pool_end(), linkerSymbol("__bss_stop"));
  } else {
    scan_large_block(linkerSymbol("__bss_start"), linkerSymbol("__bss_stop"));
  }
  for (const cpu of for_each_possible_cpu()) {
    const offset = __per_cpu_offset[cpu];
    scan_large_block(linkerSymbol("__per_cpu_start") + offset, linkerSymbol("__per_cpu_end") + offset);
  }
  scan_large_block(mem_map_start(), mem_map_end());
  if (!stack_scan()) return;
  read_lock(tasklist_lock);
  for (const task of for_each_process()) {
    if (task.stack !== 0) scan_block(task.stack, task.stack + THREAD_SIZE, null);
  }
  read_unlock(tasklist_lock);
}
