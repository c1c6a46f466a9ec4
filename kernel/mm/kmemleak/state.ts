// Whether kmemleak works: the flags that hooks, scan and control file look at.
//
// Tracking and freeing end at different times: once something failed nothing new is tracked and a scan stops, but frees go on looking
// for their objects until no scan runs any more, since a free must wait for the scanner that reads its block.

import { CONFIG } from "config";
import { seq_printf } from "../../lib/printk.ts";
import { jiffies } from "../../sched/clock.ts";
import { kthread_should_stop } from "../../sched/kthread.ts";

/** Hooks track. */
let enabled: boolean = false;
/** Hooks end what is tracked. */
let free_enabled: boolean = false;
/** Hooks write themselves down (early.ts). */
let early: boolean = true;
/** Stacks are roots. */
let stacks: boolean = true;
/** Some scan has found a suspect. */
let found_leaks: boolean = false;
/** Why tracking is incomplete, null: it is not; and since when, in jiffies. */
let incomplete_why: string | null = null;
let incomplete_since: u32 = 0;
/** The scanner is the kmemleak thread, which may be asked to end. */
let thread_scans: boolean = false;

export function kmemleak_enabled(): boolean {
  "inline";
  return CONFIG.kmemleak.enabled && READ_ONCE(enabled);
}

export function kmemleak_free_enabled(): boolean {
  "inline";
  return READ_ONCE(free_enabled);
}

export function kmemleak_early(): boolean {
  "inline";
  return early;
}

export function stack_scan(): boolean {
  return READ_ONCE(stacks);
}

export function set_stack_scan(on: boolean): void {
  WRITE_ONCE(stacks, on);
}

export function leaks_found(): boolean {
  return READ_ONCE(found_leaks);
}

export function set_leaks_found(): void {
  WRITE_ONCE(found_leaks, true);
}

export function set_thread_scans(on: boolean): void {
  thread_scans = on;
}

/** The early log is over; from now on hooks work, or do nothing. */
export function leave_early(works: boolean): void {
  early = false;
  WRITE_ONCE(free_enabled, works);
  WRITE_ONCE(enabled, works);
}

/** Nothing is tracked from now on, and the file says why. */
export function note_incomplete(why: string): void {
  incomplete_since = jiffies();
  WRITE_ONCE(incomplete_why, why);
}

/** A line of the file, if what it shows may not be all. */
export function show_incomplete(): void {
  const why = READ_ONCE(incomplete_why);
  if (why !== null) seq_printf("tracking incomplete since jiffies %u: %s\n", incomplete_since, why);
}

export function tracking_incomplete(): boolean {
  return READ_ONCE(incomplete_why) !== null;
}

export function stop_tracking(): void {
  WRITE_ONCE(enabled, false);
}

export function stop_freeing(): void {
  WRITE_ONCE(free_enabled, false);
}

/** Called with scan_mutex held. */
export function scan_should_stop(): boolean {
  return !READ_ONCE(enabled) || (thread_scans && kthread_should_stop());
}
