// A saturated ticket lock: four harts, little private work, one lock, until it was taken ROUNDS times in all.

import { quiet_lock, quiet_unlock } from "../../kernel/locking/spin_word.ts";
import { ROUNDS } from "./settings.ts";
import { all_done, finish_with_shared, LINE, private_work, seed_of, shared } from "./together.ts";

const WORD = LINE;

export function guest_main(hart: u32): void {
  let state = seed_of(hart);
  let more = true;
  while (more) {
    state = private_work(hart, state, 4 + (state >>> 27));
    quiet_lock(shared.add(WORD));
    more = shared[0] < ROUNDS;
    if (more) {
      shared[0]++;
      for (let i: u32 = 1; i < 10; i++) shared[i] += i;
    }
    quiet_unlock(shared.add(WORD));
  }
  if (all_done(hart)) finish_with_shared(LINE);
}
