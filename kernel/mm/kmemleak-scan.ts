// The mark phase: every word of the roots, then of every block found reachable, is taken for a possible pointer to any byte of
// a tracked block. Blocks that end with too few hits are suspected leaks; nothing is ever freed here.
//
// Roots: .data, .bss, each possible CPU's per-CPU area, mem_map (the page structures, not the pages), every task's
// stack. Blocks with min_count 0 are roots too.
// Locks: scan_mutex for a whole scan; the object's lock, interrupts off, for a whole block while it is read, as submitted in
//   2008: no chunking, a large block means a long section without interrupts, which the lab measures. tasklist_lock (read)
//   while stacks are read.
// gray_list: only under scan_mutex, empty outside a scan, every entry holds a reference.
// Not a snapshot: a pointer moved from a place not yet read to one already read is missed until the next scan.

import { MARK } from "../abi/marks.ts";
import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { __per_cpu_offset } from "../arch/percpu.ts";
import { BUG_ON } from "../lib/bug.ts";
import { list_add_tail, list_del_init, list_empty, list_for_each_entry_rcu, list_head } from "../lib/list.ts";
import { mutex, mutex_init } from "../locking/mutex.ts";
import { read_lock, read_unlock } from "../locking/rwlock.ts";
import { raw_spin_lock_irqsave, raw_spin_lock_irqsave_nested, raw_spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock } from "../rcu/rcu.ts";
import { jiffies, time_before } from "../sched/clock.ts";
import { cond_resched } from "../sched/core.ts";
import { for_each_process, tasklist_lock, THREAD_SIZE } from "../sched/task.ts";
import { color_gray, color_white, find_and_get_object, get_object, in_tracked_range, kmemleak_object, OBJECT, object_list, put_object } from "./kmemleak-object.ts";
import { mem_map_end, mem_map_start } from "./page_alloc.ts";
import { pcpu_first_unit_end } from "./percpu.ts";

/** Serialises scans; protects gray_list. */
export const scan_mutex = new mutex();
const gray_list = new list_head();
/** Under scan_mutex. */
let scans: u32 = 0;
let scan_words: u32 = 0;
let scan_lookups: u32 = 0;
let scan_hits: u32 = 0;

/** Blocks younger than this, in jiffies, are not reported: their only reference may be in a register. */
let jiffies_min_age: u32 = 5000;

export function kmemleak_scan_init(): void {
  mutex_init(scan_mutex, "scan_mutex");
}

export function kmemleak_set_min_age(jiffies: u32): void {
  jiffies_min_age = jiffies;
}

/** The number of the last scan that began, from 1. */
export function kmemleak_scans(): u32 {
  return scans;
}

/** Called with object.lock held. */
export function unreferenced_object(object: kmemleak_object): boolean {
  return (object.flags & OBJECT.ALLOCATED) !== 0 && color_white(object) && !time_before(jiffies(), object.jiffies + jiffies_min_age);
}

/**
 * A hit on `object`, found with a reference that passes to gray_list or is dropped. The scanned block's lock may be held: one
 * level of nesting. Interrupts go off here too, since a root is scanned with them on and a softirq may free this very block.
 */
function hit_object(object: kmemleak_object): void {
  const flags = raw_spin_lock_irqsave_nested(object.lock, 1);
  // Not white: black, gray already, or newer than this scan.
  const white = color_white(object);
  if (white) object.count++;
  const turned_gray = white && color_gray(object);
  if (turned_gray) list_add_tail(object.gray_list, gray_list);
  raw_spin_unlock_irqrestore(object.lock, flags);
  if (!turned_gray) put_object(object);
}

/** Reads the words that fit entirely into [start, end). `scanned` is the block they belong to, its lock held, or null. */
function scan_block(start: usize, end: usize, scanned: kmemleak_object | null): void {
  let words: u32 = 0;
  let lookups: u32 = 0;
  let hits: u32 = 0;
  const stop = end - 3;
  let at = (start + 3) & ~3;
  for (; at < stop; at += 4) {
    words++;
    // Whoever owns the word may write it meanwhile.
    const value = data_race(cast<Ptr<usize>>(at)[0]);
    if (!in_tracked_range(value)) continue;
    lookups++;
    const object = find_and_get_object(value, true);
    if (object === null) continue;
    if (object === scanned) {
      put_object(object);
      continue;
    }
    hits++;
    hit_object(object);
  }
  scan_words += words;
  scan_lookups += lookups;
  scan_hits += hits;
  traceMark(MARK.SCAN_CHUNK, words, lookups, hits);
}

/** A root area that no tracked block owns, in pieces, giving way between them. Called without locks. */
function scan_root(start: usize, end: usize): void {
  for (let at = start; at < end; at += 4096) {
    scan_block(at, end - at < 4096 ? end : at + 4096, null);
    cond_resched();
  }
}

/** Interrupts stay off for the whole block: object.lock is what a concurrent free of it waits for. */
function scan_object(object: kmemleak_object): void {
  const flags = raw_spin_lock_irqsave(object.lock);
  if ((object.flags & OBJECT.ALLOCATED) !== 0 && (object.flags & OBJECT.NO_SCAN) === 0) {
    let area = object.areas;
    if (area === null) scan_block(object.pointer, object.pointer + object.size, object);
    for (; area !== null; area = area.next) scan_block(area.start, area.start + area.length, object);
  }
  raw_spin_unlock_irqrestore(object.lock, flags);
}

/** Every object white, or gray and on the list when it needs no hits. Returns their number. */
function whiten(): u32 {
  let objects: u32 = 0;
  rcu_read_lock();
  for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) {
    const flags = raw_spin_lock_irqsave(object.lock);
    object.count = 0;
    if (color_gray(object) && get_object(object)) list_add_tail(object.gray_list, gray_list);
    raw_spin_unlock_irqrestore(object.lock, flags);
    objects++;
  }
  rcu_read_unlock();
  return objects;
}

function scan_roots(): void {
  scan_root(linkerSymbol("_sdata"), linkerSymbol("_edata"));
  scan_root(linkerSymbol("__bss_start"), linkerSymbol("__bss_stop"));
  for (const cpu of for_each_possible_cpu()) {
    const offset = __per_cpu_offset[cpu];
    scan_root(linkerSymbol("__per_cpu_start") + offset, linkerSymbol("__per_cpu_end") + offset);
    scan_root(linkerSymbol("__per_cpu_end") + offset, pcpu_first_unit_end(cpu));
  }
  scan_root(mem_map_start(), mem_map_end());
  read_lock(tasklist_lock);
  for (const task of for_each_process()) {
    if (task.stack !== 0) scan_block(task.stack, task.stack + THREAD_SIZE, null);
  }
  read_unlock(tasklist_lock);
}

/** Follows references until none is left; the list grows at its tail while it is walked. */
function scan_gray_list(): void {
  while (!list_empty(gray_list)) {
    const object = containerOf(kmemleak_object, "gray_list", gray_list.next);
    scan_object(object);
    // After the scan: until here the entry could only have gained successors.
    list_del_init(object.gray_list);
    put_object(object);
    cond_resched();
  }
}

function count_suspects(): u32 {
  let suspects: u32 = 0;
  rcu_read_lock();
  for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) {
    const flags = raw_spin_lock_irqsave(object.lock);
    if (unreferenced_object(object)) suspects++;
    raw_spin_unlock_irqrestore(object.lock, flags);
  }
  rcu_read_unlock();
  return suspects;
}

/** One scan, from whitening to an empty gray list. Called with scan_mutex held. Returns the number of suspected leaks. */
export function kmemleak_scan(): u32 {
  "noinline";
  BUG_ON(!list_empty(gray_list));
  scans++;
  scan_words = 0;
  scan_lookups = 0;
  scan_hits = 0;
  traceMark(MARK.SCAN_BEGIN, scans);
  const objects = whiten();
  scan_roots();
  scan_gray_list();
  const suspects = count_suspects();
  traceMark(MARK.SCAN_END, scans, objects, suspects);
  BUG_ON(!list_empty(gray_list));
  return suspects;
}
