// Bytes of the kinds that pages have, for tests and figures of compression: the same for the same random state.
//
//   zero      nothing                               text      words of a small vocabulary, and numbers
//   random    what does not compress                pointers  structures: list links, small counts, flags, addresses of near objects
//   runs      runs of a byte, and repeated pieces   mixed     pieces of all of these
//   kernel    a piece of the kernel image: code or constants

import { prandom_state, prandom_u32, prandom_u32_max } from "../lib/random.ts";
import { chars, memcpy, memset, strlen } from "../lib/string.ts";

export const enum KIND { ZERO, RANDOM, RUNS, TEXT, POINTERS, MIXED, KERNEL }
export const KINDS = 7;

export function kind_name(kind: u32): string {
  switch (kind) {
    case KIND.ZERO: return "zero";
    case KIND.RANDOM: return "random";
    case KIND.RUNS: return "runs";
    case KIND.TEXT: return "text";
    case KIND.POINTERS: return "pointers";
    case KIND.MIXED: return "mixed";
    default: return "kernel";
  }
}

const vocabulary: string[] = [
  "the", "of", "and", "to", "in", "is", "page", "memory", "kernel", "that", "when", "it", "for", "lock", "which", "not", "with", "as", "on", "was",
  "process", "writes", "reads", "before", "after", "because", "swap", "cache", "entry", "tree", "reclaim", "pressure", "device", "block", "slot", "number",
  "interrupt", "another", "nobody", "whoever", "between", "scheduler", "compress", "allocator", "reference", "count", "returns", "address", "bytes", "or",
];

function fill_random(random: prandom_state, at: usize, size: u32): void {
  for (let n: u32 = 0; n < size; n++) cast<Ptr<u8>>(at)[n] = u8(prandom_u32(random) >>> 7);
}

function fill_runs(random: prandom_state, at: usize, size: u32): void {
  let n: u32 = 0;
  while (n < size) {
    const left = size - n;
    const wanted = 1 + prandom_u32_max(random, prandom_u32_max(random, 8) === 0 ? 700 : 24);
    const length = wanted < left ? wanted : left;
    const dice = prandom_u32_max(random, 3);
    if (dice === 0 || n === 0) memset(at + n, prandom_u32(random), length);
    else if (dice === 1) fill_random(random, at + n, length);
    else {
      const back = 1 + prandom_u32_max(random, n);
      for (let i: u32 = 0; i < length; i++) cast<Ptr<u8>>(at + n)[i] = cast<Ptr<u8>>(at + n - back)[i];
    }
    n += length;
  }
}

function fill_text(random: prandom_state, at: usize, size: u32): void {
  let n: u32 = 0;
  while (n < size) {
    // Two dice: small numbers, hence common words, more often.
    const a = prandom_u32_max(random, vocabulary.length);
    const b = prandom_u32_max(random, vocabulary.length);
    const word = vocabulary[a < b ? a : b];
    const length = strlen(word);
    for (let i: u32 = 0; i <= length && n < size; i++) {
      cast<Ptr<u8>>(at)[n] = i < length ? chars(word)[i] : prandom_u32_max(random, 9) === 0 ? 0x0a : 0x20;
      n++;
    }
    if (prandom_u32_max(random, 24) !== 0) continue;
    for (let digits: u32 = 0; digits < 5 && n < size; digits++) {
      cast<Ptr<u8>>(at)[n] = u8(0x30 + prandom_u32_max(random, 10));
      n++;
    }
  }
}

function fill_pointers(random: prandom_state, at: usize, size: u32): void {
  const base = 0xc080_0000 + (prandom_u32_max(random, 64) << 16);
  const words = cast<Ptr<u32>>(at);
  for (let w: u32 = 0; w < size >>> 2; w++) {
    switch (w & 15) {
      case 0: case 1: words[w] = base + ((w & ~15) << 2) + (prandom_u32_max(random, 3) << 6) + ((w & 1) << 3); break;
      case 2: case 3: words[w] = base + (prandom_u32_max(random, 512) << 5); break;
      case 4: words[w] = 1 + prandom_u32_max(random, 3); break;
      case 5: words[w] = prandom_u32_max(random, 4096); break;
      case 6: words[w] = 1 << prandom_u32_max(random, 8); break;
      case 7: words[w] = 0xc004_0000 + (prandom_u32_max(random, 5) << 8); break;
      case 8: words[w] = prandom_u32(random); break;
      default: words[w] = 0; break;
    }
  }
  memset(at + (size & ~3), 0, size & 3);
}

function fill_mixed(random: prandom_state, at: usize, size: u32): void {
  let n: u32 = 0;
  while (n < size) {
    const piece = 64 << prandom_u32_max(random, 4);
    const length = piece < size - n ? piece : size - n;
    fill_page_of(random, prandom_u32_max(random, KIND.MIXED), at + n, length);
    n += length;
  }
}

function fill_kernel(random: prandom_state, at: usize, size: u32): void {
  const start = linkerSymbol("_stext");
  memcpy(at, start + (prandom_u32_max(random, linkerSymbol("__end_rodata") - start - size) & ~3), size);
}

/** `size` bytes of a kind at a word's address. */
export function fill_page_of(random: prandom_state, kind: u32, at: usize, size: u32): void {
  switch (kind) {
    case KIND.ZERO: memset(at, 0, size); break;
    case KIND.RANDOM: fill_random(random, at, size); break;
    case KIND.RUNS: fill_runs(random, at, size); break;
    case KIND.TEXT: fill_text(random, at, size); break;
    case KIND.POINTERS: fill_pointers(random, at, size); break;
    case KIND.MIXED: fill_mixed(random, at, size); break;
    default: fill_kernel(random, at, size); break;
  }
}
