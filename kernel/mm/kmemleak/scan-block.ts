// Reads memory word by word and counts what could be pointers to tracked blocks.
//
// Any word counts, whatever it was meant to be, and so does a pointer to any byte of a block; only aligned words are looked at.
// 2009 (and 2008): each word that lies in the tracked range is looked up by itself, and what is found is held by a reference.
// 5.0: kmemleak_lock is held, interrupts off, for the whole piece of at most 4 KiB: nothing that is found can go.
// Not a snapshot: a pointer moved from a place not yet read to one already read is missed until the next scan.

import { MARK } from "../../abi/marks.ts";
import { BUG_ON } from "../../lib/bug.ts";
import { rb_node } from "../../lib/rbtree.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { COUNT_HIDDEN, EXACT, EXCESS_REF, FILTER, FILTER_NODES, LEAKS_REFS, LOCK_PINS, RCU_READERS, SINGLE_LOCK } from "./design.ts";
import { queue_gray } from "./gray.ts";
import { index_changes, index_entry, index_key, index_lookup, index_lookup_from, index_top } from "./index/index.ts";
import { index_read_lock, index_read_unlock, lock_hit, unlock_hit } from "./lock.ts";
import { find_and_get_object, get_object_rcu } from "./lookup.ts";
import { color_gray, color_white, get_object, kmemleak_object, put_object } from "./object.ts";
import { tracked_below, tracked_end } from "./range.ts";

/** Lookups of this scan that found nothing although the block was there before they began and afterwards (kmemleak.count_hidden). Under scan_mutex. */
let scan_hidden: u32 = 0;
/** Lookups during which the index has changed: how often a miss was to be feared (kmemleak.count_hidden). */
let scan_raced: u32 = 0;

export function reset_scan_counts(): void {
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
  "inline";
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

/** A hit on the block that begins at `excess_ref`. */
function hit_excess(excess_ref: usize, scanned: kmemleak_object | null): void {
  "noinline";
  const other = find(excess_ref, false);
  if (other === null) return;
  if (other === scanned) drop_self(other);
  else hit_object(other);
}

/** A word points to `object`. True: that is another block than the scanned one. */
function scan_reference(object: kmemleak_object, scanned: kmemleak_object | null): boolean {
  "inline";
  if (object === scanned) {
    drop_self(object);
    return false;
  }
  const excess_ref = hit_object(object);
  if (EXCESS_REF && excess_ref !== 0) hit_excess(excess_ref, scanned);
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
  // With a filter, only from the first word on that passes it.
  let locked = lock && !FILTER;
  let flags: u32 = locked ? index_read_lock() : 0;
  if (RCU_READERS) rcu_read_lock();
  const below = tracked_below();
  const below_key = index_key(below);
  // Under the lock the tree stands still: every search begins at the same node.
  const top: rb_node | null = LOCK_PINS && !FILTER ? index_top() : null;
  const span = LOCK_PINS && !FILTER && top === null ? 0 : tracked_end() - below;
  for (let at = first; at < last; at += 4) {
    // Whoever owns the word may write it meanwhile.
    const value = data_race(cast<Ptr<usize>>(at)[0]);
    const behind = value - below;
    if (likely(behind >= span)) continue;
    const since = COUNT_HIDDEN ? index_changes() : 0;
    const key = below_key + behind;
    let from = top;
    if (FILTER) {
      const entry = index_entry(key);
      if (READ_ONCE(entry[0]) === 0) {
        if (COUNT_HIDDEN && (RCU_READERS || (lock && !locked))) look_again(value, since);
        continue;
      }
      if (lock && !locked) {
        flags = index_read_lock();
        locked = true;
      }
      if (FILTER_NODES) from = castOrNull<rb_node>(entry[0]);
      if (FILTER_NODES && from === null) continue;
    }
    lookups++;
    const object = LOCK_PINS && !EXACT ? index_lookup_from(from!, key) : find(value, !EXACT);
    if (COUNT_HIDDEN && RCU_READERS && index_changes() !== since) scan_raced++;
    if (object !== null) {
      if (scan_reference(object, scanned)) hits++;
    } else if (COUNT_HIDDEN && RCU_READERS) {
      look_again(value, since);
    }
  }
  if (RCU_READERS) rcu_read_unlock();
  if (lock && locked) index_read_unlock(flags);
  const words = first < last ? (last - first) >>> 2 : 0;
  traceMark(MARK.SCAN_CHUNK, words, lookups, hits);
}
