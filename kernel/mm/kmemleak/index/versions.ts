// How readers without a lock learn that a writer was there: by a sequence counter (index=seqcount, optimistic) or by a latch with two
// trees (index=latch). Writers hold kmemleak_lock, interrupts off.
//
//   V4a seqcount     a reader looks again when the tree has changed meanwhile; after RETRIES times it takes the lock, so that writers
//                    cannot starve it
//   V4e optimistic   what is found is right and needs no second look; nothing found is believed only when the tree has not changed
//   V4b latch        each object has a node in two trees; while a writer changes one, readers are sent to the other. A reader looks again
//                    when the latch has moved: it never waits, not even for a writer that it has interrupted
//   V4c path-copy    the tree is never changed (path.ts)
// Nodes are freed after a grace period, so all of these are for readers inside an RCU read section.

import { rb_root } from "../../../lib/rbtree.ts";
import {
  raw_read_seqcount, raw_read_seqcount_latch, raw_write_seqcount_latch, read_seqcount_latch_retry, read_seqcount_retry, seqcount_latch_t, seqcount_t,
  write_seqcount_begin, write_seqcount_end,
} from "../../../locking/seqlock.ts";
import { LATCH, OPTIMISTIC, PATH_COPY, SEQCOUNT } from "../design.ts";
import { index_read_lock, index_read_unlock } from "../lock.ts";
import { path_insert, path_remove, path_stab } from "./path.ts";
import { rb_interval, rb_interval_insert, rb_interval_remove, rb_interval_stab } from "./rb.ts";

const RETRIES = 16;

const seq = new seqcount_t();
const latch = new seqcount_latch_t();
export const tree = new rb_root();
/** index=latch: the second copy. */
const other_tree = new rb_root();

/** The same interval in the other tree: it lies right behind. */
function other(it: rb_interval): rb_interval {
  "inline";
  return cast<rb_interval>(addr(it) + sizeof<rb_interval>());
}

export function versioned_insert(it: rb_interval): rb_interval | null {
  if (PATH_COPY) return path_insert(it);
  if (LATCH) {
    other(it).start = it.start;
    other(it).last = it.last;
    raw_write_seqcount_latch(latch);
    const existing = rb_interval_insert(tree, it);
    raw_write_seqcount_latch(latch);
    if (existing === null) rb_interval_insert(other_tree, other(it));
    return existing;
  }
  if (SEQCOUNT || OPTIMISTIC) write_seqcount_begin(seq);
  const existing = rb_interval_insert(tree, it);
  if (SEQCOUNT || OPTIMISTIC) write_seqcount_end(seq);
  return existing;
}

export function versioned_remove(it: rb_interval): void {
  if (PATH_COPY) {
    path_remove(it);
    return;
  }
  if (LATCH) {
    raw_write_seqcount_latch(latch);
    rb_interval_remove(tree, it);
    raw_write_seqcount_latch(latch);
    rb_interval_remove(other_tree, other(it));
    return;
  }
  if (SEQCOUNT || OPTIMISTIC) write_seqcount_begin(seq);
  rb_interval_remove(tree, it);
  if (SEQCOUNT || OPTIMISTIC) write_seqcount_end(seq);
}

function stab_locked(key: usize): rb_interval | null {
  "noinline";
  const flags = index_read_lock();
  const it = rb_interval_stab(tree, key);
  index_read_unlock(flags);
  return it;
}

function stab_seqcount(key: usize): rb_interval | null {
  "inline";
  for (let tries: u32 = 0; tries < RETRIES; tries++) {
    const start = raw_read_seqcount(seq);
    if ((start & 1) === 0) {
      const it = rb_interval_stab(tree, key);
      if (!read_seqcount_retry(seq, start)) return it;
    }
    pause();
  }
  return stab_locked(key);
}

function stab_optimistic(key: usize): rb_interval | null {
  "inline";
  const start = raw_read_seqcount(seq);
  const it = rb_interval_stab(tree, key);
  if (it !== null) return it;
  return (start & 1) === 0 && !read_seqcount_retry(seq, start) ? null : stab_locked(key);
}

function stab_latch(key: usize): rb_interval | null {
  "inline";
  for (;;) {
    const start = raw_read_seqcount_latch(latch);
    const second = (start & 1) !== 0;
    const it = second ? rb_interval_stab(other_tree, key) : rb_interval_stab(tree, key);
    if (!read_seqcount_latch_retry(latch, start)) return it === null || !second ? it : cast<rb_interval>(addr(it) - sizeof<rb_interval>());
  }
}

/** The interval that holds `key`, or null: right even while writers write, but for V1. Called in an RCU read section. */
export function versioned_stab(key: usize): rb_interval | null {
  "inline";
  if (SEQCOUNT) return stab_seqcount(key);
  if (OPTIMISTIC) return stab_optimistic(key);
  if (LATCH) return stab_latch(key);
  if (PATH_COPY) return path_stab(key);
  return rb_interval_stab(tree, key);
}
