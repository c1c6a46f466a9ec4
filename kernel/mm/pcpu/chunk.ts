// A chunk of per-CPU memory: one unit for each possible CPU, side by side, and two maps that say which words of the unit are taken.
//
//   base                 + unit               + 2 * unit
//   | CPU 0: [used][  ]  | CPU 1: [used][  ]  | CPU 2 ...      the same words in every unit
//   alloc_map  bit n: word n is taken          bound_map  bit n: an allocation begins at word n, or free space behind one
// An allocation's size is not stored: it ends where the next bound bit is. A free word has no meaning in bound_map unless it is
// the one right behind an allocation.
// Lock: the caller's (percpu.ts).

import { list_head } from "../../lib/list.ts";

/** Smallest piece, in bytes; sizes and alignments are multiples of it. */
export const PCPU_MIN_ALLOC_SIZE = 4;
/** Bytes of a unit at most: the limit of the maps. */
export const PCPU_UNIT_MAX = 16384;
const MAP_WORDS = PCPU_UNIT_MAX / PCPU_MIN_ALLOC_SIZE / 32;

export class pcpu_chunk {
  readonly list = new list_head();
  /** Of CPU 0's unit. */
  base: usize;
  /** Words per unit that are not taken. */
  free_words: u32;
  /** No word before this one is free. */
  first_free: u32;
  readonly alloc_map = new FixedArray<u32>(MAP_WORDS);
  readonly bound_map = new FixedArray<u32>(MAP_WORDS);
}

function test_bit(map: FixedArray<u32>, n: u32): boolean {
  "inline";
  return ((map[n >>> 5] >>> (n & 31)) & 1) !== 0;
}

function set_bit(map: FixedArray<u32>, n: u32): void {
  "inline";
  map[n >>> 5] |= 1 << (n & 31);
}

function clear_bit(map: FixedArray<u32>, n: u32): void {
  "inline";
  map[n >>> 5] &= ~(1 << (n & 31));
}

/** The maps of a chunk with `unit_words` words, all free. */
export function pcpu_chunk_init(chunk: pcpu_chunk, base: usize, unit_words: u32): void {
  chunk.base = base;
  chunk.free_words = unit_words;
  chunk.first_free = 0;
  for (let n: u32 = 0; n < MAP_WORDS; n++) {
    chunk.alloc_map[n] = 0;
    chunk.bound_map[n] = 0;
  }
}

function take(chunk: pcpu_chunk, start: u32, words: u32, unit_words: u32): void {
  for (let n = start; n < start + words; n++) {
    set_bit(chunk.alloc_map, n);
    clear_bit(chunk.bound_map, n);
  }
  set_bit(chunk.bound_map, start);
  if (start + words < unit_words) set_bit(chunk.bound_map, start + words);
  chunk.free_words -= words;
  if (start === chunk.first_free) chunk.first_free = start + words;
}

/** The lowest place for `words` words at a multiple of `align` words, taken; -1 when the chunk has none. */
export function pcpu_alloc_area(chunk: pcpu_chunk, words: u32, align: u32, unit_words: u32): i32 {
  if (chunk.free_words < words) return -1;
  let start = (chunk.first_free + align - 1) & ~(align - 1);
  let at = start;
  while (start + words <= unit_words) {
    if (at === start + words) {
      take(chunk, start, words, unit_words);
      return i32(start);
    }
    if (test_bit(chunk.alloc_map, at)) start = (at + align) & ~(align - 1);
    at = at < start ? start : at + 1;
  }
  return -1;
}

/** Gives back the allocation that begins at word `start`: its words; 0 when none begins there. */
export function pcpu_free_area(chunk: pcpu_chunk, start: u32, unit_words: u32): u32 {
  if (!test_bit(chunk.alloc_map, start) || !test_bit(chunk.bound_map, start)) return 0;
  let end = start;
  do {
    clear_bit(chunk.alloc_map, end);
    end++;
  } while (end < unit_words && !test_bit(chunk.bound_map, end));
  chunk.free_words += end - start;
  if (start < chunk.first_free) chunk.first_free = start;
  return end - start;
}
