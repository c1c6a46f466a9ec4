// The workload of kmemleak/many-leaks.

import { scenario_stop } from "kernel/init/scenario.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { memset, strcmp } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { get_zeroed_page } from "kernel/mm/page_alloc.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";
import { plant_leak } from "kernel/workload/plant.ts";

function lose(bytes: u32, name: string): void {
  "noinline";
  plant_leak(kzalloc(bytes, GFP_KERNEL), name);
}

/** Nothing of what the calls before have left there. */
function clear_stack(): void {
  "noinline";
  const deep = new FixedArray<usize>(512);
  memset(addr(deep), 0, 2048);
}

function lose_small(): void {
  "noinline";
  for (let i: u32 = 0; i < 40; i++) lose(64, "small");
}

export let holder: usize = 0;

/** The only reference stands in a block that is freed. */
function lose_with_holder(): void {
  "noinline";
  holder = kzalloc(128, GFP_KERNEL);
  const block = kzalloc(1024, GFP_KERNEL);
  plant_leak(block, "held by what was freed");
  cast<Ptr<usize>>(holder)[3] = block;
}

function free_holder(): void {
  "noinline";
  kfree(holder);
  holder = 0;
}

function lose_large(): void {
  "noinline";
  for (let i: u32 = 0; i < 20; i++) lose(512, "large");
}

/** A page between the stacks and the blocks: a stack's end is in its frames, and would be a reference to a block that begins there. */
export let spacer: usize = 0;

/** A task of its own: what its stack still holds is gone with it. */
export function lose_many(_arg: u32): void {
  "noinline";
  spacer = get_zeroed_page(GFP_KERNEL);
  lose_small();
  lose_large();
  lose_with_holder();
  free_holder();
  clear_stack();
}

/** 5.0 reports what two scans found lost. */
export function report_many(_arg: u32): void {
  "noinline";
  if (strcmp(get_option("report", "yes"), "no") !== 0) {
    kmemleak_write("scan");
    kmemleak_seq_print();
  }
  scenario_stop();
}
