// Taking, giving back and handing over identities of references; the counts are kernel/mm/mm_struct.ts's.
//
//   get_mm_ref, put_mm_ref, move_mm_ref                       of mm_count
//   get_mm_users_ref, put_mm_users_ref, move_mm_users_ref     of mm_users
//   lazy_…                                                    of mm_count, by the scheduler with its run queue locked
//
// The count goes up before a get and down after a put; a move does not touch it.
// With r3 and r4 the scheduler's references have no trackers (no_tracker): the allocator may wake somebody, which takes the run queue's
// lock. Callable in any context, the others too, but with r3 and r4 not under locks that the allocator takes.
// With mm_ref.design=off all of this is nothing.

import { GFP_ATOMIC } from "../gfp.ts";
import type { mm_struct } from "../mm_types.ts";
import { ref_tracker_alloc, ref_tracker_free } from "../ref_tracker.ts";
import { listed_get, listed_init, listed_move, listed_put } from "./lists.ts";
import { LISTED, MM_COUNT, type mm_ref, TRACKED } from "./types.ts";

function word(ref: mm_ref): Ptr<usize> {
  "inline";
  return addressOf(ref.tracked[0].tracker);
}

/** For an identity whose memory was cleared or is used again. One on the stack, or a static one, is ready. */
export function INIT_MM_REF(ref: mm_ref): void {
  "inline";
  if (LISTED) listed_init(ref.listed[0]);
  if (TRACKED) word(ref)[0] = 0;
}

function get(mm: mm_struct, ref: mm_ref, count: u32): void {
  "inline";
  if (LISTED) listed_get(mm, ref.listed[0], count);
  if (TRACKED) ref_tracker_alloc(mm.refs.dirs[count], word(ref), GFP_ATOMIC);
}

function put(mm: mm_struct, ref: mm_ref, count: u32): void {
  "inline";
  if (LISTED) listed_put(mm, ref.listed[0], count);
  if (TRACKED) ref_tracker_free(mm.refs.dirs[count], word(ref));
}

function move(mm: mm_struct, old: mm_ref, ref: mm_ref, count: u32): void {
  "inline";
  if (LISTED) listed_move(mm, old.listed[0], ref.listed[0], count);
  if (TRACKED) {
    word(ref)[0] = word(old)[0];
    word(old)[0] = 0;
  }
}

export function get_mm_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  get(mm, ref, MM_COUNT.structure);
}

export function put_mm_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  put(mm, ref, MM_COUNT.structure);
}

export function move_mm_ref(mm: mm_struct, old: mm_ref, ref: mm_ref): void {
  "inline";
  move(mm, old, ref, MM_COUNT.structure);
}

export function get_mm_users_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  get(mm, ref, MM_COUNT.users);
}

export function put_mm_users_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  put(mm, ref, MM_COUNT.users);
}

export function move_mm_users_ref(mm: mm_struct, old: mm_ref, ref: mm_ref): void {
  "inline";
  move(mm, old, ref, MM_COUNT.users);
}

export function lazy_get_mm_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  if (LISTED) listed_get(mm, ref.listed[0], MM_COUNT.structure);
  if (TRACKED) ref_tracker_alloc(mm.refs.dirs[MM_COUNT.structure], null, 0);
}

export function lazy_put_mm_ref(mm: mm_struct, ref: mm_ref): void {
  "inline";
  if (LISTED) listed_put(mm, ref.listed[0], MM_COUNT.structure);
  if (TRACKED) ref_tracker_free(mm.refs.dirs[MM_COUNT.structure], null);
}

/** From one of the scheduler's to another. */
export function lazy_move_mm_ref(mm: mm_struct, old: mm_ref, ref: mm_ref): void {
  "inline";
  if (LISTED) listed_move(mm, old.listed[0], ref.listed[0], MM_COUNT.structure);
}

/** One of mm_count becomes the scheduler's. */
export function move_mm_ref_to_lazy(mm: mm_struct, old: mm_ref, ref: mm_ref): void {
  "inline";
  if (LISTED) listed_move(mm, old.listed[0], ref.listed[0], MM_COUNT.structure);
  if (TRACKED) {
    ref_tracker_alloc(mm.refs.dirs[MM_COUNT.structure], null, 0);
    ref_tracker_free(mm.refs.dirs[MM_COUNT.structure], word(old));
  }
}
