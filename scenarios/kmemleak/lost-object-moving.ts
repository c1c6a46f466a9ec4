// The workload of kmemleak/lost-object-moving: one real leak, and old blocks whose only reference keeps moving between a place
// that a scan reads early (.bss) and one that it reads late (a heap block). A scan is not a snapshot: it may read each place
// while the reference is in the other, and then reports a block that is in use. Once the mover rests, the next scan is right.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kzalloc } from "kernel/mm/slab.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

const BLOCKS = 24;

class holder {
  readonly slots = new FixedArray<usize>(BLOCKS);
}

/** Read early: .bss is a root. */
const early = new holder();
/** Read late: a heap block, reached through this pointer. */
export let late: holder | null = null;
let resting: boolean = false;

export function lose_one(_arg: u32): void {
  "noinline";
  plant_leak(kzalloc(328, GFP_KERNEL), "lost");
}

/** Allocates the blocks, then each millisecond swaps the references of some between the two holders, until told to rest. */
export function move(_arg: u32): void {
  "noinline";
  const heap = cast<holder>(kzalloc(sizeof<holder>(), GFP_KERNEL));
  late = heap;
  for (let i: u32 = 0; i < BLOCKS; i++) {
    const block = kzalloc(128 + i * 8, GFP_KERNEL);
    if (block === 0) panic("move: no memory");
    plant_nonleak(block, "moved");
    WRITE_ONCE(early.slots[i], block);
  }
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  while (!READ_ONCE(resting)) {
    const chosen = prandom_u32(random);
    for (let i: u32 = 0; i < BLOCKS; i++) {
      if (((chosen >>> i) & 1) === 0) continue;
      // One place at a time holds it; in between it is in a register alone.
      const block = READ_ONCE(early.slots[i]);
      WRITE_ONCE(early.slots[i], READ_ONCE(heap.slots[i]));
      WRITE_ONCE(heap.slots[i], block);
    }
    msleep(1);
  }
}

/** Scans while the mover moves. A kthread of its own, so that its stack is gone before the next scan. */
export function scan(_arg: u32): void {
  "noinline";
  const seen = kmemleak_seq_print();
  pr_info("scan while moving: %u suspected leaks\n", seen);
}

/** Lets the mover rest and scans again: this report is the one that counts. */
export function last_scan(_arg: u32): void {
  "noinline";
  WRITE_ONCE(resting, true);
  msleep(5);
  const leaks = kmemleak_seq_print();
  pr_info("scan at rest: %u suspected leaks\n", leaks);
  scenario_stop();
}
