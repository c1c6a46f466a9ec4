// The identity of one reference to an mm_struct, and what an mm_struct remembers of those that are out.
//
// An identity lies where the pointer lies: on the stack (`const ref = new mm_ref()`), static, or embedded beside the pointer
// (INIT_MM_REF when its memory was only cleared). Whoever takes a reference says by which identity, and gives it back by the same one.
//
//   mm_ref.design  off     counts only: an identity has no bytes, and passing it is no instruction
//                  r1      lists of identities as proposed in December 2016, flaws included (docs/kernel/mm_ref.md)
//                  r2      the same, checked: an identity knows whose it is, and both stacks; its state changes under the lock
//                  r3      ref_tracker of Linux 5.17: an identity is a pointer to a tracker
//                  r4      the same, and a tracker knows its directory
//
// Limits: NR_FRAMES frames of a stack (r1, r2); those of ref_tracker.ts (r3, r4).

import { CONFIG, MM_REF } from "config";
import { list_head } from "../../lib/list.ts";
import { raw_spinlock_t } from "../../locking/spinlock.ts";
import { ref_tracker_dir } from "../ref_tracker.ts";

/** References have identities. */
export const REFS: boolean = CONFIG.mm_ref.design !== MM_REF.off;
/** They are on lists. */
export const LISTED: boolean = CONFIG.mm_ref.design === MM_REF.r1 || CONFIG.mm_ref.design === MM_REF.r2;
/** And know whose they are. */
export const CHECKED: boolean = CONFIG.mm_ref.design === MM_REF.r2;
/** They are trackers. */
export const TRACKED: boolean = CONFIG.mm_ref.design === MM_REF.r3 || CONFIG.mm_ref.design === MM_REF.r4;

export const NR_FRAMES = 10;

/** Odd constants, so that memory that was never an identity, or is none any more, is known by its state. */
export const enum MM_REF_STATE { uninitialized = 0, initialized = 0x28076894, active = 0xdaf46189, inactive = 0xf5358baf }

/** Which of the two counts a reference is part of. */
export const enum MM_COUNT { users = 0, structure = 1 }

/** Who did something, and where. */
export class ref_place {
  pid: u32 = 0;
  /** Return addresses in `frames`. */
  depth: u32 = 0;
  readonly frames = new FixedArray<usize>(NR_FRAMES);
}

/** Of r2. */
export class ref_owner {
  /** Address of the mm_struct that it was last taken from. */
  mm: usize = 0;
  /** MM_COUNT */
  count: u32 = 0;
  /** Where it was last taken; `last` is where it was last put then. */
  readonly taken = new ref_place();
}

/** Of r1 and r2. */
export class listed_ref {
  readonly list = new list_head();
  /** MM_REF_STATE; r2: under the lock of the mm_struct. */
  state: u32 = MM_REF_STATE.initialized;
  /** Where it was last initialised, taken or put. */
  readonly last = new ref_place();
  readonly owner = new StructArray(ref_owner, CHECKED ? 1 : 0);
}

/** Of r3 and r4. */
export class tracked_ref {
  /** Address of a ref_tracker: live, or in quarantine; 0: never taken, or there was no memory for one. */
  tracker: usize = 0;
}

export class mm_ref {
  readonly listed = new StructArray(listed_ref, LISTED ? 1 : 0);
  readonly tracked = new StructArray(tracked_ref, TRACKED ? 1 : 0);
}

/** The lists of r1 and r2. */
export class ref_lists {
  /** Both lists, and with r2 the state of what is on them. Interrupts are off while it is held. */
  readonly lock = new raw_spinlock_t();
  readonly users = new list_head();
  readonly count = new list_head();
}

/** What an mm_struct remembers. */
export class mm_refs {
  readonly lists = new StructArray(ref_lists, LISTED ? 1 : 0);
  /** By MM_COUNT. */
  readonly dirs = new StructArray(ref_tracker_dir, TRACKED ? 2 : 0);
  /** Link in the list of all that live (lifetime.ts). */
  readonly all = new StructArray(list_head, REFS ? 1 : 0);
}
