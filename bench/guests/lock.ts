// Four harts between private work and three locks in turn: the kernel's ticket lock, an LR/SC lock, a reader/writer lock of
// AMOs. Each guards counters of its own; readers check that they never see a writer half done.

import { quiet_lock, quiet_unlock } from "../../kernel/locking/spin_word.ts";
import { ROUNDS } from "./settings.ts";
import {
  lrsc_lock,
  lrsc_unlock,
  read_lock,
  read_unlock,
  write_lock,
  write_unlock,
} from "./spin.ts";
import { all_done, finish_with_shared, LINE, private_work, seed_of, shared } from "./together.ts";

// Lines of `shared`.
const TICKET_DATA = 0;
const SPIN_DATA = LINE;
const RW_DATA = 2 * LINE;
const TORN = 3 * LINE;
const TICKET = 4 * LINE;
const SPIN = 5 * LINE;
const RW = 6 * LINE;
const WORK = 60;

function add_to_line(at: u32, words: u32): void {
  "inline";
  for (let i: u32 = 0; i < words; i++) shared[at + i] += i + 1;
}

/** Whether the line shows a multiple of what a writer adds, the same one in each word. */
function line_is_whole(at: u32): boolean {
  "inline";
  const first = shared[at];
  for (let i: u32 = 1; i < LINE; i++) {
    if (shared[at + i] !== first * (i + 1)) return false;
  }
  return true;
}

export function guest_main(hart: u32): void {
  let state = seed_of(hart);
  for (let round: u32 = 0; round < ROUNDS; round++) {
    state = private_work(hart, state, WORK);
    quiet_lock(shared.add(TICKET));
    add_to_line(TICKET_DATA, 8);
    quiet_unlock(shared.add(TICKET));
    lrsc_lock(shared.add(SPIN));
    add_to_line(SPIN_DATA, 8);
    lrsc_unlock(shared.add(SPIN));
    if ((round & 7) === hart) {
      write_lock(shared.add(RW));
      add_to_line(RW_DATA, LINE);
      write_unlock(shared.add(RW));
    } else {
      read_lock(shared.add(RW));
      if (!line_is_whole(RW_DATA)) amoAdd(shared.add(TORN), 1);
      read_unlock(shared.add(RW));
    }
  }
  if (all_done(hart)) finish_with_shared(4 * LINE);
}
