// Notifier chains: functions that are called one after the other when something happens, and may forbid it.
//
// A raw chain brings no lock: its owner says who may change it, and that nobody walks it meanwhile. A block belongs to whoever
// registered it and stands in one chain at a time. Higher priority first; among equals, first come first called.
// What a function returns: NOTIFY_DONE (does not care), NOTIFY_OK (seen), either of them with NOTIFY_STOP_MASK (nobody after me),
// NOTIFY_BAD (no), or notifier_from_errno(error). Values as Linux's include/linux/notifier.h.

import { EEXIST, ENOENT } from "./errno.ts";

export const NOTIFY_DONE = 0;
export const NOTIFY_OK = 1;
export const NOTIFY_STOP_MASK = 0x8000;
export const NOTIFY_BAD = NOTIFY_STOP_MASK | 2;
export const NOTIFY_STOP = NOTIFY_STOP_MASK | NOTIFY_OK;

/** In place of a number of calls: everybody. */
export const NOTIFY_ALL = 0xffff_ffff;

export type notifier_fn = (nb: notifier_block, action: u32, data: u32) => u32;

export class notifier_block {
  notifier_call: notifier_fn;
  next: notifier_block | null;
  priority: i32;
}

export class raw_notifier_head {
  head: notifier_block | null = null;
}

export function notifier_from_errno(error: i32): u32 {
  return error === 0 ? NOTIFY_OK : NOTIFY_STOP_MASK | u32(NOTIFY_OK - error);
}

/** 0, or the negative errno that the last function called gave; -EPERM for NOTIFY_BAD. */
export function notifier_to_errno(result: u32): i32 {
  const value = i32(result & ~NOTIFY_STOP_MASK);
  return value > NOTIFY_OK ? NOTIFY_OK - value : 0;
}

/** -EEXIST: it stands there already. */
export function raw_notifier_chain_register(chain: raw_notifier_head, nb: notifier_block): i32 {
  let before: notifier_block | null = null;
  let at = chain.head;
  while (at !== null) {
    if (at === nb) return -EEXIST;
    if (nb.priority > at.priority) break;
    before = at;
    at = at.next;
  }
  nb.next = at;
  if (before === null) chain.head = nb;
  else before.next = nb;
  return 0;
}

/** -ENOENT: it is not there. */
export function raw_notifier_chain_unregister(chain: raw_notifier_head, nb: notifier_block): i32 {
  let before: notifier_block | null = null;
  for (let at = chain.head; at !== null; at = at.next) {
    if (at === nb) {
      if (before === null) chain.head = nb.next;
      else before.next = nb.next;
      return 0;
    }
    before = at;
  }
  return -ENOENT;
}

/**
 * Calls the first `nr_to_call` functions (NOTIFY_ALL: all), until one says stop; what the last one returned. `nr_calls` is how
 * many were called, the one that stopped included.
 */
export function raw_notifier_call_chain(
  chain: raw_notifier_head, action: u32, data: u32, nr_to_call: u32, nr_calls: Ptr<u32>,
): u32 {
  let result: u32 = NOTIFY_DONE;
  let calls: u32 = 0;
  let nb = chain.head;
  while (nb !== null && calls !== nr_to_call) {
    // A function may take its own block out.
    const next = nb.next;
    const fn = nb.notifier_call;
    result = fn(nb, action, data);
    calls += 1;
    if ((result & NOTIFY_STOP_MASK) !== 0) break;
    nb = next;
  }
  nr_calls[0] = calls;
  return result;
}
