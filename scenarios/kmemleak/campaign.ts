// The workload of kmemleak/campaign: leaks of several kinds, lost one after the other at times that the seed chooses; many blocks with one reference
// that never moves, between which others come and go; blocks whose only reference moves; and a scan with a report every few milliseconds.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_alloc, kmemleak_free } from "kernel/mm/kmemleak.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { kfree, kmalloc, kzalloc } from "kernel/mm/slab.ts";
import { vmalloc } from "kernel/mm/vmalloc.ts";
import { sched_set_fifo } from "kernel/sched/prio.ts";
import { get_current } from "kernel/sched/task.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

const KEPT = 32;
/** Of each that stays. */
const REFERENCES = 128;
const MOVED = 16;
const LEAKS = 12;
const SCANS = 8;

/** In .bss. */
const kept = new FixedArray<usize>(KEPT * REFERENCES);
const between = new FixedArray<usize>(KEPT);
const early = new FixedArray<usize>(MOVED);
export let late: usize = 0;
let resting: boolean = false;

function seed_random(random: prandom_state, salt: u32): void {
  prandom_seed(random, get_option_u32("seed", 1) * 16 + salt);
}

function fresh(bytes: u32): usize {
  const block = kzalloc(bytes, GFP_KERNEL);
  if (block === 0) panic("campaign: no memory");
  return block;
}

/**
 * What comes and goes lies between what stays. Of that all references must be found, none of which ever moves; and it stays zero, so that 5.0 suspects it as
 * soon as one lookup has missed it.
 */
export function keep(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < KEPT; i++) {
    between[i] = fresh(32);
    const block = fresh(32);
    kmemleak_free(block);
    kmemleak_alloc(block, 32, REFERENCES, GFP_KERNEL);
    for (let k: u32 = 0; k < REFERENCES; k++) kept[i * REFERENCES + k] = block;
  }
}

function lose_block(kind: u32, bytes: u32): void {
  "noinline";
  if (kind === 0) {
    plant_leak(vmalloc(bytes * 16), "vmalloc");
    return;
  }
  const block = fresh(bytes);
  if (kind === 1) cast<Ptr<usize>>(block)[1] = 0x1234;
  plant_leak(block, kind === 1 ? "filled" : "zero");
  if (kind !== 3) return;
  const child = fresh(64);
  cast<Ptr<usize>>(block)[0] = child;
  plant_leak(child, "child");
}

/** Each leak 0 to 7 ms after the one before; until then the last one may still stand on this stack. */
export function lose(_arg: u32): void {
  "noinline";
  const random = new prandom_state();
  seed_random(random, 1);
  for (let i: u32 = 0; i < LEAKS; i++) {
    lose_block(i % 4, 32 << (prandom_u32(random) % 6));
    msleep(prandom_u32(random) % 8);
  }
}

function swap_reference(i: u32): void {
  "noinline";
  const heap = cast<Ptr<usize>>(late);
  const block = READ_ONCE(early[i]);
  WRITE_ONCE(early[i], heap[i]);
  heap[i] = block;
}

/** Each millisecond some references move between a place that a scan reads early and one that it reads late. */
export function move(_arg: u32): void {
  "noinline";
  late = fresh(MOVED * 4);
  for (let i: u32 = 0; i < MOVED; i++) {
    early[i] = fresh(128);
    // 5.0 does not suspect such a one before two scans have not seen it.
    if (i % 2 === 0) cast<Ptr<usize>>(early[i])[1] = 0x1234;
    plant_nonleak(early[i], "moved");
  }
  const random = new prandom_state();
  seed_random(random, 2);
  while (!READ_ONCE(resting)) {
    const chosen = prandom_u32(random);
    for (let i: u32 = 0; i < MOVED; i++) if (((chosen >>> i) & 1) !== 0) swap_reference(i);
    msleep(1);
  }
}

/** Frees and allocates again, one after the other from a random one on, some of those that lie between. */
function replace(random: prandom_state, share: u32, times: u32): void {
  "noinline";
  const first = prandom_u32(random);
  for (let n: u32 = 0; n < times; n++) {
    const i = (2 * (first + n) + share) % KEPT;
    kfree(between[i]);
    between[i] = kmalloc(32, GFP_KERNEL);
  }
}

/** Beside the scanner. */
export function come_and_go(_arg: u32): void {
  "noinline";
  const random = new prandom_state();
  seed_random(random, 4);
  while (!READ_ONCE(resting)) replace(random, 0, 50);
}

/** On the scanner's CPU, each millisecond: the scan is pushed aside in the middle of whatever it does. */
export function push_aside(_arg: u32): void {
  "noinline";
  const random = new prandom_state();
  seed_random(random, 5);
  sched_set_fifo(get_current());
  while (!READ_ONCE(resting)) {
    replace(random, 1, 100);
    msleep(1);
  }
}

/** Scans and reports on and on, and once more with everybody at rest. */
export function scans(_arg: u32): void {
  "noinline";
  const random = new prandom_state();
  seed_random(random, 3);
  for (let i: u32 = 0; i < SCANS; i++) {
    kmemleak_seq_print();
    msleep(4 + prandom_u32(random) % 4);
  }
  WRITE_ONCE(resting, true);
  msleep(12);
  kmemleak_seq_print();
  kmemleak_seq_print();
  scenario_stop();
}
