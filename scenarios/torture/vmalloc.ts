// The workload of torture/vmalloc: a few blocks that all CPUs share. Somebody maps one and writes into it, everybody reads it and so
// remembers where it is, somebody unmaps it, and the next one who maps gets the same addresses for other pages. Whoever then still
// has the old translation reads the old block's words, or writes where nobody reads.
//
// A block belongs to one exclusively (mapping, unmapping, writing) or to readers, as `users` says; a taken one is left alone, so
// nobody waits. Every word that is checked tells the block's generation, its page and its place. Blocks are vmalloc blocks, or
// vmaps of pages that stay the same while their addresses change.
// Result: one line in the manner of Linux's torture tests; a stale word is a WARNING beside that.

import { num_possible_cpus } from "kernel/arch/cpumask.ts";
import { PAGE_KERNEL } from "kernel/arch/pgtable.ts";
import { dump_stack } from "kernel/lib/bug.ts";
import { get_option_u32 } from "kernel/lib/cmdline.ts";
import { pr_err, pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { __free_pages, alloc_pages, type page, page_address } from "kernel/mm/page_alloc.ts";
import { vfree, vm_unmap_aliases, vmalloc, vmap, vunmap } from "kernel/mm/vmalloc.ts";
import { msleep } from "kernel/sched/timer.ts";

const SLOTS = 6;
const PAGES_MAX = 3;
const ROUNDS = 2500;
/** Bytes between two words that are written and checked. */
const STRIDE = 256;
const EXCLUSIVE = 0xffff_ffff;
const REPORTS_MAX = 3;

class torture_slot {
  /** Readers, or EXCLUSIVE. */
  users: u32;
  /** 0: nothing is mapped. */
  block: usize;
  pages: u32;
  /** Changes whenever something is mapped here. */
  generation: u32;
  /** The block is a vmap of `own`. */
  mapped: boolean;
  readonly own = new FixedArray<page>(PAGES_MAX);
}

/** Counted by all CPUs. */
class torture_stats {
  maps: u32;
  vmaps: u32;
  unmaps: u32;
  reads: u32;
  no_memory: u32;
  stale: u32;
  generation: u32;
  done: u32;
}

const slots = new StructArray(torture_slot, SLOTS);
const stats = new torture_stats();
/** The pages that are mapped by vmap are there. */
let ready: boolean = false;

function expected(slot: torture_slot, at: u32): u32 {
  "inline";
  return slot.generation * 0x1_0000 + at;
}

function fill(slot: torture_slot, block: usize): void {
  for (let at: u32 = 0; at < slot.pages * 4096; at += STRIDE) WRITE_ONCE(cast<Ptr<u32>>(block + at)[0], expected(slot, at));
}

function report(slot: torture_slot, where: usize, at: u32, found: u32): void {
  "noinline";
  if (amoAdd(addressOf(stats.stale), 1) >= REPORTS_MAX) return;
  pr_err("WARNING: vmalloc-torture: stale word at 0x%08x: generation %u, page %u holds 0x%08x instead of 0x%08x\n", where + at,
    slot.generation, at / 4096, found, expected(slot, at));
  dump_stack();
}

function check(slot: torture_slot, where: usize): void {
  for (let at: u32 = 0; at < slot.pages * 4096; at += STRIDE) {
    const found = READ_ONCE(cast<Ptr<u32>>(where + at)[0]);
    if (found !== expected(slot, at)) report(slot, where, at, found);
  }
}

/** Maps something into an empty slot, which is mine. */
function map(slot: torture_slot, dice: u32): void {
  slot.pages = 1 + (dice % PAGES_MAX);
  slot.mapped = (dice & 0x100) !== 0 && addr(slot.own[0]) !== 0;
  slot.generation = amoAdd(addressOf(stats.generation), 1) + 1;
  slot.block = slot.mapped ? vmap(slot.own, slot.pages, 0, PAGE_KERNEL) : vmalloc(slot.pages * 4096);
  if (slot.block === 0) {
    amoAdd(addressOf(stats.no_memory), 1);
    return;
  }
  amoAdd(slot.mapped ? addressOf(stats.vmaps) : addressOf(stats.maps), 1);
  fill(slot, slot.block);
}

/** Checks and unmaps what is in the slot, which is mine; a vmap's pages hold what was written through it. */
function unmap(slot: torture_slot): void {
  const block = slot.block;
  check(slot, block);
  slot.block = 0;
  amoAdd(addressOf(stats.unmaps), 1);
  if (!slot.mapped) {
    vfree(block);
    return;
  }
  vunmap(block);
  for (let n: u32 = 0; n < slot.pages; n++) {
    const words = page_address(slot.own[n]);
    const found = READ_ONCE(cast<Ptr<u32>>(words)[0]);
    if (found !== expected(slot, n * 4096)) report(slot, words, n * 4096, found);
  }
}

function read(slot: torture_slot): void {
  const users = READ_ONCE(slot.users);
  if (users === EXCLUSIVE || CMPXCHG(slot.users, users, users + 1) !== users) return;
  if (slot.block !== 0) {
    check(slot, slot.block);
    amoAdd(addressOf(stats.reads), 1);
  }
  amoAdd(addressOf(slot.users), -1);
}

function change(slot: torture_slot, dice: u32): void {
  if (CMPXCHG(slot.users, 0, EXCLUSIVE) !== 0) return;
  if (slot.block === 0) map(slot, dice);
  else unmap(slot);
  fence("rw", "w");
  WRITE_ONCE(slot.users, 0);
}

export function vmalloc_torture(index: u32): void {
  "noinline";
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1) * 64 + index);
  while (!READ_ONCE(ready)) msleep(1);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const dice = prandom_u32(random);
    const slot = slots[(dice >>> 16) % SLOTS];
    if ((dice & 3) === 0) change(slot, dice >>> 2);
    else read(slot);
    if ((dice & 0xff00) === 0) vm_unmap_aliases();
  }
  amoAdd(addressOf(stats.done), 1);
}

function give_pages(slot: torture_slot): void {
  for (let n: u32 = 0; n < PAGES_MAX; n++) {
    const p = alloc_pages(GFP_KERNEL, 0);
    if (p !== null) slot.own[PAGES_MAX - 1 - n] = p;
  }
}

/** Lets all begin, waits for them, cleans up and prints the result. */
export function vmalloc_torture_stats(_arg: u32): void {
  "noinline";
  for (let n: u32 = 0; n < SLOTS; n += 2) give_pages(slots[n]);
  fence("rw", "w");
  WRITE_ONCE(ready, true);
  while (READ_ONCE(stats.done) < num_possible_cpus()) msleep(1);
  for (let n: u32 = 0; n < SLOTS; n++) {
    if (slots[n].block !== 0) unmap(slots[n]);
    if ((n & 1) === 0) for (let i: u32 = 0; i < PAGES_MAX; i++) __free_pages(slots[n].own[i], 0);
  }
  // With vmalloc.flush=lazy areas wait for it, and would look like memory that was lost.
  vm_unmap_aliases();
  const cpus = num_possible_cpus();
  const good = stats.stale === 0 && stats.maps !== 0 && stats.vmaps !== 0 && stats.reads !== 0 && stats.maps + stats.vmaps === stats.unmaps;
  pr_info("vmalloc-torture:--- End of test: %s: ncpus=%u rounds=%u maps=%u vmaps=%u unmaps=%u reads=%u nomem=%u stale=%u\n",
    good ? "SUCCESS" : "FAILURE", cpus, ROUNDS, stats.maps, stats.vmaps, stats.unmaps, stats.reads, stats.no_memory, stats.stale);
  if (!good) pr_err("WARNING: vmalloc-torture failed\n");
}
