// What a wrong use of an identity prints before the kernel stops, and what is out of an mm_struct.
//
// Two lines name identity and mm_struct, then the stacks that the identity holds, then both counts and both lists. An entry that is not
// ACTIVE is "(bogus)": its links are not followed, since an identity on a stack that is gone is anything.
// Called with the lock of the mm_struct held or not, and takes none: what it prints of a list that changes may be wrong.

import { virt_addr_valid } from "../page_alloc.ts";
import { atomic_read } from "../../lib/atomic.ts";
import { BUG } from "../../lib/bug.ts";
import { list_head } from "../../lib/list.ts";
import { printk } from "../../lib/printk.ts";
import type { mm_struct } from "../mm_types.ts";
import { CHECKED, LISTED, listed_ref, MM_COUNT, MM_REF_STATE, type ref_place, TRACKED } from "./types.ts";
import { ref_tracker_dir_print } from "../ref_tracker.ts";

/** More are counted only. */
const PRINTED_MAX = 16;

function print_place(place: ref_place, what: string): void {
  printk("  %s by pid %u at\n", what, place.pid);
  for (let n: u32 = 0; n < place.depth; n++) printk("   [<%p>] %pB\n", place.frames[n], place.frames[n]);
}

function state_name(state: u32): string {
  switch (state) {
    case MM_REF_STATE.initialized: return "initialized";
    case MM_REF_STATE.active: return "active";
    case MM_REF_STATE.inactive: return "inactive";
    default: return "(bogus)";
  }
}

function print_list(head: list_head, what: string): void {
  printk(" %s:\n", what);
  let at = head.next;
  for (let n: u32 = 0; at !== head && n < PRINTED_MAX; n++) {
    if (!virt_addr_valid(addr(at))) {
      printk("  ref %p (bogus)\n", addr(at));
      return;
    }
    const ref = containerOf(listed_ref, "list", at);
    printk("  ref %p, state %08x%s\n", addr(ref), ref.state, ref.state === MM_REF_STATE.active ? "" : " (bogus)");
    if (ref.state !== MM_REF_STATE.active) return;
    print_place(CHECKED ? ref.owner[0].taken : ref.last, "taken");
    at = at.next;
  }
}

/** Both counts, and who makes them up. */
export function mm_refs_show(mm: mm_struct): void {
  printk("mm_struct %p: mm_users %d, mm_count %d\n", addr(mm), atomic_read(mm.mm_users), atomic_read(mm.mm_count));
  if (LISTED) {
    print_list(mm.refs.lists[0].users, "users");
    print_list(mm.refs.lists[0].count, "count");
  }
  if (TRACKED) {
    printk(" users:\n");
    ref_tracker_dir_print(mm.refs.dirs[MM_COUNT.users], PRINTED_MAX);
    printk(" count:\n");
    ref_tracker_dir_print(mm.refs.dirs[MM_COUNT.structure], PRINTED_MAX);
  }
}

/** What an identity was last used for: the place that `last` holds. */
function story(state: u32): string {
  switch (state) {
    case MM_REF_STATE.initialized: return "initialized";
    case MM_REF_STATE.active: return "previously taken";
    default: return "previously dropped";
  }
}

/** The identity is used wrongly, as the sentence says; the kernel stops. */
export function mm_ref_bug(mm: mm_struct, ref: listed_ref, sentence: string): never {
  "noinline";
  const state = ref.state;
  const known = state === MM_REF_STATE.initialized || state === MM_REF_STATE.active || state === MM_REF_STATE.inactive;
  printk("mm_ref: %s\n", sentence);
  printk("mm_ref: ref %p, state %08x %s, of mm_struct %p\n", addr(ref), state, state_name(state), addr(mm));
  if (known) {
    if (CHECKED && state !== MM_REF_STATE.initialized) {
      const owner = ref.owner[0];
      printk("  last of the %s of mm_struct %p\n", owner.count === MM_COUNT.users ? "users" : "count", owner.mm);
      print_place(owner.taken, "taken");
    }
    if (!CHECKED || state !== MM_REF_STATE.active) print_place(ref.last, story(state));
  }
  mm_refs_show(mm);
  BUG("mm_ref: %s", sentence);
}
