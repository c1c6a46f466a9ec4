// What an mm_struct has of identities while it lives, and what is left of all of them at the end.
//
// all_mms is the list of mm_structs, under all_mms_lock, a leaf.

import { atomic_read } from "../../lib/atomic.ts";
import { WARN } from "../../lib/bug.ts";
import { INIT_LIST_HEAD, list_add_tail, list_del, list_head } from "../../lib/list.ts";
import { pr_err } from "../../lib/printk.ts";
import { raw_spin_lock_irqsave, raw_spin_unlock_irqrestore, raw_spinlock_t } from "../../locking/spinlock.ts";
import { mm_struct } from "../mm_types.ts";
import { ref_tracker_dir_exit, ref_tracker_dir_init } from "../ref_tracker.ts";
import { lists_exit, lists_init } from "./lists.ts";
import { get_mm_ref, get_mm_users_ref, INIT_MM_REF } from "./mm_ref.ts";
import { mm_refs_show } from "./report.ts";
import { CHECKED, LISTED, MM_COUNT, mm_refs, type mm_ref, REFS, TRACKED } from "./types.ts";

/** Dead trackers that a directory keeps. */
const QUARANTINE = 16;

const all_mms = new list_head();
const all_mms_lock = new raw_spinlock_t();

/** A new mm_struct, whose one user has `ref`, and whose users have their one mm_count. */
export function mm_refs_init(mm: mm_struct, ref: mm_ref): void {
  "inline";
  if (REFS) start(mm, ref);
}

function start(mm: mm_struct, ref: mm_ref): void {
  "noinline";
  if (LISTED) lists_init(mm.refs.lists[0]);
  if (TRACKED) {
    ref_tracker_dir_init(mm.refs.dirs[MM_COUNT.users], QUARANTINE);
    ref_tracker_dir_init(mm.refs.dirs[MM_COUNT.structure], QUARANTINE);
  }
  INIT_MM_REF(mm.mm_users_ref);
  if (LISTED && !CHECKED) {
    // As proposed: each of the two on the list that is the other's, where the puts look for neither.
    get_mm_ref(mm, ref);
    get_mm_users_ref(mm, mm.mm_users_ref);
  } else {
    get_mm_users_ref(mm, ref);
    get_mm_ref(mm, mm.mm_users_ref);
  }
  INIT_LIST_HEAD(mm.refs.all[0]);
  const flags = raw_spin_lock_irqsave(all_mms_lock);
  list_add_tail(mm.refs.all[0], all_mms);
  raw_spin_unlock_irqrestore(all_mms_lock, flags);
}

/** It is about to be freed. */
export function mm_refs_exit(mm: mm_struct): void {
  "inline";
  if (REFS) end(mm);
}

function end(mm: mm_struct): void {
  "noinline";
  const flags = raw_spin_lock_irqsave(all_mms_lock);
  list_del(mm.refs.all[0]);
  raw_spin_unlock_irqrestore(all_mms_lock, flags);
  if (LISTED) lists_exit(mm);
  if (TRACKED) {
    ref_tracker_dir_exit(mm.refs.dirs[MM_COUNT.users]);
    ref_tracker_dir_exit(mm.refs.dirs[MM_COUNT.structure]);
  }
}

function of_link(link: list_head): mm_struct {
  const refs = addr(link) - offsetOf(mm_refs, "all");
  return containerOf(mm_struct, "refs", cast<mm_refs>(refs));
}

/** The kernel is about to switch itself off, and nobody should have an address space any more: who has one is named. */
export function mm_refs_report_left(): void {
  for (let at = all_mms.next; at !== all_mms; at = at.next) {
    const mm = of_link(at);
    pr_err("mm_ref: an address space is left, mm_users %d\n", atomic_read(mm.mm_users));
    mm_refs_show(mm);
    if (TRACKED) {
      // While there are users, they have their one mm_count rightly.
      ref_tracker_dir_exit(mm.refs.dirs[atomic_read(mm.mm_users) > 0 ? MM_COUNT.users : MM_COUNT.structure]);
    } else {
      WARN(true, "mm_ref: an address space is left");
    }
  }
}
