// References on lists: r1, the proposal, and r2, which checks what the proposal trusts.
//
//   get    the identity is free (initialized or inactive)   -> on the list, active
//   put    it is active and on a list                        -> off the list, inactive
//   move   the old one active, the new one free              -> the new one on the list; the count is not touched
//
// r1 looks at the state before it takes the lock, and believes the caller about mm_struct and list: an active identity of another
// mm_struct or of the other list is taken off, under a lock that does not protect it; and a put overwrites where it was taken. r2 looks
// under the lock, remembers both, and looks at the neighbour too before it appends to it.
// Locks: ref_lists.lock, inside any other. Counts go up before a get and down after a put: the list is never longer than the count.

import { stack_trace_save } from "../../arch/stacktrace.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del_init, list_empty, type list_head } from "../../lib/list.ts";
import { point } from "../../lib/point.ts";
import { raw_spin_lock_init, raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { get_current } from "../../sched/task.ts";
import { virt_addr_valid } from "../page_alloc.ts";
import type { mm_struct } from "../mm_types.ts";
import { mm_ref_bug } from "./report.ts";
import { CHECKED, listed_ref, MM_COUNT, MM_REF_STATE, NR_FRAMES, type ref_lists, type ref_place } from "./types.ts";

/** The caller of the caller of the list's functions. */
function note(place: ref_place): void {
  "noinline";
  place.pid = get_current().pid;
  place.depth = stack_trace_save(place.frames, NR_FRAMES, 2);
}

export function listed_init(ref: listed_ref): void {
  INIT_LIST_HEAD(ref.list);
  WRITE_ONCE(ref.state, MM_REF_STATE.initialized);
  note(ref.last);
}

export function lists_init(lists: ref_lists): void {
  raw_spin_lock_init(lists.lock, "mm_refs_lock");
  INIT_LIST_HEAD(lists.users);
  INIT_LIST_HEAD(lists.count);
}

function list_of(mm: mm_struct, count: u32): list_head {
  "inline";
  return count === MM_COUNT.users ? mm.refs.lists[0].users : mm.refs.lists[0].count;
}

function must_be_free(mm: mm_struct, ref: listed_ref): void {
  const state = READ_ONCE(ref.state);
  if (state === MM_REF_STATE.initialized || state === MM_REF_STATE.inactive) return;
  mm_ref_bug(mm, ref, state === MM_REF_STATE.active ? "overwrite active ref" : "unknown state");
}

function must_be_active(mm: mm_struct, ref: listed_ref, count: u32): void {
  const state = READ_ONCE(ref.state);
  if (state !== MM_REF_STATE.active) {
    const known = state === MM_REF_STATE.initialized || state === MM_REF_STATE.inactive;
    mm_ref_bug(mm, ref, known ? "put inactive ref" : "unknown state");
  }
  if (list_empty(ref.list)) mm_ref_bug(mm, ref, "active ref on no list");
  if (!CHECKED) return;
  if (ref.owner[0].mm !== addr(mm)) mm_ref_bug(mm, ref, "ref of another mm_struct");
  if (ref.owner[0].count !== count) mm_ref_bug(mm, ref, "ref of the other count");
}

/** Whoever is last on the list is still what it was: r2. */
function neighbour_must_live(mm: mm_struct, head: list_head): void {
  if (head.prev === head) return;
  const last = containerOf(listed_ref, "list", head.prev);
  if (!virt_addr_valid(addr(last)) || last.state !== MM_REF_STATE.active) mm_ref_bug(mm, last, "an active ref is gone");
}

function link(mm: mm_struct, ref: listed_ref, count: u32): void {
  "inline";
  const head = list_of(mm, count);
  if (CHECKED) {
    neighbour_must_live(mm, head);
    ref.owner[0].mm = addr(mm);
    ref.owner[0].count = count;
    note(ref.owner[0].taken);
  }
  list_add_tail(ref.list, head);
}

export function listed_get(mm: mm_struct, ref: listed_ref, count: u32): void {
  "noinline";
  if (!CHECKED) {
    must_be_free(mm, ref);
    note(ref.last);
  }
  const flags = raw_spin_lock_irqsave(mm.refs.lists[0].lock);
  if (CHECKED) must_be_free(mm, ref);
  link(mm, ref, count);
  if (CHECKED) ref.state = MM_REF_STATE.active;
  raw_spin_unlock_irqrestore(mm.refs.lists[0].lock, flags);
  if (!CHECKED) WRITE_ONCE(ref.state, MM_REF_STATE.active);
}

export function listed_put(mm: mm_struct, ref: listed_ref, count: u32): void {
  "noinline";
  if (!CHECKED) must_be_active(mm, ref, count);
  point("mm_ref_put");
  if (!CHECKED) note(ref.last);
  const flags = raw_spin_lock_irqsave(mm.refs.lists[0].lock);
  if (CHECKED) {
    must_be_active(mm, ref, count);
    note(ref.last);
    ref.state = MM_REF_STATE.inactive;
  }
  list_del_init(ref.list);
  raw_spin_unlock_irqrestore(mm.refs.lists[0].lock, flags);
  if (!CHECKED) WRITE_ONCE(ref.state, MM_REF_STATE.inactive);
}

export function listed_move(mm: mm_struct, old: listed_ref, ref: listed_ref, count: u32): void {
  "noinline";
  if (!CHECKED) {
    must_be_active(mm, old, count);
    must_be_free(mm, ref);
    note(old.last);
    note(ref.last);
  }
  const flags = raw_spin_lock_irqsave(mm.refs.lists[0].lock);
  if (CHECKED) {
    must_be_active(mm, old, count);
    must_be_free(mm, ref);
    note(old.last);
    old.state = MM_REF_STATE.inactive;
  }
  list_del_init(old.list);
  link(mm, ref, count);
  if (CHECKED) ref.state = MM_REF_STATE.active;
  raw_spin_unlock_irqrestore(mm.refs.lists[0].lock, flags);
  if (CHECKED) return;
  WRITE_ONCE(old.state, MM_REF_STATE.inactive);
  WRITE_ONCE(ref.state, MM_REF_STATE.active);
}

/** The structure is about to be freed: nobody should be on its lists. r1 does not look. */
export function lists_exit(mm: mm_struct): void {
  if (!CHECKED) return;
  const lists = mm.refs.lists[0];
  const head = list_empty(lists.users) ? lists.count : lists.users;
  if (!list_empty(head)) mm_ref_bug(mm, containerOf(listed_ref, "list", head.next), "mm_struct is freed with an active ref");
}
