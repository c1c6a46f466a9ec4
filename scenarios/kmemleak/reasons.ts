// The workload of kmemleak/reasons: for each reason why kmemleak reports a block that is in use, or does not report one that is lost,
// a block of which that is so. The names of the plants are the reasons that docs/truth.md gives.

import { local_irq_disable, local_irq_enable } from "kernel/arch/irqflags.ts";
import { __pa } from "kernel/arch/page.ts";
import { scenario_stop, scenario_stopping } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_ignore, kmemleak_no_scan, kmemleak_not_leak, kmemleak_scan_area } from "kernel/mm/kmemleak.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { find_and_get_object } from "kernel/mm/kmemleak/lookup.ts";
import { kmemleak_object, put_object } from "kernel/mm/kmemleak/object.ts";
import { kmemleak_seq_print } from "kernel/mm/kmemleak/seq.ts";
import { get_zeroed_page } from "kernel/mm/page_alloc.ts";
import { kfree, kmem_cache_alloc, kmem_cache_create, kzalloc, SLAB_NOLEAKTRACE } from "kernel/mm/slab.ts";
import { msleep } from "kernel/sched/timer.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

class cell {
  word: usize;
  readonly rest = new FixedArray<usize>(31);
}

function fresh(): cell {
  "noinline";
  return cast<cell>(kzalloc(sizeof<cell>(), GFP_KERNEL));
}

// ---- in use, and reported ----

export let past_end: usize = 0;
export let inverted: usize = 0;
export let physical: usize = 0;
class packed {
  readonly bytes = new FixedArray<u8>(8);
}
const unaligned = new packed();

/** A pointer one past the end, one inverted, one physical, one that is not aligned; the last one's block holds a child. */
export function disguise(_arg: u32): void {
  "noinline";
  // The first of its slab: nothing begins where it ends.
  const cache = kmem_cache_create("alone", sizeof<cell>(), 0, 0, null);
  let block = kmem_cache_alloc(cache!, GFP_KERNEL);
  memset(block, 0, sizeof<cell>());
  past_end = block + sizeof<cell>();
  plant_nonleak(block, "disguised pointer");
  block = addr(fresh());
  inverted = ~block;
  plant_nonleak(block, "disguised pointer");
  block = addr(fresh());
  physical = __pa(block);
  plant_nonleak(block, "disguised pointer");
  const holder = fresh();
  for (let i: u32 = 0; i < 4; i++) unaligned.bytes[i + 1] = u8(addr(holder) >>> (8 * i));
  plant_nonleak(addr(holder), "disguised pointer");
}

let page: usize = 0;
let unscanned: cell | null = null;
let ignored: cell | null = null;
let partly: cell | null = null;
let untracked: usize = 0;

/** The only reference stands in a page, in blocks that are not scanned, or in a part that is not. */
export function hide(_arg: u32): void {
  "noinline";
  page = get_zeroed_page(GFP_KERNEL);
  const in_page = fresh();
  cast<cell>(page).word = addr(in_page);
  plant_nonleak(addr(in_page), "unscanned memory only");
  unscanned = fresh();
  unscanned!.word = addr(fresh());
  kmemleak_no_scan(addr(unscanned!));
  plant_nonleak(unscanned!.word, "unscanned memory only");
  ignored = fresh();
  ignored!.word = addr(fresh());
  kmemleak_ignore(addr(ignored!));
  plant_nonleak(ignored!.word, "unscanned memory only");
  partly = fresh();
  partly!.word = addr(fresh());
  kmemleak_scan_area(addr(partly!) + 64, 16, GFP_KERNEL);
  plant_nonleak(partly!.word, "unscanned memory only");
  const cache = kmem_cache_create("untracked", sizeof<cell>(), 0, SLAB_NOLEAKTRACE, null);
  untracked = kmem_cache_alloc(cache!, GFP_KERNEL);
  cast<cell>(untracked).word = addr(fresh());
  plant_nonleak(cast<cell>(untracked).word, "unscanned memory only");
}

/** A block whose only reference is in a page, and one that only that block refers to. */
export function suspect_parent(_arg: u32): void {
  "noinline";
  const parent = fresh();
  cast<cell>(page).rest[0] = addr(parent);
  parent.word = addr(fresh());
  plant_nonleak(addr(parent), "unscanned memory only");
  plant_nonleak(parent.word, "held by a suspect");
}

/** What the workload says is in use, and nothing refers to. */
export function forget(_arg: u32): void {
  "noinline";
  plant_nonleak(addr(fresh()), "no reference found");
}

let seen: boolean = false;

/** Inverted, so that no callee saves the address. */
function plant_inverted(): usize {
  "noinline";
  const block = addr(fresh());
  plant_nonleak(block, "register only");
  return ~block;
}

/** Clears what others have left deep on the stack. */
function wipe(): void {
  "noinline";
  const deep = new FixedArray<usize>(1024);
  memset(addr(deep), 0, 4096);
}

/** A CPU that does nothing but hold an address, interrupts off, so that no handler puts it on a stack. */
export function hold_in_register(_arg: u32): void {
  "noinline";
  const hidden = plant_inverted();
  wipe();
  local_irq_disable();
  const block = cast<cell>(~hidden);
  while (!READ_ONCE(seen) && READ_ONCE(block.word) === 0) {}
  local_irq_enable();
}

// ---- lost, and not reported ----

export let stale: usize = 0;

/** A word that nobody will use again, and a block that only the lost one refers to. */
export function leave_word(_arg: u32): void {
  "noinline";
  const block = fresh();
  block.word = addr(fresh());
  stale = addr(block);
  plant_leak(addr(block), "stale word in live memory");
  plant_leak(block.word, "held by a missed leak");
}

/** Deep on a stack that is less deep from then on. */
function bury(block: usize): void {
  "noinline";
  const deep = new FixedArray<usize>(1024);
  WRITE_ONCE(deep[0], block);
}

export function leave_word_on_stack(_arg: u32): void {
  "noinline";
  const block = addr(fresh());
  plant_leak(block, "stale word on an unused stack");
  bury(block);
  while (!scenario_stopping()) msleep(2);
}

/** Nobody refers to it, but somebody writes to it on and on. */
export function keep_changing(_arg: u32): void {
  "noinline";
  const hidden = ~addr(fresh());
  plant_leak(~hidden, "changed since the scan before");
  while (!scenario_stopping()) {
    change(hidden);
    wipe();
    msleep(1);
  }
}

function change(hidden: usize): void {
  "noinline";
  cast<cell>(~hidden).rest[3] += 1;
}

let last_begins: boolean = false;

/** Shows the block to the last scan in this frame, and takes it back as soon as that has counted it. */
function show_to_scan(hidden: usize, object: kmemleak_object): void {
  "noinline";
  const shown = new FixedArray<usize>(1);
  WRITE_ONCE(shown[0], ~hidden);
  while (!READ_ONCE(last_begins)) {}
  while (READ_ONCE(object.count) !== 0) {}
  while (READ_ONCE(object.count) === 0) {}
  WRITE_ONCE(shown[0], 0);
}

function plant_in_register(): usize {
  "noinline";
  const block = addr(fresh());
  plant_leak(block, "register");
  return ~block;
}

function object_of(hidden: usize): kmemleak_object {
  "noinline";
  const object = find_and_get_object(~hidden, false);
  if (object === null) panic("move_to_register: no object");
  return object!;
}

function hold_until_seen(hidden: usize): void {
  "noinline";
  const block = cast<cell>(~hidden);
  while (!READ_ONCE(seen) && READ_ONCE(block.word) === 0) {}
}

/** What a scan has counted on a stack stands in a register alone when it ends. */
export function move_to_register(_arg: u32): void {
  "noinline";
  const hidden = plant_in_register();
  const object = object_of(hidden);
  wipe();
  local_irq_disable();
  show_to_scan(hidden, object);
  wipe();
  hold_until_seen(hidden);
  local_irq_enable();
  put_object(object);
}

export function lose_others(_arg: u32): void {
  "noinline";
  const cache = kmem_cache_create("no_trace", sizeof<cell>(), 0, SLAB_NOLEAKTRACE, null);
  plant_leak(kmem_cache_alloc(cache!, GFP_KERNEL), "not tracked");
  const painted = addr(fresh());
  kmemleak_not_leak(painted);
  plant_leak(painted, "marked as no leak");
  const freed = addr(fresh());
  plant_leak(freed, "freed");
  kfree(freed);
}

export function lose_late(_arg: u32): void {
  "noinline";
  plant_leak(addr(fresh()), "too young");
}

// ---- the scanner ----

/** 5.0 suspects what two scans in a row found unchanged. */
export function scan(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
}

export function last_scan(_arg: u32): void {
  "noinline";
  kmemleak_write("scan");
  // Time enough for keep_changing.
  msleep(3);
  WRITE_ONCE(last_begins, true);
  kmemleak_seq_print();
  WRITE_ONCE(seen, true);
  scenario_stop();
}
