// The workload of kmemleak/lost-object: ten blocks that nobody refers to any more, seven that somebody still does in a way that
// is easy to overlook, and a scanner. Each plant runs on a kthread of its own, which has exited before the first scan.

import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { list_add, list_del, list_head } from "kernel/lib/list.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_ignore, kmemleak_not_leak } from "kernel/mm/kmemleak.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmem_cache_alloc, kmem_cache_create, kzalloc } from "kernel/mm/slab.ts";
import { vmalloc } from "kernel/mm/vmalloc.ts";
import { preempt_disable, preempt_enable } from "kernel/sched/preempt.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

// ---- leaks ----

export function lose_kmalloc(_arg: u32): void {
  "noinline";
  const block = kzalloc(200, GFP_KERNEL);
  plant_leak(block, "kmalloc");
}

class registered {
  readonly list = new list_head();
  readonly payload = new FixedArray<u32>(20);
}
const registry = new list_head();

/** On the registry, then off it: list_del is the last anybody sees of it. */
export function lose_registered(_arg: u32): void {
  "noinline";
  const cache = kmem_cache_create("registered", sizeof<registered>(), 0, 0, null);
  const entry = cast<registered>(kmem_cache_alloc(cache!, GFP_KERNEL));
  memset(addr(entry), 0, sizeof<registered>());
  list_add(entry.list, registry);
  list_del(entry.list);
  plant_leak(addr(entry), "kmem_cache");
}

export function lose_vmalloc(_arg: u32): void {
  "noinline";
  const block = vmalloc(3 * 4096);
  memset(block, 0, 3 * 4096);
  plant_leak(block, "vmalloc");
}

class chained {
  next: chained | null;
  readonly payload = new FixedArray<u32>(11);
}

/** Five blocks; the head's address is dropped, and with it the way to the children. */
export function lose_chain(_arg: u32): void {
  "noinline";
  let head: chained | null = null;
  for (let i: u32 = 0; i < 5; i++) {
    const link = cast<chained>(kzalloc(sizeof<chained>() + i * 64, GFP_KERNEL));
    link.next = head;
    head = link;
    plant_leak(addr(link), "chain");
  }
}

/** Two blocks that refer to each other and are referred to by nobody else. */
export function lose_cycle(_arg: u32): void {
  "noinline";
  const a = cast<chained>(kzalloc(sizeof<chained>(), GFP_KERNEL));
  const b = cast<chained>(kzalloc(sizeof<chained>() + 32, GFP_KERNEL));
  a.next = b;
  b.next = a;
  plant_leak(addr(a), "cycle");
  plant_leak(addr(b), "cycle");
}

// ---- not leaks ----

export let interior: usize = 0;

export function keep_interior(_arg: u32): void {
  "noinline";
  const block = kzalloc(144, GFP_KERNEL);
  interior = block + 24;
  plant_nonleak(block, "interior pointer");
}

export let holder: chained | null = null;

export function keep_in_heap(_arg: u32): void {
  "noinline";
  const outer = cast<chained>(kzalloc(sizeof<chained>(), GFP_KERNEL));
  const inner = cast<chained>(kzalloc(sizeof<chained>() + 128, GFP_KERNEL));
  outer.next = inner;
  holder = outer;
  plant_nonleak(addr(outer), "holder in heap");
  plant_nonleak(addr(inner), "held by heap");
}

export let bss_reference: usize = 0;

export function keep_in_bss(_arg: u32): void {
  "noinline";
  const block = kzalloc(176, GFP_KERNEL);
  bss_reference = block;
  plant_nonleak(block, "bss");
}

class percpu_reference {
  block: usize;
}
const percpu_holder = new PerCpu(percpu_reference);

export function keep_in_percpu(_arg: u32): void {
  "noinline";
  const block = kzalloc(112, GFP_KERNEL);
  preempt_disable();
  percpu_holder.current().block = block;
  preempt_enable();
  plant_nonleak(block, "percpu");
}

/** Sleeps to the end with the only reference on its stack. */
export function keep_on_stack(_arg: u32): void {
  "noinline";
  const slot = new FixedArray<usize>(4);
  slot[1] = kzalloc(80, GFP_KERNEL);
  plant_nonleak(slot[1], "stack");
  while (!scenario_stopping()) msleep(2);
  kfree(READ_ONCE(slot[1]));
}

export function keep_not_leak(_arg: u32): void {
  "noinline";
  const block = kzalloc(240, GFP_KERNEL);
  kmemleak_not_leak(block);
  plant_nonleak(block, "not_leak");
}

export function keep_ignored(_arg: u32): void {
  "noinline";
  const block = kzalloc(272, GFP_KERNEL);
  kmemleak_ignore(block);
  plant_nonleak(block, "ignore");
}

// ---- the scanner ----

/**
 * Scans and prints the report, everything else going on. A kthread of its own for each: what it printed stays on its stack,
 * and would pass for references to the leaks in the next scan.
 */
export function scan(_arg: u32): void {
  "noinline";
  const leaks = kmemleak_seq_print();
  pr_info("scan: %u suspected leaks\n", leaks);
}

/** The report that counts; nothing is left to do after it. */
export function last_scan(_arg: u32): void {
  "noinline";
  scan(0);
  scenario_stop();
}
