// Per-CPU pages: single free pages at a CPU's hand, so that most allocations of one page take no lock.
//
// Allocation pops the hottest, freeing pushes; an empty list is refilled with `batch` pages, one of `high` gives its `batch`
// coldest back. Both figures are Linux's for the size of memory.
// A CPU's list belongs to that CPU with interrupts off; to the CPU that buries it once it is dead. Order: zone.lock inside.
// Pages in the lists are not in zone.free_pages: whoever counts calls drain_all_pages first.

import { for_each_possible_cpu } from "../../arch/cpumask.ts";
import { irqs_disabled, local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { on_each_cpu } from "../../irq/smp.ts";
import { INIT_LIST_HEAD, list_add, list_del, list_head } from "../../lib/list.ts";
import { free_pages_bulk, rmqueue_bulk, zone } from "./buddy.ts";
import { page } from "./page.ts";

class per_cpu_pages {
  count: u32;
  /** Hottest first; page.lru. */
  readonly list = new list_head();
}
const pageset = new PerCpu(per_cpu_pages);

let high: u32 = 0;
let batch: u32 = 0;

export function pcp_high(): u32 {
  return high;
}

export function pcp_batch(): u32 {
  return batch;
}

/** Pages in the list of one CPU, right now. */
export function pcp_count(cpu: u32): u32 {
  return READ_ONCE(pageset.of(cpu).count);
}

/** Pages in the lists of all CPUs. */
export function free_pcp_pages(): u32 {
  let pages: u32 = 0;
  for (const cpu of for_each_possible_cpu()) pages += pcp_count(cpu);
  return pages;
}

/** At boot, when the size of memory is known: a quarter of a thousandth of memory, rounded to 2^n - 1 against resonance. */
export function setup_pageset(): void {
  let share = zone.managed_pages / 1024 / 4;
  if (share < 1) share = 1;
  if (share > 64) share = 64;
  let power: u32 = 1;
  while (power * 2 <= share + share / 2) power *= 2;
  batch = power > 1 ? power - 1 : 1;
  high = 6 * batch;
  for (const cpu of for_each_possible_cpu()) INIT_LIST_HEAD(pageset.of(cpu).list);
}

/** One page, its fields not yet set up, or null when the buddy allocator is empty. Interrupts are off. */
export function pcp_alloc(): page | null {
  "inline";
  const pcp = pageset.current();
  if (unlikely(pcp.count === 0)) {
    pcp.count = rmqueue_bulk(batch, pcp.list);
    if (pcp.count === 0) return null;
  }
  pcp.count -= 1;
  const p = containerOf(page, "lru", pcp.list.next);
  list_del(p.lru);
  return p;
}

/** Takes a page that nobody uses. Interrupts are off. */
export function pcp_free(p: page): void {
  "inline";
  const pcp = pageset.current();
  list_add(p.lru, pcp.list);
  pcp.count += 1;
  if (unlikely(pcp.count >= high)) {
    free_pages_bulk(batch, pcp.list);
    pcp.count -= batch;
  }
}

/** Interrupts are off, and the list is mine. */
function drain_pages(cpu: u32): void {
  const pcp = pageset.of(cpu);
  if (pcp.count !== 0) free_pages_bulk(pcp.count, pcp.list);
  pcp.count = 0;
}

/** This CPU's pages go back, as do those of each CPU that runs it. */
export function drain_local_pages(_arg: u32): void {
  const flags = local_irq_save();
  const pcp = pageset.current();
  if (pcp.count !== 0) free_pages_bulk(pcp.count, pcp.list);
  pcp.count = 0;
  local_irq_restore(flags);
}

/** All per-CPU pages go back. With interrupts off, where nobody else can be asked, those of this CPU. */
export function drain_all_pages(): void {
  if (irqs_disabled()) drain_local_pages(0);
  else on_each_cpu(drain_local_pages, 0, true);
}

/** A CPU has stopped: its pages go back. */
export function page_alloc_cpu_dead(cpu: u32): i32 {
  const flags = local_irq_save();
  drain_pages(cpu);
  local_irq_restore(flags);
  return 0;
}
