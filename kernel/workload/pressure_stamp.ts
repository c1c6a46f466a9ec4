// What a page of the pressure workload contains: every word follows from the page's number, its version and its touches, so that a page
// that is another one, an older one or half of each is told from the right one.
//
//   version 0       never written: all words 0
//   version v       word 0: the number; word 1: v; word 2: the touches since then; the others by the kind, number % KINDS:
//     sparse        one word in 16, the others 0       (what compressors like best)
//     text          16 words over and over
//     pointers      addresses that lie close together
//     noise         no word like another               (what no compressor makes smaller)
// 1024 words a page.

import { PAGE_SIZE } from "../arch/page.ts";
import { pr_err } from "../lib/printk.ts";

export const WORDS = PAGE_SIZE / 4;
const HEAD = 3;

const enum KIND { sparse = 0, text = 1, pointers = 2, noise = 3 }
const KINDS = 4;

export const NUMBER_WORD = 0;
export const VERSION_WORD = 1;
export const TOUCHES_WORD = 2;

/** What a page should be. */
export class page_stamp {
  number: u32;
  version: u32;
  touches: u32;
}

function spread(seed: u32): u32 {
  "inline";
  const z = (seed ^ (seed >>> 16)) * 0x21f0_aaad;
  return z ^ (z >>> 15);
}

/** Word `n` of a page, n >= HEAD, `base` being spread(number, version). */
function body_word(kind: u32, base: u32, n: u32): u32 {
  "inline";
  if (kind === KIND.sparse) return (n & 15) === 5 ? base + n : 0;
  if (kind === KIND.text) return 0x2020_2020 | (spread(base + (n & 15)) & 0x5f5f_5f5f);
  if (kind === KIND.pointers) return 0x8000_0000 | (base & 0x0fff_f000) | ((n * 48) & 0xff0);
  return spread(base + n * 0x9e37_79b9);
}

function base_of(s: page_stamp): u32 {
  "inline";
  return spread(s.number * 0x0100_0193 + s.version);
}

/** The whole page, version 1 or later. */
export function fill_page(words: Ptr<u32>, s: page_stamp): void {
  const kind = s.number % KINDS;
  const base = base_of(s);
  words[NUMBER_WORD] = s.number;
  words[VERSION_WORD] = s.version;
  words[TOUCHES_WORD] = s.touches;
  for (let n: u32 = HEAD; n < WORDS; n++) words[n] = body_word(kind, base, n);
}

/** What word `n` should be. */
export function expected_word(s: page_stamp, n: u32): u32 {
  if (s.version === 0) return 0;
  if (n === NUMBER_WORD) return s.number;
  if (n === VERSION_WORD) return s.version;
  return n === TOUCHES_WORD ? s.touches : body_word(s.number % KINDS, base_of(s), n);
}

/** The first word that is not as it should be; WORDS: the page is right. */
export function first_wrong_word(words: Ptr<u32>, s: page_stamp): u32 {
  const kind = s.number % KINDS;
  const base = base_of(s);
  if (s.version === 0) {
    for (let n: u32 = 0; n < WORDS; n++) if (words[n] !== 0) return n;
    return WORDS;
  }
  for (let n: u32 = 0; n < HEAD; n++) if (words[n] !== expected_word(s, n)) return n;
  for (let n: u32 = HEAD; n < WORDS; n++) if (words[n] !== body_word(kind, base, n)) return n;
  return WORDS;
}

export function say_wrong_word(s: page_stamp, word: u32, found: u32): void {
  "noinline";
  pr_err("BUG: pressure: page %u, version %u, %u touches: word %u is %08x, should be %08x\n", s.number, s.version, s.touches, word, found,
    expected_word(s, word));
}

/** The page is wrong: where, and what it looks like. */
export function say_what_is_wrong(words: Ptr<u32>, s: page_stamp): void {
  "noinline";
  const word = first_wrong_word(words, s);
  say_wrong_word(s, word, words[word]);
  if (word === NUMBER_WORD) pr_err("pressure: page %u: %s\n", s.number, words[0] === 0 ? "nothing was ever written there" : "another page is there");
  else if (word === VERSION_WORD) pr_err("pressure: page %u: an older version is there, %u\n", s.number, words[VERSION_WORD]);
  else if (word === TOUCHES_WORD) pr_err("pressure: page %u: writes to one word are lost, %u of %u are there\n", s.number, words[TOUCHES_WORD], s.touches);
}
