// All harts on one thing, and each on its own: cycles from the first start to the last end, and how much was done.

import { quiet_lock, quiet_unlock } from "../../kernel/locking/spin_word.ts";
import { report } from "./report.ts";
import { barrier, cycle, harts, LINE, SHARED, shared } from "./together.ts";

const TIMES = 128;
const WORD = SHARED + LINE;
/** What the lock protects, in a line of its own. */
const PROTECTED = SHARED + 2 * LINE;
const HARTS_MAX = 32;

/** A line a hart: when it began and ended. */
const began = new FixedArray<u32>(HARTS_MAX * LINE);
const ended = new FixedArray<u32>(HARTS_MAX * LINE);
/** A line a hart, and a word a hart. */
const own = new FixedArray<u32>(HARTS_MAX * LINE);
const packed = new FixedArray<u32>(HARTS_MAX);

export function contended(hart: u32): void {
  together(hart, "amo-shared", add_atomically);
  together(hart, "lr-sc-shared", add_by_lr_sc);
  together(hart, "ticket-lock", add_under_lock);
  together(hart, "own-line", add_to_own_line);
  together(hart, "own-word", add_to_own_word);
}

function together(hart: u32, name: string, body: (hart: u32) => void): void {
  // Once to have code and lines ready.
  body(hart);
  barrier(hart);
  began[hart * LINE] = cycle();
  for (let i: u32 = 0; i < TIMES; i++) body(hart);
  ended[hart * LINE] = cycle();
  barrier(hart);
  if (hart !== 0) return;
  const all = harts();
  let first: u32 = began[0];
  let last: u32 = ended[0];
  for (let h: u32 = 1; h < all; h++) {
    if (i32(began[h * LINE] - first) < 0) first = began[h * LINE];
    if (i32(ended[h * LINE] - last) > 0) last = ended[h * LINE];
  }
  report(name, all, last - first, all * TIMES);
}

function add_atomically(_hart: u32): void {
  amoAdd(shared.add(WORD), 1);
}

function add_by_lr_sc(_hart: u32): void {
  for (;;) {
    const old = READ_ONCE(shared[WORD]);
    if (CMPXCHG(shared[WORD], old, old + 1) === old) return;
  }
}

function add_under_lock(_hart: u32): void {
  quiet_lock(shared.add(WORD + 3 * LINE));
  WRITE_ONCE(shared[PROTECTED], READ_ONCE(shared[PROTECTED]) + 1);
  quiet_unlock(shared.add(WORD + 3 * LINE));
}

function add_to_own_line(hart: u32): void {
  WRITE_ONCE(own[hart * LINE], READ_ONCE(own[hart * LINE]) + 1);
}

function add_to_own_word(hart: u32): void {
  WRITE_ONCE(packed[hart], READ_ONCE(packed[hart]) + 1);
}
