// The callbacks of one CPU, in four segments by how far their grace period has come:
//
//   done         it has ended: ready to run
//   wait         it is number wait_gp
//   next_ready   it is number next_ready_gp, which follows wait_gp
//   next         none has been given to them yet
//
// Callbacks move to the left only, whole segments at a time, so they run in the order in which they came. At most two grace
// periods are outstanding at any time, the running one and the one after it, which is why two segments in the middle are enough.
// Callers exclude each other: the list belongs to its CPU and changes with that CPU's interrupts off, or, when the CPU is
// offline, to whoever adopts it.

import { cblist_append, cblist_splice, rcu_cblist, type rcu_head } from "./cblist.ts";

export class rcu_segcblist {
  readonly done = new rcu_cblist();
  readonly wait = new rcu_cblist();
  readonly next_ready = new rcu_cblist();
  readonly next = new rcu_cblist();
  wait_gp: u32 = 0;
  next_ready_gp: u32 = 0;
  /** Callbacks in all segments, and those that run right now: 0 means that every one has run to its end. */
  len: u32 = 0;
}

/** A new callback, behind all others. */
export function segcblist_enqueue(list: rcu_segcblist, head: rcu_head): void {
  WRITE_ONCE(list.len, list.len + 1);
  cblist_append(list.next, head);
}

/**
 * A callback that needs no grace period of its own, behind all others: in their last segment. False, and nothing done, when there
 * is no other. While the only ones run right now it waits for them in `done`.
 */
export function segcblist_entrain(list: rcu_segcblist, head: rcu_head): boolean {
  if (list.len === 0) return false;
  WRITE_ONCE(list.len, list.len + 1);
  let last = list.done;
  if (list.wait.head !== null) last = list.wait;
  if (list.next_ready.head !== null) last = list.next_ready;
  if (list.next.head !== null) last = list.next;
  cblist_append(last, head);
  return true;
}

/** A callback is ready, or will be once the list is told that grace period `ended` is over. */
export function segcblist_ready(list: rcu_segcblist, ended: u32): boolean {
  return list.done.head !== null || (list.wait.head !== null && i32(ended - list.wait_gp) >= 0);
}

/** All grace periods up to `ended` are over. */
export function segcblist_advance(list: rcu_segcblist, ended: u32): void {
  while (list.wait.head !== null && i32(ended - list.wait_gp) >= 0) {
    cblist_splice(list.wait, list.done);
    cblist_splice(list.next_ready, list.wait);
    list.wait_gp = list.next_ready_gp;
  }
}

/** Those of `next` wait for grace period `gp`, the first that begins from now on. The list has been advanced. */
export function segcblist_accelerate(list: rcu_segcblist, gp: u32): void {
  if (list.wait.head === null || list.wait_gp === gp) {
    list.wait_gp = gp;
    cblist_splice(list.next, list.wait);
  } else {
    list.next_ready_gp = gp;
    cblist_splice(list.next, list.next_ready);
  }
}

/** Moves all that `from` holds to `to`: what is done to the end of what is done, the rest to the end of all. */
export function segcblist_merge(from: rcu_segcblist, to: rcu_segcblist): void {
  cblist_splice(from.done, to.done);
  cblist_splice(from.wait, to.next);
  cblist_splice(from.next_ready, to.next);
  cblist_splice(from.next, to.next);
  WRITE_ONCE(to.len, to.len + from.len);
  WRITE_ONCE(from.len, 0);
}
