// What a conservative leak detector does all day: memory is scanned word by word, and each word that may be an address is
// looked up in a red-black tree of blocks (kernel/lib/rbtree.ts). Tree and memory are far larger than an L1 cache.

import { rb_insert_color, rb_link_node, rb_node, rb_root } from "../../kernel/lib/rbtree.ts";
import { finish_with } from "./report.ts";
import { ROUNDS } from "./settings.ts";
import { xorshift } from "./xorshift.ts";

const BLOCKS = 20_000;
/** 1 MiB. */
const ARENA_WORDS = 262_144;
/** Where the blocks pretend to be. */
const HEAP = 0x4000_0000;

/** 32 bytes: two to a cache line. */
class block {
  readonly rb = new rb_node();
  start: usize;
  size: u32;
  /** Words seen that point into it. */
  count: u32;
  readonly pad = new FixedArray<u32>(2);
}

const blocks = new StructArray(block, BLOCKS);
const order = new FixedArray<u32>(BLOCKS);
const root = new rb_root();
const arena = new FixedArray<u32>(ARENA_WORDS);
let heap_end: usize = 0;

function block_of(rb: rb_node): block {
  "inline";
  return containerOf(block, "rb", rb);
}

function insert(added: block): void {
  "noinline";
  let link: Ptr<rb_node | null> = addressOf(root.rb_node);
  let parent: rb_node | null = null;
  for (let at = link[0]; at !== null; at = link[0]) {
    parent = at;
    link = added.start < block_of(at).start ? addressOf(at.rb_left) : addressOf(at.rb_right);
  }
  rb_link_node(added.rb, parent, link);
  rb_insert_color(added.rb, root);
}

function lookup(address: usize): block | null {
  "noinline";
  let at = root.rb_node;
  while (at !== null) {
    const found = block_of(at);
    if (address < found.start) at = at.rb_left;
    else if (address >= found.start + found.size) at = at.rb_right;
    else return found;
  }
  return null;
}

/** Words of the arena that point into a block; each block counts its own. */
function scan(): u32 {
  "noinline";
  let hits: u32 = 0;
  for (let i: u32 = 0; i < ARENA_WORDS; i++) {
    const word = arena[i];
    if (word < HEAP || word >= heap_end) continue;
    const found = lookup(word);
    if (found === null) continue;
    found.count++;
    hits++;
  }
  return hits;
}

/** Blocks of 16 to 143 bytes with gaps between them, at addresses that say nothing about where their nodes are. */
function plant(seed: u32): u32 {
  let random = seed;
  for (let i: u32 = 0; i < BLOCKS; i++) order[i] = i;
  for (let i: u32 = BLOCKS - 1; i > 0; i--) {
    random = xorshift(random);
    const j = random % (i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  let address: usize = HEAP;
  for (let i: u32 = 0; i < BLOCKS; i++) {
    random = xorshift(random);
    const planted = blocks[order[i]];
    planted.start = address;
    planted.size = 16 + (random & 127);
    address += planted.size + ((random >>> 8) & 63);
  }
  heap_end = address;
  for (let i: u32 = 0; i < BLOCKS; i++) insert(blocks[i]);
  return random;
}

/** Three words of eight may point into a block. */
function fill_arena(seed: u32): void {
  let random = seed;
  for (let i: u32 = 0; i < ARENA_WORDS; i++) {
    random = xorshift(random);
    const kind = random;
    random = xorshift(random);
    if ((kind & 7) < 3) arena[i] = HEAP + (random % (heap_end - HEAP));
    else arena[i] = (kind & 8) !== 0 ? random >>> 20 : random | 0x8000_0000;
  }
}

export function guest_main(_hart: u32): void {
  fill_arena(plant(99));
  let sum: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) sum = sum * 33 + scan();
  for (let i: u32 = 0; i < BLOCKS; i++) sum = sum * 5 + blocks[i].count;
  finish_with(sum);
}
