// False sharing: each hart counts in a word of its own, all of them in one cache line, with a little private work between.

import { ROUNDS } from "./settings.ts";
import { all_done, finish_with_shared, LINE, private_work, seed_of, shared } from "./together.ts";

export function guest_main(hart: u32): void {
  let state = seed_of(hart);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    WRITE_ONCE(shared[hart], shared[hart] + 1);
    state = private_work(hart, state, 4 + (state >>> 27));
  }
  if (all_done(hart)) finish_with_shared(LINE);
}
