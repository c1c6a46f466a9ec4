// Compression: what is decompressed is what was compressed, of every kind of contents, length and alignment; nothing is written outside of the
// room given, neither by a compressor that has too little nor by a decompressor that is given damaged bytes.

import { PAGE_SIZE } from "../arch/page.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { EINVAL } from "../lib/errno.ts";
import { LZ_INPUT_MAX, LZ_WORKSPACE_BYTES, lz_compress, lz_compress_bound } from "../lib/lz/compress.ts";
import { lz_decompress } from "../lib/lz/decompress.ts";
import { prandom_seed, prandom_state, prandom_u32, prandom_u32_max } from "../lib/random.ts";
import { memcmp, memset } from "../lib/string.ts";
import { GFP_KERNEL } from "../mm/gfp.ts";
import { kfree, kmalloc } from "../mm/slab.ts";
import { fill_page_of, KIND, kind_name, KINDS } from "./lz_pages.ts";
import { expect_true, test_run } from "./tap.ts";

const ROUNDS = 10;
/** Blocks that are damaged in a byte. */
const DAMAGES = 60;
/** Around each room: written by nobody. */
const FENCE = 32;
const FENCE_BYTE = 0xa5;
const ROOM = 2 * PAGE_SIZE;
/** A page of this kind has to become smaller than so many bytes. */
const ZERO_MAX = 40;
const TEXT_MAX = 2800;
const POINTERS_MAX = 3000;

const random = new prandom_state();
let source: usize = 0;
let packed: usize = 0;
let unpacked: usize = 0;
let workspace: usize = 0;
let room: usize = 0;

function fences_at(at: usize, size: u32): void {
  memset(at - FENCE, FENCE_BYTE, size + 2 * FENCE);
}

function fences_stand(at: usize, size: u32): boolean {
  const p = cast<Ptr<u8>>(at - FENCE);
  let stand = true;
  for (let n: u32 = 0; n < FENCE; n++) if (p[n] !== FENCE_BYTE || p[FENCE + size + n] !== FENCE_BYTE) stand = false;
  return stand;
}

/** The bytes that `size` bytes at `at` become, 0 when they do not fit into `limit`. */
function compressed(at: usize, size: u32, limit: u32): u32 {
  fences_at(packed, limit);
  room = limit;
  const error = lz_compress(at, size, packed, addressOf(room), workspace);
  expect_true(fences_stand(packed, limit), "the compressor stays in its room");
  return error === 0 ? room : 0;
}

/** Whether `length` bytes at `packed` become the `size` bytes at `at`. */
function comes_back(at: usize, size: u32, length: u32, to: usize): boolean {
  fences_at(to, size);
  room = size;
  const error = lz_decompress(packed, length, to, addressOf(room));
  expect_true(fences_stand(to, size), "the decompressor stays in its room");
  return error === 0 && room === size && memcmp(at, to, size) === 0;
}

function round_trips(kind: u32): void {
  for (let n: u32 = 0; n < ROUNDS; n++) {
    const size = n === 0 ? PAGE_SIZE : n < 4 ? prandom_u32_max(random, 20) : prandom_u32_max(random, PAGE_SIZE) + 1;
    const at = source + (n & 1) * prandom_u32_max(random, 4);
    fill_page_of(random, kind, source, size + 4);
    const length = compressed(at, size, lz_compress_bound(size));
    expect_true(length !== 0, "what fits into the bound is compressed");
    if (!expect_true(comes_back(at, size, length, unpacked + (n & 3)), kind_name(kind))) return;
    // Exactly the room that is needed is enough to be decompressed; a byte less is refused.
    room = size - 1;
    if (size !== 0) expect_true(lz_decompress(packed, length, unpacked, addressOf(room)) === -EINVAL, "a byte too little room");
    room = size;
    expect_true(lz_decompress(packed, length - 1, unpacked, addressOf(room)) === -EINVAL || room < size, "a byte of the block is missing");
    const less = prandom_u32_max(random, length + 1);
    const again = compressed(at, size, less);
    expect_true(again === 0 || again <= less, "less room is enough or refused");
  }
}

function sizes(): void {
  fill_page_of(random, KIND.ZERO, source, PAGE_SIZE);
  expect_true(compressed(source, PAGE_SIZE, ROOM) < ZERO_MAX, "a page of zeroes becomes small");
  fill_page_of(random, KIND.TEXT, source, PAGE_SIZE);
  expect_true(compressed(source, PAGE_SIZE, ROOM) < TEXT_MAX, "text becomes smaller");
  fill_page_of(random, KIND.POINTERS, source, PAGE_SIZE);
  expect_true(compressed(source, PAGE_SIZE, ROOM) < POINTERS_MAX, "structures become smaller");
  fill_page_of(random, KIND.RANDOM, source, PAGE_SIZE);
  expect_true(compressed(source, PAGE_SIZE, ROOM) > PAGE_SIZE, "what is random does not");
  expect_true(compressed(source, PAGE_SIZE, PAGE_SIZE) === 0, "and says so");
  room = ROOM;
  expect_true(lz_compress(source, LZ_INPUT_MAX + 1, packed, addressOf(room), workspace) === -EINVAL, "a source that is too long");
  room = ROOM;
  expect_true(lz_decompress(packed, 0, unpacked, addressOf(room)) === -EINVAL, "a block of nothing");
}

/** Damaged blocks become something or an error, and nothing else is written. */
function damaged(): void {
  for (let n: u32 = 0; n < DAMAGES; n++) {
    fill_page_of(random, KIND.MIXED, source, PAGE_SIZE);
    const length = n < DAMAGES / 2 ? compressed(source, PAGE_SIZE, ROOM) : prandom_u32_max(random, 300) + 1;
    if (n >= DAMAGES / 2) fill_page_of(random, n & 1 ? KIND.RANDOM : KIND.RUNS, packed, length);
    for (let bytes: u32 = 0; bytes < 3; bytes++) cast<Ptr<u8>>(packed)[prandom_u32_max(random, length)] = u8(prandom_u32(random));
    fences_at(unpacked, PAGE_SIZE);
    room = PAGE_SIZE;
    const error = lz_decompress(packed, length, unpacked, addressOf(room));
    expect_true(error === -EINVAL || (error === 0 && room <= PAGE_SIZE), "a damaged block: an error or some bytes");
    if (!expect_true(fences_stand(unpacked, PAGE_SIZE), "a damaged block: nothing outside of the room")) return;
  }
}

function lz_cases(): void {
  const memory = kmalloc(8 * PAGE_SIZE, GFP_KERNEL);
  workspace = kmalloc(LZ_WORKSPACE_BYTES, GFP_KERNEL);
  if (!expect_true(memory !== 0 && workspace !== 0, "memory for the test")) return;
  source = memory;
  packed = memory + 2 * PAGE_SIZE + FENCE;
  unpacked = memory + 5 * PAGE_SIZE + FENCE;
  prandom_seed(random, get_option_u32("seed", 1));
  for (let kind: u32 = 0; kind < KINDS; kind++) round_trips(kind);
  sizes();
  damaged();
  kfree(workspace);
  kfree(memory);
}

export function test_lz(_arg: u32): void {
  test_run("lz", lz_cases);
}
