// The mark phase: every word of the roots, then of every block found reachable, is taken for a possible pointer to any byte of
// a tracked block. Blocks that end with too few hits are suspected leaks; nothing is ever freed here.
//
// Locks: scan_mutex for a whole scan. object.lock, interrupts off, while its block is read: the whole block as submitted in 2008, however
//   large; 4 KiB at a time since, and the block may be freed between two pieces.
// 5.0: a block that was changed since the last scan is not suspected: it may be in use by somebody whose reference was moving.
//   The checksum is 0 at first, so a lost block is suspected by the second scan at the earliest; one that is all zero has checksum
//   0, and is suspected by the first.

import { MARK } from "../../abi/marks.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { list_del_init } from "../../lib/list.ts";
import { pr_info } from "../../lib/printk.ts";
import { jiffies, time_before } from "../../sched/clock.ts";
import { cond_resched } from "../../sched/core.ts";
import { checksum_init, update_checksum } from "./checksum.ts";
import { CHECKSUMS, CHUNK_BYTES, COUNT_HIDDEN, KM19, RCU_READERS } from "./design.ts";
import { first_gray, gray_list_empty, queue_gray } from "./gray.ts";
import { lock_object, unlock_object } from "./lock.ts";
import { color_gray, color_white, get_object, kmemleak_object, OBJECT, put_object } from "./object.ts";
import { scan_roots } from "./roots.ts";
import { hidden_lookups, raced_lookups, reset_scan_counts, scan_block } from "./scan-block.ts";
import { scan_should_stop, set_leaks_found } from "./state.ts";
import { for_each_object } from "./walk.ts";

/** Under scan_mutex. */
let scans: u32 = 0;
/** When the last scan began; under scan_mutex. */
let jiffies_last_scan: u32 = 0;
/** Blocks younger than this, in jiffies, are not reported: their only reference may be in a register. */
let jiffies_min_age: u32 = 5000;

export function kmemleak_set_min_age(jiffies: u32): void {
  jiffies_min_age = jiffies;
}

/** The number of the last scan that began, from 1. */
export function kmemleak_scans(): u32 {
  return scans;
}

/** Called with object.lock and scan_mutex held. */
export function unreferenced_object(object: kmemleak_object): boolean {
  const now = KM19 ? jiffies_last_scan : jiffies();
  return (object.flags & OBJECT.ALLOCATED) !== 0 && color_white(object) && !time_before(now, object.jiffies + jiffies_min_age);
}

/** Reads a piece of the block from `at` on. False: it is gone, or not to be read. */
function scan_chunk(object: kmemleak_object, at: usize): boolean {
  const flags = lock_object(object);
  const readable = (object.flags & (OBJECT.ALLOCATED | OBJECT.NO_SCAN)) === OBJECT.ALLOCATED;
  if (readable) {
    const end = object.pointer + object.size;
    scan_block(at, end - at < CHUNK_BYTES ? end : at + CHUNK_BYTES, object);
  }
  unlock_object(object, flags);
  return readable;
}

/** The block in pieces; its lock is given away between them, and the block may go. */
function scan_chunks(object: kmemleak_object): void {
  const end = object.pointer + object.size;
  for (let at = object.pointer; at < end && scan_chunk(object, at) && !scan_should_stop(); at += CHUNK_BYTES) cond_resched();
}

/** Interrupts stay off for the whole block, or for each of its parts. */
function scan_whole(object: kmemleak_object): void {
  "inline";
  const flags = lock_object(object);
  if ((object.flags & (OBJECT.ALLOCATED | OBJECT.NO_SCAN)) === OBJECT.ALLOCATED) {
    let area = object.areas;
    if (area === null || (object.flags & OBJECT.FULL_SCAN) !== 0) scan_block(object.pointer, object.pointer + object.size, object);
    else for (; area !== null; area = area.next) scan_block(area.start, area.start + area.size, object);
  }
  unlock_object(object, flags);
}

function scan_object(object: kmemleak_object): void {
  // Areas are only ever added, and FULL_SCAN is never taken back.
  if (CHUNK_BYTES !== 0 && object.size > CHUNK_BYTES && (READ_ONCE(object.areas) === null || (READ_ONCE(object.flags) & OBJECT.FULL_SCAN) !== 0)) scan_chunks(object);
  else scan_whole(object);
}

/** Every object white, or gray and on the list when it needs no hits. Returns their number. */
function whiten(): u32 {
  let objects: u32 = 0;
  for (const object of for_each_object()) {
    const flags = lock_object(object);
    object.count = 0;
    if (color_gray(object) && get_object(object)) queue_gray(object);
    unlock_object(object, flags);
    objects++;
  }
  return objects;
}

/** Follows references until none is left; the list grows at its tail while it is walked. */
function scan_gray_list(): void {
  while (!gray_list_empty()) {
    const object = first_gray();
    if (!scan_should_stop()) scan_object(object);
    // After the scan: until here the entry could only have gained successors.
    list_del_init(object.gray_list);
    put_object(object);
    cond_resched();
  }
}

/**
 * Blocks that came while this scan ran are not looked at so closely: they count as changed. They are too young to be suspected, and
 * under churn taking their checksums would take longer than making more of them.
 */
function changed(object: kmemleak_object): boolean {
  "inline";
  return time_before(jiffies_last_scan, object.jiffies) || update_checksum(object);
}

/** White blocks that change are gray for now, and what they refer to with them. */
function give_second_chance(): void {
  for (const object of for_each_object()) {
    // Without the lock: only this scan counts, and what somebody paints meanwhile may be seen next time.
    if (KM19 && !data_race(color_white(object))) continue;
    const flags = lock_object(object);
    if (color_white(object) && (object.flags & OBJECT.ALLOCATED) !== 0 && changed(object) && get_object(object)) {
      object.count = object.min_count;
      queue_gray(object);
    }
    unlock_object(object, flags);
  }
  scan_gray_list();
}

/** Suspects; of 5.0 those that no scan has named before, which are named now. */
function count_suspects(): u32 {
  let suspects: u32 = 0;
  for (const object of for_each_object()) {
    if (KM19 && !data_race(color_white(object))) continue;
    const flags = lock_object(object);
    if (unreferenced_object(object) && (!KM19 || (object.flags & OBJECT.REPORTED) === 0)) {
      if (KM19) object.flags |= OBJECT.REPORTED;
      suspects++;
    }
    unlock_object(object, flags);
  }
  return suspects;
}

/** One scan, from whitening to an empty gray list. Called with scan_mutex held. Returns the number of (new) suspected leaks. */
export function kmemleak_scan(): u32 {
  "noinline";
  BUG_ON(!gray_list_empty());
  scans++;
  jiffies_last_scan = jiffies();
  reset_scan_counts();
  traceMark(MARK.SCAN_BEGIN, scans);
  const objects = whiten();
  scan_roots();
  scan_gray_list();
  if (CHECKSUMS) checksum_init();
  if (CHECKSUMS) give_second_chance();
  const suspects = scan_should_stop() ? 0 : count_suspects();
  traceMark(MARK.SCAN_END, scans, objects, suspects);
  BUG_ON(!gray_list_empty());
  if (COUNT_HIDDEN && RCU_READERS) pr_info("kmemleak: scan %u raced with changes of the tree in %u lookups\n", scans, raced_lookups());
  if (COUNT_HIDDEN) pr_info("kmemleak: scan %u missed live blocks in %u lookups\n", scans, hidden_lookups());
  if (suspects !== 0) set_leaks_found();
  if (KM19 && suspects !== 0) pr_info("kmemleak: %u new suspected memory leaks (see /sys/kernel/debug/kmemleak)\n", suspects);
  return suspects;
}
