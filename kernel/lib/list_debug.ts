// Links of a list looked at before they change, with debug.list: a list that two changed at a time says so when it is changed next.
//
// Names and sentences of the reports are Linux's (CONFIG_DEBUG_LIST). A change that would make it worse is not made; the caller goes on.

import { WARN } from "./bug.ts";
import type { list_head } from "./list.ts";

/** The places between which an entry shall go are neighbours, and it is neither of them. */
export function __list_add_valid(entry: list_head, prev: list_head, next: list_head): boolean {
  "noinline";
  const prev_is = next.prev;
  const next_is = prev.next;
  if (WARN(prev_is !== prev, "list_add corruption. next->prev should be prev (%p), but was %p. (next=%p)", addr(prev), addr(prev_is), addr(next))) return false;
  if (WARN(next_is !== next, "list_add corruption. prev->next should be next (%p), but was %p. (prev=%p)", addr(next), addr(next_is), addr(prev))) return false;
  const double_add = entry === prev || entry === next;
  return !WARN(double_add, "list_add double add: new=%p, prev=%p, next=%p", addr(entry), addr(prev), addr(next));
}

/** An entry that shall go is on a list, and its neighbours know it. The poison is list.ts's. */
export function __list_del_entry_valid(entry: list_head, poison1: usize, poison2: usize): boolean {
  "noinline";
  const prev = entry.prev;
  const next = entry.next;
  if (WARN(addr(next) === poison1, "list_del corruption, %p->next is LIST_POISON1 (%p)", addr(entry), poison1)) return false;
  if (WARN(addr(prev) === poison2, "list_del corruption, %p->prev is LIST_POISON2 (%p)", addr(entry), poison2)) return false;
  const prev_has = prev.next;
  const next_has = next.prev;
  if (WARN(prev_has !== entry, "list_del corruption. prev->next should be %p, but was %p. (prev=%p)", addr(entry), addr(prev_has), addr(prev))) return false;
  return !WARN(next_has !== entry, "list_del corruption. next->prev should be %p, but was %p. (next=%p)", addr(entry), addr(next_has), addr(next));
}
