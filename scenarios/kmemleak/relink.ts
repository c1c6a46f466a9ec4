// The workload of B12: a reference moves from an old holder to a young one under a scan.

import { scenario_stop } from "kernel/init/scenario.ts";
import { point } from "kernel/lib/point.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_read } from "kernel/mm/kmemleak/seq.ts";
import { kzalloc } from "kernel/mm/slab.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

class link {
  next: usize;
  readonly payload = new FixedArray<u32>(15);
}

/** In .bss: read before any block is. */
export let holder: link | null = null;
export let young: link | null = null;

/** All zero, so that its own checksum saves neither this one nor the held one. */
export function lose_old(_arg: u32): void {
  "noinline";
  plant_leak(kzalloc(96, GFP_KERNEL), "old and lost");
}

export function hold_old(_arg: u32): void {
  "noinline";
  const old = kzalloc(128, GFP_KERNEL);
  const first = cast<link>(kzalloc(sizeof<link>(), GFP_KERNEL));
  first.next = old;
  holder = first;
  plant_nonleak(old, "old and relinked");
}

export function relink(_arg: u32): void {
  "noinline";
  const from = holder!;
  const to = cast<link>(kzalloc(sizeof<link>(), GFP_KERNEL));
  to.next = from.next;
  young = to;
  from.next = 0;
  point("relinked");
}

export function scan_and_read(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
  kmemleak_seq_read();
  scenario_stop();
}
