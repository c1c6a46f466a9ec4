// Intrusive, circular, doubly linked lists; a head is an entry that belongs to no structure.
//
// Locks: none here. Writers exclude each other with the list's own lock. The `_rcu` writers may run beside readers that
// walk with list_for_each_entry_rcu inside rcu_read_lock(): an entry is complete before it becomes reachable, and
// list_del_rcu leaves `next` intact so that a reader standing on the entry finds its way back to the head. Such an entry
// may be freed or linked again only after a grace period.
// With debug.list the neighbours are looked at first, and a change that would break a list further is reported and not made.
// A walker sees a structure only through `containerOf`; the field name is checked by tsc.

import { CONFIG } from "config";
import { __list_add_valid, __list_del_entry_valid } from "./list_debug.ts";

/** What a deleted entry's links hold: not mapped, so that a use after list_del faults near these addresses. */
const LIST_POISON1 = 0x100;
const LIST_POISON2 = 0x200;

export class list_head {
  next: list_head = this;
  prev: list_head = this;
}

export function INIT_LIST_HEAD(list: list_head): void {
  "inline";
  list.next = list;
  list.prev = list;
}

function __list_add(entry: list_head, prev: list_head, next: list_head): void {
  "inline";
  if (CONFIG.debug.list && !__list_add_valid(entry, prev, next)) return;
  next.prev = entry;
  entry.next = next;
  entry.prev = prev;
  WRITE_ONCE(prev.next, entry);
}

/** Insert `entry` right after `head`. */
export function list_add(entry: list_head, head: list_head): void {
  "inline";
  __list_add(entry, head, head.next);
}

/** Insert `entry` right before `head`: at the end of the list. */
export function list_add_tail(entry: list_head, head: list_head): void {
  "inline";
  __list_add(entry, head.prev, head);
}

function __list_del(prev: list_head, next: list_head): void {
  "inline";
  next.prev = prev;
  WRITE_ONCE(prev.next, next);
}

function __list_del_entry(entry: list_head): void {
  "inline";
  if (CONFIG.debug.list && !__list_del_entry_valid(entry, LIST_POISON1, LIST_POISON2)) return;
  __list_del(entry.prev, entry.next);
}

/** Unlink; the entry's own links are poison afterwards. */
export function list_del(entry: list_head): void {
  "inline";
  __list_del_entry(entry);
  entry.next = cast<list_head>(LIST_POISON1);
  entry.prev = cast<list_head>(LIST_POISON2);
}

/** Unlink; the entry is an empty list afterwards. */
export function list_del_init(entry: list_head): void {
  "inline";
  __list_del_entry(entry);
  INIT_LIST_HEAD(entry);
}

export function list_move(entry: list_head, head: list_head): void {
  "inline";
  __list_del_entry(entry);
  list_add(entry, head);
}

export function list_move_tail(entry: list_head, head: list_head): void {
  "inline";
  __list_del_entry(entry);
  list_add_tail(entry, head);
}

export function list_empty(head: list_head): boolean {
  "inline";
  return READ_ONCE(head.next) === head;
}

/** Move all entries of `list` to the end of `head`; `list` is empty afterwards. */
export function list_splice_tail_init(list: list_head, head: list_head): void {
  if (list_empty(list)) return;
  const first = list.next;
  const last = list.prev;
  const at = head.prev;
  first.prev = at;
  at.next = first;
  last.next = head;
  head.prev = last;
  INIT_LIST_HEAD(list);
}

export function list_add_rcu(entry: list_head, head: list_head): void {
  "inline";
  __list_add_rcu(entry, head, head.next);
}

export function list_add_tail_rcu(entry: list_head, head: list_head): void {
  "inline";
  __list_add_rcu(entry, head.prev, head);
}

function __list_add_rcu(entry: list_head, prev: list_head, next: list_head): void {
  "inline";
  if (CONFIG.debug.list && !__list_add_valid(entry, prev, next)) return;
  entry.next = next;
  entry.prev = prev;
  fence("rw", "w");
  WRITE_ONCE(prev.next, entry);
  next.prev = entry;
}

/** Unlink under readers: `next` stays, `prev` is poison. */
export function list_del_rcu(entry: list_head): void {
  "inline";
  __list_del_entry(entry);
  entry.prev = cast<list_head>(LIST_POISON2);
}

export function* list_for_each_entry<T>(
  head: list_head, type: Struct<T>, field: FieldOf<T, list_head>,
): Generator<T> {
  for (let p = head.next; p !== head; p = p.next) yield containerOf(type, field, p);
}

/** The body may delete the entry it is given. */
export function* list_for_each_entry_safe<T>(
  head: list_head, type: Struct<T>, field: FieldOf<T, list_head>,
): Generator<T> {
  let p = head.next;
  while (p !== head) {
    const after = p.next;
    yield containerOf(type, field, p);
    p = after;
  }
}

/** Inside rcu_read_lock(); the list changes while it is walked. */
export function* list_for_each_entry_rcu<T>(
  head: list_head, type: Struct<T>, field: FieldOf<T, list_head>,
): Generator<T> {
  for (let p = READ_ONCE(head.next); p !== head; p = READ_ONCE(p.next)) {
    yield containerOf(type, field, p);
  }
}
