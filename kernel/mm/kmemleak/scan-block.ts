// Reads memory word by word and counts what could be pointers to tracked blocks.
//
// Any word counts, whatever it was meant to be, and so does a pointer to any byte of a block; only aligned words are looked at.
// 2009 (and 2008): each word that lies in the tracked range is looked up by itself, and what is found is held by a reference.
// 5.0: kmemleak_lock is held, interrupts off, for the whole piece of at most 4 KiB: nothing that is found can go.
// Not a snapshot: a pointer moved from a place not yet read to one already read is missed until the next scan.

import { MARK } from "../../abi/marks.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { COUNT_HIDDEN, EXACT, EXCESS_REF, LEAKS_REFS, LOCK_PINS, RCU_READERS, SINGLE_LOCK } from "./design.ts";
import { queue_gray } from "./gray.ts";
import { index_changes, index_lookup } from "./index/index.ts";
import { index_read_lock, index_read_unlock, lock_hit, unlock_hit } from "./lock.ts";
import { find_and_get_object, get_object_rcu } from "./lookup.ts";
import { color_gray, color_white, get_object, kmemleak_object, put_object } from "./object.ts";
import { tracked_below, tracked_end } from "./range.ts";

// Of the scan that runs, under scan_mutex.
let scan_words: u32 = 0;
let scan_lookups: u32 = 0;
let scan_hits: u32 = 0;
/** Lookups that found nothing although the block was there before they began and afterwards (kmemleak.count_hidden). */
let scan_hidden: u32 = 0;
/** Lookups during which the index has changed: how often a miss was to be feared (kmemleak.count_hidden). */
let scan_raced: u32 = 0;

export function reset_scan_counts(): void {
  scan_words = 0;
  scan_lookups = 0;
  scan_hits = 0;
  scan_hidden = 0;
  scan_raced = 0;
}

export function hidden_lookups(): u32 {
  return scan_hidden;
}

export function raced_lookups(): u32 {
  return scan_raced;
}

/** One more hit. True: the object is gray now, and on the list with a reference of its own or, found with one, with that. Object locked. */
function update_refs(object: kmemleak_object): boolean {
  "inline";
  // Not white: black, gray already, or newer than this scan (2008).
  if (!color_white(object)) return false;
  object.count++;
  if (!color_gray(object)) return false;
  if (LOCK_PINS) BUG_ON(!get_object(object));
  queue_gray(object);
  return true;
}

/** A hit on `object`, found by find(). Returns the block that gets a hit in its place, or 0. */
function hit_object(object: kmemleak_object): usize {
  let excess_ref: usize = 0;
  let queued = false;
  const flags = lock_hit(object, LOCK_PINS);
  if (EXCESS_REF && color_gray(object)) excess_ref = object.excess_ref;
  else queued = update_refs(object);
  unlock_hit(object, LOCK_PINS, flags);
  // The reference that find() took has passed to the list, if the object is there now.
  if (LEAKS_REFS) BUG_ON(queued && !get_object(object));
  else if (!LOCK_PINS && !queued) put_object(object);
  return excess_ref;
}

function find(value: usize, alias: boolean): kmemleak_object | null {
  "inline";
  if (LOCK_PINS) return index_lookup(value, alias);
  return RCU_READERS ? get_object_rcu(value, alias) : find_and_get_object(value, alias);
}

/** What find() has found is the scanned block itself. */
function drop_self(object: kmemleak_object): void {
  "inline";
  if (!LOCK_PINS && !LEAKS_REFS) put_object(object);
}

/** Looks again, under the lock, for what was in the tree before change number `since` and was not found. */
function look_again(value: usize, since: u32): void {
  "noinline";
  const flags = index_read_lock();
  const object = index_lookup(value, true);
  if (object !== null && i32(object.born - since) <= 0) scan_hidden++;
  index_read_unlock(flags);
}

/** A word points to `object`. True: that is another block than the scanned one. */
function scan_reference(object: kmemleak_object, scanned: kmemleak_object | null): boolean {
  if (object === scanned) {
    drop_self(object);
    return false;
  }
  const excess_ref = hit_object(object);
  if (EXCESS_REF && excess_ref !== 0) {
    const other = find(excess_ref, false);
    if (other === scanned && other !== null) {
      drop_self(other);
    } else if (other !== null) {
      hit_object(other);
    }
  }
  return true;
}

/** Reads the words that fit entirely into [start, end). `scanned` is the block they belong to, its lock held, or null. */
export function scan_block(start: usize, end: usize, scanned: kmemleak_object | null): void {
  let lookups: u32 = 0;
  let hits: u32 = 0;
  const first = (start + 3) & ~3;
  const last = end & ~3;
  // With one lock, that of the scanned block is the one.
  const lock = LOCK_PINS && !(SINGLE_LOCK && scanned !== null);
  const flags = lock ? index_read_lock() : 0;
  if (RCU_READERS) rcu_read_lock();
  const below = tracked_below();
  const span = tracked_end() - below;
  for (let at = first; at < last; at += 4) {
    // Whoever owns the word may write it meanwhile.
    const value = data_race(cast<Ptr<usize>>(at)[0]);
    if (likely(value - below >= span)) continue;
    lookups++;
    const since = COUNT_HIDDEN && RCU_READERS ? index_changes() : 0;
    const object = find(value, !EXACT);
    if (COUNT_HIDDEN && RCU_READERS && index_changes() !== since) scan_raced++;
    if (object !== null) {
      if (scan_reference(object, scanned)) hits++;
    } else if (COUNT_HIDDEN && RCU_READERS) {
      look_again(value, since);
    }
  }
  if (RCU_READERS) rcu_read_unlock();
  if (lock) index_read_unlock(flags);
  const words = first < last ? (last - first) >>> 2 : 0;
  scan_words += words;
  scan_lookups += lookups;
  scan_hits += hits;
  traceMark(MARK.SCAN_CHUNK, words, lookups, hits);
}
