// A queue of RCU callbacks, first in, first out. Callers exclude each other (the CPU it belongs to, interrupts off).

export type rcu_callback = (head: rcu_head) => void;

/** Embedded in what shall be freed; call_rcu owns it from the call to the callback. */
export class rcu_head {
  next: rcu_head | null;
  func: rcu_callback;
}

export class rcu_cblist {
  head: rcu_head | null = null;
  tail: rcu_head | null = null;
}

export function cblist_append(list: rcu_cblist, head: rcu_head): void {
  head.next = null;
  const tail = list.tail;
  if (tail === null) list.head = head;
  else tail.next = head;
  list.tail = head;
}

/** All of `from`, in order, behind `to`; `from` is empty afterwards. */
export function cblist_splice(from: rcu_cblist, to: rcu_cblist): void {
  const head = from.head;
  if (head === null) return;
  const tail = to.tail;
  if (tail === null) to.head = head;
  else tail.next = head;
  to.tail = from.tail;
  from.head = null;
  from.tail = null;
}

/** All of `from`, in order, before `to`; `from` is empty afterwards. */
export function cblist_splice_front(from: rcu_cblist, to: rcu_cblist): void {
  const tail = from.tail;
  if (tail === null) return;
  tail.next = to.head;
  if (to.tail === null) to.tail = tail;
  to.head = from.head;
  from.head = null;
  from.tail = null;
}
