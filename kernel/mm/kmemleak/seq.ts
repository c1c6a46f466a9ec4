// What /sys/kernel/debug/kmemleak is elsewhere, read: a seq_file's start, next, stop and show between open and release.
//
// Findings of the review in 2008 and of the years after, each to be had as kmemleak.bug (design.ts): next() looks at get_object()'s answer
// and goes on to the following element (SQ1), walks inside an RCU read section (SQ2), drops the previous element's reference on every
// way out (SQ3), and keeps the candidate apart from the result (SQ5). Where an object stays on object_list to its last put, the successor
// of an element with a reference is valid; since deletion unlinks it at once the RCU read section must last from start to stop
// (SQ4). scan_mutex is held from start to stop, not from open to release, which a user may put off for ever (SQ6).
// Until 2.6.31 reading from position 0 scans first; since then it shows what the last scan found.

import { CONFIG } from "config";
import { local_irq_restore, local_irq_save } from "../../arch/irqflags.ts";
import { pr_warn, seq_printf } from "../../lib/printk.ts";
import { point } from "../../lib/point.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../../locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { list_head } from "../../lib/list.ts";
import { KM19, READING_SCANS, SQ1, SQ2, SQ2_TAKES_LOCK, SQ3, SQ4, SQ5, SQ6 } from "./design.ts";
import { lock_object, object_list_lock, scan_lock, scan_unlock, unlock_object } from "./lock.ts";
import { get_object, kmemleak_object, OBJECT, object_list, put_object } from "./object.ts";
import { print_unreferenced } from "./report.ts";
import { kmemleak_scan, kmemleak_scans, unreferenced_object } from "./scan.ts";
import { kmemleak_enabled, show_incomplete, tracking_incomplete } from "./state.ts";

/** At most so many leaks a read, until 2.6.31; hitting it is said in the report. */
const REPORTS_NR = 50;
/** Since the last start from position 0; under scan_mutex. */
let reported_leaks: u32 = 0;
/** An RCU read section lasts from start to stop. */
const HOLDS_RCU: boolean = KM19 && !SQ4;

/** Begins a walk from one element to the next; what SQ2 believes to do as well. */
function walk_begin(): u32 {
  "inline";
  if (SQ2) return SQ2_TAKES_LOCK ? raw_spin_lock_irqsave(object_list_lock) : local_irq_save();
  rcu_read_lock();
  return 0;
}

/** @restores flags */
function walk_end(flags: u32): void {
  "inline";
  if (!SQ2) rcu_read_unlock();
  else if (SQ2_TAKES_LOCK) raw_spin_unlock_irqrestore(object_list_lock, flags);
  else local_irq_restore(flags);
}

/** The element at position `skip` from `entry` or behind it whose reference can be had, with it; or null at the end. */
function element_from(entry: list_head, skip: u32): kmemleak_object | null {
  let left = skip;
  let candidate: kmemleak_object | null = null;
  for (let at = entry; at !== object_list; at = READ_ONCE(at.next)) {
    if (left !== 0) {
      left -= 1;
      continue;
    }
    candidate = containerOf(kmemleak_object, "object_list", at);
    point("kmemleak_seq_candidate");
    if (get_object(candidate) || SQ1) return candidate;
  }
  return SQ5 ? candidate : null;
}

/** Opens the file. */
export function kmemleak_open(): void {
  if (SQ6) scan_lock();
}

export function kmemleak_release(): void {
  if (SQ6) scan_unlock();
}

/** The first object from position `pos` on, with a reference. */
export function kmemleak_seq_start(pos: u32): kmemleak_object | null {
  if (!SQ6) scan_lock();
  if (READING_SCANS && pos === 0) kmemleak_scan();
  if (pos === 0) reported_leaks = 0;
  if (HOLDS_RCU) rcu_read_lock();
  rcu_read_lock();
  const object = element_from(READ_ONCE(object_list.next), pos);
  rcu_read_unlock();
  return object;
}

/** The object after `v`, with a reference; v's own is dropped. */
export function kmemleak_seq_next(v: kmemleak_object): kmemleak_object | null {
  "noinline";
  let next: kmemleak_object | null = null;
  if (!READING_SCANS || reported_leaks < REPORTS_NR) {
    const flags = walk_begin();
    next = element_from(READ_ONCE(v.object_list.next), 0);
    walk_end(flags);
  }
  if (!SQ3) put_object(v);
  return next;
}

export function kmemleak_seq_stop(v: kmemleak_object | null): void {
  if (HOLDS_RCU) rcu_read_unlock();
  if (v !== null) put_object(v);
  if (!SQ6) scan_unlock();
}

/** Prints the object if it is a suspected leak. */
export function kmemleak_seq_show(object: kmemleak_object): void {
  const flags = lock_object(object);
  const suspect = unreferenced_object(object) && (!KM19 || (object.flags & OBJECT.REPORTED) !== 0);
  unlock_object(object, flags);
  if (!suspect) return;
  reported_leaks++;
  print_unreferenced(object);
}

/** Reads the whole file to the console, between the lines that the lab looks for. Returns the number of leaks shown. */
export function kmemleak_seq_read(): u32 {
  kmemleak_open();
  let object = kmemleak_seq_start(0);
  seq_printf("---- kmemleak scan %u ----\n", kmemleak_scans());
  while (object !== null) {
    kmemleak_seq_show(object);
    object = kmemleak_seq_next(object);
  }
  show_incomplete();
  if (READING_SCANS && reported_leaks >= REPORTS_NR) seq_printf("report cut after %u leaks\n", REPORTS_NR);
  seq_printf("---- end ----\n");
  const leaks = reported_leaks;
  kmemleak_seq_stop(null);
  kmemleak_release();
  return leaks;
}

/** Scans, then reads the whole file to the console; only the latter when kmemleak was disabled. Returns the number of leaks shown. */
export function kmemleak_seq_print(): u32 {
  if (CONFIG.kmemleak.enabled && tracking_incomplete()) return kmemleak_seq_read();
  if (!kmemleak_enabled()) {
    pr_warn("kmemleak: disabled, nothing to report\n");
    return 0;
  }
  if (!READING_SCANS) {
    scan_lock();
    kmemleak_scan();
    scan_unlock();
  }
  return kmemleak_seq_read();
}
