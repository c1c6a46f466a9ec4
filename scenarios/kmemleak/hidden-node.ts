// The workload of B1, B2 and B3: a scan looks up a word that refers to a block, and on its way down the tree of tracked blocks somebody turns
// the tree under it. Blocks of one region, which lies nowhere near others, make up a part of the tree; the task looks for a place in it
// where the next change does what the row tells, and shuffles until there is one.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "kernel/lib/random.ts";
import { rb_node, rb_parent } from "kernel/lib/rbtree.ts";
import { memset } from "kernel/lib/string.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_alloc, kmemleak_free, kmemleak_not_leak } from "kernel/mm/kmemleak.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { rb_interval, watch_descent } from "kernel/mm/kmemleak/index/rb.ts";
import { find_and_get_object } from "kernel/mm/kmemleak/lookup.ts";
import { kmemleak_object, put_object } from "kernel/mm/kmemleak/object.ts";
import { kmemleak_seq_read } from "kernel/mm/kmemleak/seq.ts";
import { __get_free_pages } from "kernel/mm/page_alloc.ts";
import { kzalloc } from "kernel/mm/slab.ts";
import { plant_leak, plant_nonleak } from "kernel/workload/plant.ts";

const BLOCKS = 48;
/** From one block to the next; half of it is the block. */
const STRIDE = 128;
const SIZE = STRIDE / 2;
const SHUFFLES = 2000;

/** Not a byte of a block: those begin SIZE behind it. */
let region: usize = 0;
/** The only reference to the block that is looked for. */
export let kept: usize = 0;
/** Where the lookup stands. */
export let stands_at: rb_node | null = null;
/** What the change is about: number of the block; the block of B2 comes behind it. */
let changes: u32 = 0;

function block(i: u32): usize {
  return region + SIZE + i * STRIDE;
}

function interval_of(i: u32): rb_interval {
  const object = find_and_get_object(block(i), false);
  if (object === null) panic("hidden-node: block %u is not tracked", i);
  const node = cast<rb_interval>(addr(object) + sizeof<kmemleak_object>());
  put_object(object);
  return node;
}

/** The number of the block that a node of the tree stands for, BLOCKS for one of others and for null. */
function number_of(node: rb_node | null): u32 {
  if (node === null) return BLOCKS;
  const start = containerOf(rb_interval, "rb", node).start ^ 0x8000_0000;
  const i = (start - block(0)) / STRIDE;
  return i < BLOCKS ? i : BLOCKS;
}

function ours(node: rb_node | null): boolean {
  return number_of(node) !== BLOCKS;
}

function black(node: rb_node): boolean {
  return (node.__rb_parent_color & 1) !== 0;
}

/** The lookup of block `target` shall stand at `node`, and block `change` be what changes. */
function arrange(target: u32, node: rb_node, change: u32): void {
  for (let i: u32 = 0; i < BLOCKS; i++) if (i !== target) kmemleak_not_leak(block(i));
  changes = change;
  stands_at = node;
  kept = block(target);
  watch_descent(node, kept);
  plant_nonleak(kept, "in use");
}

/** B1: erasing `leaf`, black and left of its parent, turns the tree left at the parent: what is right of that is above it then. */
function erase_turns_at(leaf: rb_node): boolean {
  const parent = rb_parent(leaf);
  if (parent === null || !ours(parent) || parent.rb_left !== leaf || !black(leaf) || leaf.rb_left !== null || leaf.rb_right !== null) return false;
  const sibling = parent.rb_right;
  if (sibling === null || !ours(sibling) || !black(sibling) || sibling.rb_right === null || !ours(sibling.rb_right) || black(sibling.rb_right)) return false;
  arrange(number_of(sibling.rb_right), parent, number_of(leaf));
  return true;
}

/** B2: a block behind `red`, the only child of a black one, turns the tree left at that. */
function insertion_turns_at(red: rb_node): boolean {
  const parent = rb_parent(red);
  if (parent === null || !ours(parent) || parent.rb_right !== red || parent.rb_left !== null || !black(parent) || black(red)) return false;
  arrange(number_of(red), parent, number_of(red));
  return true;
}

/** B3: `node` has two children, and the next one in order, which takes its place, is not its right child. */
function erase_moves_up(node: rb_node): boolean {
  const right = node.rb_right;
  if (node.rb_left === null || right === null || !ours(right) || right.rb_left === null) return false;
  let next = right.rb_left;
  while (next.rb_left !== null) next = next.rb_left;
  if (!ours(next)) return false;
  arrange(number_of(next), right, number_of(node));
  return true;
}

function prepare(fits: (node: rb_node) => boolean): void {
  const random = new prandom_state();
  prandom_seed(random, 1);
  region = __get_free_pages(GFP_KERNEL, 1);
  if (region === 0) panic("hidden-node: no memory");
  memset(region, 0, 8192);
  for (let i: u32 = 0; i < BLOCKS; i++) kmemleak_alloc(block(i), SIZE, 1, GFP_KERNEL);
  for (let n: u32 = 0; n < SHUFFLES; n++) {
    for (let i: u32 = 0; i < BLOCKS; i++) if (fits(interval_of(i).rb)) return;
    const some = prandom_u32(random) % BLOCKS;
    kmemleak_free(block(some));
    kmemleak_alloc(block(some), SIZE, 1, GFP_KERNEL);
  }
  panic("hidden-node: no such place in the tree");
}

export function prepare_erase(_arg: u32): void {
  "noinline";
  prepare(erase_turns_at);
}

export function prepare_insertion(_arg: u32): void {
  "noinline";
  prepare(insertion_turns_at);
}

export function prepare_successor(_arg: u32): void {
  "noinline";
  prepare(erase_moves_up);
}

export function lose_one(_arg: u32): void {
  "noinline";
  plant_leak(kzalloc(96, GFP_KERNEL), "lost");
}

export function erase(_arg: u32): void {
  "noinline";
  kmemleak_free(block(changes));
  point("changed");
}

export function insert(_arg: u32): void {
  "noinline";
  kmemleak_alloc(block(changes) + SIZE, SIZE / 2, 0, GFP_KERNEL);
  point("changed");
}

/** The first scan is the one whose lookup stands. */
export function scan_twice(_arg: u32): void {
  "noinline";
  for (let i: u32 = 0; i < 2; i++) {
    kmemleak_write("scan");
    pr_info("reported: %u\n", kmemleak_seq_read());
  }
  scenario_stop();
}
