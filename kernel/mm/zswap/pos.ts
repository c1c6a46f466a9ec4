// z3, the RFC of October 2013: an entry says who works on it by a state that is changed by compare-and-swap; who comes second waits for it.
//
//   POOL    -> LOAD     load, tree.lock held                 busy: unlock, look again
//   LOAD    -> POOL     load's end, no lock                  asserted
//   POOL    -> RECLAIM  writeback, tree.lock held            busy: EAGAIN
//   RECLAIM -> POOL     writeback failed, no lock            asserted
//   RECLAIM -> freed    writeback succeeded, tree.lock held
//   POOL    -> FLUSH    an end: invalidate_page              busy: unlock, look again
//                       another store, invalidate_area       busy: again, with tree.lock held
// What waits here is not told when the state ends; a state may end only when its owner gets tree.lock, or the device's lock, that the waiter
// has: docs/kernel/zswap.md says how each of these hangs.
// The two assertions change the state inside of the asserted expression, as the patch did; zswap.bug=assert-side-effect: a kernel whose
// assertions are compiled to nothing, which never changes it back.
// Counters: transitions by states, and waits by how often the waiter looked again.

import { CONFIG, ZSWAP_BUG } from "config";
import { BUG_ON } from "../../lib/bug.ts";
import { pr_cont, pr_info } from "../../lib/printk.ts";

export const ZSWAP_POOL = 1;
export const ZSWAP_LOAD = 2;
export const ZSWAP_RECLAIM = 3;
export const ZSWAP_FLUSH = 4;
const STATES = 5;

/** Who waits. */
export const enum WAITER { LOAD, INVALIDATE, STORE, AREA, RECLAIM }
const WAITERS = 5;
/** Waits by looks: none, 1, 2, 3–4, 5–8, … */
const BUCKETS = 20;

const transitions = new FixedArray<u32>(STATES * STATES);
const histogram = new FixedArray<u32>(WAITERS * BUCKETS);

const ASSERTIONS: boolean = CONFIG.zswap.bug !== ZSWAP_BUG.assert_side_effect;

/** The state's place in an entry. */
export type pos_place = Ptr<u32>;

/** True: the state was `from` and is `to`. */
export function zswap_pos_change(pos: pos_place, from: u32, to: u32): boolean {
  "noinline";
  if (CMPXCHG(pos[0], from, to) !== from) return false;
  amoAddRelaxed(addressOf(transitions[from * STATES + to]), 1);
  return true;
}

/** Back to POOL, which the patch did inside of BUG_ON. */
export function zswap_pos_restore(pos: pos_place, from: u32): void {
  if (ASSERTIONS) BUG_ON(!zswap_pos_change(pos, from, ZSWAP_POOL));
}

/** A waiter has come to its turn, or given up, after so many looks in vain. */
export function zswap_waited(who: u32, looks: u32): void {
  let bucket: u32 = 0;
  if (looks !== 0) {
    bucket = 1;
    for (let n = looks - 1; n !== 0; n = n >>> 1) bucket += 1;
  }
  amoAddRelaxed(addressOf(histogram[who * BUCKETS + (bucket < BUCKETS ? bucket : BUCKETS - 1)]), 1);
}

export function zswap_pos_name(state: u32): string {
  switch (state) {
    case ZSWAP_POOL: return "POOL";
    case ZSWAP_LOAD: return "LOAD";
    case ZSWAP_RECLAIM: return "RECLAIM";
    default: return "FLUSH";
  }
}

function waiter_name(who: u32): string {
  switch (who) {
    case WAITER.LOAD: return "load";
    case WAITER.INVALIDATE: return "invalidate";
    case WAITER.STORE: return "store";
    case WAITER.AREA: return "area";
    default: return "reclaim";
  }
}

/** Transitions, and for each kind of waiter how many looked 0, 1, 2, 4, … times at most before its turn. */
export function zswap_pos_show(): void {
  for (let from: u32 = 1; from < STATES; from++) {
    for (let to: u32 = 1; to < STATES; to++) {
      const count = READ_ONCE(transitions[from * STATES + to]);
      if (count !== 0) pr_info("zswap: %s -> %s %u\n", zswap_pos_name(from), zswap_pos_name(to), count);
    }
  }
  for (let who: u32 = 0; who < WAITERS; who++) {
    pr_info("zswap: %s looked again", waiter_name(who));
    let limit: u32 = 0;
    for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
      const count = READ_ONCE(histogram[who * BUCKETS + bucket]);
      if (count !== 0) pr_cont(" <=%u:%u", limit, count);
      limit = limit === 0 ? 1 : limit === 1 ? 2 : limit * 2;
    }
    pr_cont("\n");
  }
}
