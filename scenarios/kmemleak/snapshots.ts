// The workload of kmemleak/snapshots: what is lost, what only grows, and what is freed between two looks.

import { scenario_stop } from "kernel/init/scenario.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kfree, kzalloc } from "kernel/mm/slab.ts";

const KEPT = 16;
/** In .bss. */
const kept = new FixedArray<usize>(KEPT);

function keep(i: u32, bytes: u32): void {
  "noinline";
  kept[i] = kzalloc(bytes, GFP_KERNEL);
}

export function keep_some(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 6; i++) keep(i, 64);
}

function lose(): void {
  "noinline";
  kzalloc(256, GFP_KERNEL);
}

/** A stack without what calls have left on it. */
function wipe(): void {
  "noinline";
  const deep = new FixedArray<usize>(512);
  memset(addr(deep), 0, 2048);
}

export function lose_some(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 5; i++) lose();
  for (let i: u32 = 0; i < 3; i++) {
    kfree(kept[i]);
    kept[i] = 0;
  }
  for (let i: u32 = 6; i < KEPT; i++) keep(i, 128);
  wipe();
}

export function finish(_arg: u32): void {
  "noinline";
  scenario_stop();
}
