// Slab caches: objects do not overlap, keep what was written, come back constructed; caches go when they are empty.

import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import {
  kfree, kmalloc, kmem_cache_alloc, kmem_cache_create, kmem_cache_destroy, kmem_cache_free, ksize, kzalloc,
} from "../mm/slab.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const SLOTS = 150;
const ROUNDS = 1500;
const CONSTRUCTED = 0x600d_c0de;

const held = new FixedArray<usize>(SLOTS);
const sizes = new FixedArray<u32>(SLOTS);

/** Whether all words of a block are what `fill` wrote. */
function is_filled(block: usize, size: u32): boolean {
  for (let at: u32 = 0; at < size; at += 4) if (cast<Ptr<u32>>(block + at)[0] !== (block ^ size) + at) return false;
  return true;
}

function fill(block: usize, size: u32): void {
  for (let at: u32 = 0; at < size; at += 4) cast<Ptr<u32>>(block + at)[0] = (block ^ size) + at;
}

function kmalloc_cases(): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  for (let i: u32 = 0; i < SLOTS; i++) held[i] = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const slot = prandom_u32(random) % SLOTS;
    if (held[slot] === 0) {
      const size = 4 + ((prandom_u32(random) % (round % 50 === 0 ? 20_000 : 700)) & ~3);
      const block = kmalloc(size, GFP_KERNEL);
      if (!expect_true(block !== 0, "kmalloc has memory")) return;
      expect_true((block & 7) === 0, "a block is aligned to 8 bytes");
      expect_true(ksize(block) >= size, "ksize is at least what was asked for");
      fill(block, size);
      held[slot] = block;
      sizes[slot] = size;
    } else {
      expect_true(is_filled(held[slot], sizes[slot]), "a block keeps what was written to it");
      kfree(held[slot]);
      held[slot] = 0;
    }
  }
  for (let i: u32 = 0; i < SLOTS; i++) if (held[i] !== 0) kfree(held[i]);
  const zeroed = kzalloc(256, GFP_KERNEL);
  let sum: u32 = 0;
  for (let at: u32 = 0; at < 256; at += 4) sum |= cast<Ptr<u32>>(zeroed + at)[0];
  expect_equal(sum, 0, "kzalloc clears");
  kfree(zeroed);
}

function construct(object: usize): void {
  cast<Ptr<u32>>(object)[0] = CONSTRUCTED;
}

function cache_cases(): void {
  const cache = kmem_cache_create("test", 52, 16, 0, construct);
  if (cache === null) {
    expect_true(false, "a cache can be created");
    return;
  }
  for (let i: u32 = 0; i < SLOTS; i++) {
    held[i] = kmem_cache_alloc(cache, GFP_KERNEL);
    if (!expect_true(held[i] !== 0, "the cache has objects")) return;
    expect_equal(held[i] & 15, 0, "an object is aligned");
    expect_equal(cast<Ptr<u32>>(held[i])[0], CONSTRUCTED, "an object is constructed");
    cast<Ptr<u32>>(held[i])[1] = i;
  }
  for (let i: u32 = 0; i < SLOTS; i++) expect_equal(cast<Ptr<u32>>(held[i])[1], i, "objects do not overlap");
  for (let i: u32 = 0; i < SLOTS; i++) kmem_cache_free(cache, held[i]);
  kmem_cache_destroy(cache);
}

export function test_kmalloc(_arg: u32): void {
  test_run("kmalloc", kmalloc_cases);
}

export function test_kmem_cache(_arg: u32): void {
  test_run("kmem_cache", cache_cases);
}
