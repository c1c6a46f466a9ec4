// A saturated test-and-test-and-set lock: as ticket.ts with the lock of ttas_lock.

import { ROUNDS } from "./settings.ts";
import { ttas_lock, ttas_unlock } from "./spin.ts";
import { all_done, finish_with_shared, LINE, private_work, seed_of, shared } from "./together.ts";

const WORD = LINE;

export function guest_main(hart: u32): void {
  let state = seed_of(hart);
  let more = true;
  while (more) {
    state = private_work(hart, state, 4 + (state >>> 27));
    ttas_lock(shared.add(WORD));
    more = shared[0] < ROUNDS;
    if (more) {
      shared[0]++;
      for (let i: u32 = 1; i < 10; i++) shared[i] += i;
    }
    ttas_unlock(shared.add(WORD));
  }
  if (all_done(hart)) finish_with_shared(LINE);
}
