// What /sys/kernel/debug/kmemleak is elsewhere: the report through a seq_file's start, next, stop and show, and commands.
//
// Reading from position 0 runs a scan first, as submitted in 2008. scan_mutex is held from start to stop.
// The review's findings are applied: next() looks at get_object()'s answer and goes on to the following element (SQ1), walks
// inside an RCU read section (SQ2), drops the previous element's reference on every way out (SQ3), and keeps the candidate apart
// from the result (SQ5). An element with a reference stays on object_list, so its successor is valid (SQ4).

import { list_head } from "../lib/list.ts";
import { pr_warn, seq_printf } from "../lib/printk.ts";
import { strcmp } from "../lib/string.ts";
import { EBUSY, EINVAL } from "../lib/errno.ts";
import { mutex_lock, mutex_unlock } from "../locking/mutex.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock } from "../rcu/rcu.ts";
import { HZ, jiffies } from "../sched/clock.ts";
import { kmemleak_enabled } from "./kmemleak.ts";
import { get_object, kmemleak_object, object_list, put_object } from "./kmemleak-object.ts";
import { kmemleak_scan, kmemleak_scans, scan_mutex, unreferenced_object } from "./kmemleak-scan.ts";

/** At most so many leaks a report; hitting it is said in the report. */
const REPORTS_NR = 50;
/** Since the last start from position 0; under scan_mutex. */
let reported_leaks: u32 = 0;

/** The first object from `entry` on whose reference can be had, or null at the end. Called in an RCU read section. */
function first_from(entry: list_head): kmemleak_object | null {
  for (let at = entry; at !== object_list; at = READ_ONCE(at.next)) {
    const candidate = containerOf(kmemleak_object, "object_list", at);
    if (get_object(candidate)) return candidate;
  }
  return null;
}

/** Takes scan_mutex, scans, and returns the first object, with a reference. */
export function kmemleak_seq_start(): kmemleak_object | null {
  mutex_lock(scan_mutex);
  kmemleak_scan();
  reported_leaks = 0;
  rcu_read_lock();
  const object = first_from(READ_ONCE(object_list.next));
  rcu_read_unlock();
  return object;
}

/** The object after `v`, with a reference; v's own is dropped. */
export function kmemleak_seq_next(v: kmemleak_object): kmemleak_object | null {
  let next: kmemleak_object | null = null;
  if (reported_leaks < REPORTS_NR) {
    rcu_read_lock();
    next = first_from(READ_ONCE(v.object_list.next));
    rcu_read_unlock();
  }
  put_object(v);
  return next;
}

export function kmemleak_seq_stop(v: kmemleak_object | null): void {
  if (v !== null) put_object(v);
  mutex_unlock(scan_mutex);
}

function print_unreferenced(object: kmemleak_object): void {
  const age = (jiffies() - object.jiffies) * (1000 / HZ);
  seq_printf("unreferenced object 0x%08x (size %u):\n", object.pointer, object.size);
  seq_printf("  comm \"%s\", pid %u, jiffies %u (age %u.%03us)\n", addr(object.comm), object.pid, object.jiffies, age / 1000, age % 1000);
  seq_printf("  backtrace:\n");
  for (let i: u32 = 0; i < object.trace_len; i++) {
    seq_printf("    [<%08x>] %pS\n", object.trace[i], object.trace[i]);
  }
}

/** Prints the object if it is a suspected leak. */
export function kmemleak_seq_show(object: kmemleak_object): void {
  const flags = raw_spin_lock_irqsave(object.lock);
  const suspect = unreferenced_object(object);
  raw_spin_unlock_irqrestore(object.lock, flags);
  // Printing outside the lock: the reference keeps the metadata, and what is printed of it does not change.
  if (!suspect) return;
  reported_leaks++;
  print_unreferenced(object);
}

/** Reads the whole file to the console, between the lines that the lab looks for. Returns the number of leaks shown. */
export function kmemleak_seq_print(): u32 {
  if (!kmemleak_enabled()) {
    pr_warn("kmemleak: disabled, nothing to report\n");
    return 0;
  }
  let object = kmemleak_seq_start();
  seq_printf("---- kmemleak scan %u ----\n", kmemleak_scans());
  while (object !== null) {
    kmemleak_seq_show(object);
    object = kmemleak_seq_next(object);
  }
  if (reported_leaks >= REPORTS_NR) seq_printf("report cut after %u leaks\n", REPORTS_NR);
  seq_printf("---- end ----\n");
  const leaks = reported_leaks;
  kmemleak_seq_stop(null);
  return leaks;
}

/** A command written to the file: `scan`. Returns 0, -EBUSY when kmemleak is disabled, -EINVAL for anything else. */
export function kmemleak_write(command: string): i32 {
  if (!kmemleak_enabled()) return -EBUSY;
  if (strcmp(command, "scan") === 0) {
    mutex_lock(scan_mutex);
    kmemleak_scan();
    mutex_unlock(scan_mutex);
    return 0;
  }
  return -EINVAL;
}
