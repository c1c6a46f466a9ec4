// What guests of several harts share: memory with a cache line for each thing, private work, and the common end.

import { finish_with } from "./report.ts";
import { HARTS } from "./settings.ts";
import { xorshift } from "./xorshift.ts";

/** Words of a cache line of 64 bytes. */
export const LINE = 16;
const PAGE_WORDS = 1024;
const PRIVATE_WORDS = 256;

/** One page, so it begins a line; line 63 belongs to this file. */
export const shared = new FixedArray<u32>(PAGE_WORDS);
const DONE = 63 * LINE;
/** One page a hart; only its own hart touches it until all are done. */
const private_words = new FixedArray<u32>(4 * PAGE_WORDS);

/** Draws `count` numbers and adds them to the hart's own memory; the next state. */
export function private_work(hart: u32, state: u32, count: u32): u32 {
  "noinline";
  const words = private_words.add(hart * PAGE_WORDS);
  let s = state;
  for (let i: u32 = 0; i < count; i++) {
    s = xorshift(s);
    words[s & (PRIVATE_WORDS - 1)] += s;
  }
  return s;
}

/** Where a hart's numbers begin; never zero. */
export function seed_of(hart: u32): u32 {
  return (hart + 1) * 2_654_435_761;
}

/** A hart has done its part: hart 0 waits for all. False for the others, which must touch nothing any more. */
export function all_done(hart: u32): boolean {
  amoAdd(shared.add(DONE), 1);
  if (hart !== 0) return false;
  while (READ_ONCE(shared[DONE]) !== HARTS) pause();
  fence("r", "rw");
  return true;
}

/** Ends the guest with a checksum over the first words of `shared`, the same in whatever order the harts came. */
export function finish_with_shared(words: u32): void {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < words; i++) sum = sum * 31 + shared[i];
  finish_with(sum);
}
