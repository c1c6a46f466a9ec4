// Hands out tokens and forgets some of them.
import { scenario_stop } from "kernel/init/scenario.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";
import { vmalloc } from "kernel/mm/vmalloc.ts";
import { plant_leak } from "kernel/workload/plant.ts";

export let kept: usize = 0;

export function hand_out(_arg: u32): void {
  const first = kzalloc(36, GFP_KERNEL);
  const second = kzalloc(36, GFP_KERNEL);
  kept = kzalloc(36, GFP_KERNEL);
  kfree(kzalloc(36, GFP_KERNEL));
  plant_leak(first, "token");
  plant_leak(second, "token");
  plant_leak(vmalloc(8192), "buffer");
}

export function check(_arg: u32): void {
  kmemleak_seq_print();
  scenario_stop();
}
