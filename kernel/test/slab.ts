// kmalloc: blocks do not overlap, keep what was written, have the size and alignment of their class; its relatives keep their word.

import { get_option_u32 } from "../lib/cmdline.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../mm/gfp.ts";
import {
  kcalloc, kfree, kmalloc, kmalloc_array, KMALLOC_MAX_CACHE_SIZE, krealloc, ksize, kzalloc, slabinfo_show, ZERO_SIZE_PTR,
} from "../mm/slab.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const SLOTS = 150;
const ROUNDS = 1500;

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

function is_zero(block: usize, size: u32): boolean {
  for (let at: u32 = 0; at < size; at += 4) if (cast<Ptr<u32>>(block + at)[0] !== 0) return false;
  return true;
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
  expect_true(is_zero(zeroed, 256), "kzalloc clears");
  kfree(zeroed);
}

/** The size class of a size, as the documents have it. */
function class_of(size: u32): u32 {
  if (size > 64 && size <= 96) return 96;
  if (size > 128 && size <= 192) return 192;
  let bytes: u32 = 32;
  while (bytes < size) bytes *= 2;
  return bytes;
}

function class_cases(): void {
  for (let size: u32 = 1; size <= KMALLOC_MAX_CACHE_SIZE; size += size < 300 ? 1 : 61) {
    const block = kmalloc(size, GFP_ATOMIC);
    const bytes = class_of(size);
    expect_equal(ksize(block), bytes, "the size class");
    if (bytes >= 64 && (bytes & (bytes - 1)) === 0) expect_equal(block & 63, 0, "a power of two is aligned to a cache line");
    kfree(block);
  }
  for (let size: u32 = KMALLOC_MAX_CACHE_SIZE + 1; size < 300_000; size *= 3) {
    const block = kmalloc(size, GFP_KERNEL);
    expect_equal(block & 4095, 0, "a large block is whole pages");
    expect_equal(ksize(block), class_of(size), "a large block is a power of two of pages");
    fill(block, ksize(block));
    expect_true(is_filled(block, ksize(block)), "all of a large block can be used");
    kfree(block);
  }
}

function relatives_cases(): void {
  expect_equal(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR, "kmalloc of nothing");
  expect_equal(ksize(ZERO_SIZE_PTR) + ksize(0), 0, "ksize of nothing");
  kfree(ZERO_SIZE_PTR);
  kfree(0);
  expect_equal(kcalloc(0x1_0001, 0xffff, GFP_KERNEL) & kcalloc(5, 0x4000_0000, GFP_KERNEL), 0, "kcalloc sees an overflow");
  expect_equal(kmalloc_array(0x8000_0000, 2, GFP_KERNEL), 0, "kmalloc_array sees an overflow");
  expect_equal(kcalloc(0x1000_0000, 0x10, GFP_KERNEL), 0, "kcalloc sees an overflow to exactly nothing");
  const array = kcalloc(25, 12, GFP_KERNEL);
  expect_true(is_zero(array, 300), "kcalloc clears");
  expect_equal(ksize(array), 512, "kcalloc multiplies");
  let block = krealloc(0, 30, GFP_KERNEL);
  expect_equal(ksize(block), 32, "krealloc of nothing allocates");
  const size = ksize(block);
  fill(block, size);
  const first = block;
  expect_equal(krealloc(block, 20, GFP_KERNEL), block, "krealloc to less leaves the block");
  block = krealloc(block, 10_000, GFP_KERNEL);
  expect_true(block !== first && ksize(block) === 16384, "krealloc to more moves it");
  for (let at: u32 = 0; at < size; at += 4) {
    expect_equal(cast<Ptr<u32>>(block + at)[0], (first ^ size) + at, "krealloc copies what was there");
  }
  expect_equal(krealloc(block, 0, GFP_KERNEL), ZERO_SIZE_PTR, "krealloc to nothing frees");
  expect_equal(krealloc(ZERO_SIZE_PTR, 0, GFP_KERNEL), ZERO_SIZE_PTR, "krealloc of nothing to nothing");
  kfree(array);
  slabinfo_show();
}

export function test_kmalloc(_arg: u32): void {
  test_run("kmalloc", kmalloc_cases);
}

export function test_kmalloc_classes(_arg: u32): void {
  test_run("kmalloc_classes", class_cases);
}

export function test_kmalloc_relatives(_arg: u32): void {
  test_run("kmalloc_relatives", relatives_cases);
}
