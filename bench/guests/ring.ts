// Producers and consumers in a ring: each hart reads the 4 KiB block that its neighbour wrote in the round before and
// writes its own, double buffered; one flag a hart says which round it has finished.

import { HARTS, ROUNDS } from "./settings.ts";
import { all_done, finish_with_shared, LINE, seed_of, shared } from "./together.ts";

const BLOCK_WORDS = 1024;
/** Two blocks a hart. */
const blocks = new FixedArray<u32>(4 * 2 * BLOCK_WORDS);
/** Line 1 + hart of `shared`: rounds that hart has finished. Line 0: what each hart computed. */
function finished(hart: u32): Ptr<u32> {
  "inline";
  return shared.add((hart + 1) * LINE);
}

function block(hart: u32, round: u32): Ptr<u32> {
  "inline";
  return blocks.add((hart * 2 + (round & 1)) * BLOCK_WORDS);
}

export function guest_main(hart: u32): void {
  const before = (hart + HARTS - 1) % HARTS;
  const after = (hart + 1) % HARTS;
  let sum = seed_of(hart);
  for (let round: u32 = 1; round <= ROUNDS; round++) {
    const from = block(before, round - 1);
    const to = block(hart, round);
    for (let i: u32 = 0; i < BLOCK_WORDS; i++) {
      let v = from[i];
      v ^= v << 13;
      v ^= v >>> 17;
      sum += v;
      to[i] = v + sum;
    }
    fence("rw", "w");
    WRITE_ONCE(finished(hart)[0], round);
    while (READ_ONCE(finished(before)[0]) < round) pause();
    while (READ_ONCE(finished(after)[0]) < round) pause();
    fence("r", "rw");
  }
  shared[hart] = sum;
  if (all_done(hart)) finish_with_shared(LINE);
}
