// The index since 3.7: a red-black tree of intervals [start, last] of which no two overlap.
//
// A query goes down by starts alone and looks at the end of one interval only, the last that begins at or before the key:
// since nothing overlaps, no other can hold it.
// Locks: none of its own. Searching without the writers' lock, inside an RCU read section, ends, and finds only what is or was there.

import {
  rb_erase, rb_erase_watched, rb_insert_color, rb_insert_watched, rb_link_node, rb_link_node_rcu, rb_node, rb_root,
} from "../../../lib/rbtree.ts";
import { point } from "../../../lib/point.ts";
import { COUNT_HIDDEN, FILTER_CLEARS, FILTER_NODES, RCU_READERS } from "../design.ts";
import { filter_clear, filter_link, filter_rotated, filter_successor, filter_unlink } from "./filter.ts";

export class rb_interval {
  readonly rb = new rb_node();
  start: usize;
  /** The last byte that belongs to the interval. */
  last: usize;
}

// kmemleak.count_hidden: a lookup of this key that comes to this node stops at point kmemleak_descend (scenarios/kmemleak/B1 to B3).
let watched_node: usize = 0;
let watched_key: usize = 0;

export function watch_descent(node: rb_node, address: usize): void {
  watched_node = addr(node);
  watched_key = address ^ 0x8000_0000;
}

function begins_behind(node: rb_node, key: usize): boolean {
  "inline";
  if (COUNT_HIDDEN && addr(node) === watched_node && key === watched_key) point("kmemleak_descend");
  return key < containerOf(rb_interval, "rb", node).start;
}

/**
 * The last node of the subtree at `top` that begins at or before `key`, or null. The search goes down in two variables by turns, so that a
 * step to the right, which leaves the node behind as the last one before the key, copies nothing.
 */
function last_before(top: rb_node, key: usize): rb_node | null {
  "inline";
  let a: rb_node = top;
  while (begins_behind(a, key)) {
    const left = READ_ONCE(a.rb_left);
    if (left === null) return null;
    a = left;
  }
  for (;;) {
    let b = READ_ONCE(a.rb_right);
    if (b === null) return a;
    while (begins_behind(b, key)) {
      const left: rb_node | null = READ_ONCE(b.rb_left);
      if (left === null) return a;
      b = left;
    }
    const right = READ_ONCE(b.rb_right);
    if (right === null) return b;
    a = right;
    while (begins_behind(a, key)) {
      const left = READ_ONCE(a.rb_left);
      if (left === null) return b;
      a = left;
    }
  }
}

/** The interval of the subtree at `top` that holds `key`, or null. */
export function rb_interval_stab_from(top: rb_node, key: usize): rb_interval | null {
  "inline";
  const node = last_before(top, key);
  if (node === null) return null;
  const interval = containerOf(rb_interval, "rb", node);
  return key <= interval.last ? interval : null;
}

/** The interval that holds `key`, or null. */
export function rb_interval_stab(root: rb_root, key: usize): rb_interval | null {
  "inline";
  const top = READ_ONCE(root.rb_node);
  return top === null ? null : rb_interval_stab_from(top, key);
}

/** Inserts an interval whose start and last are set. Returns one that it overlaps, or null. */
export function rb_interval_insert(root: rb_root, it: rb_interval): rb_interval | null {
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(root.rb_node);
  for (let at = link[0]; at !== null; at = link[0]) {
    parent = at;
    const interval = containerOf(rb_interval, "rb", at);
    if (it.last < interval.start) link = addressOf(at.rb_left);
    else if (it.start > interval.last) link = addressOf(at.rb_right);
    else return interval;
  }
  if (RCU_READERS) rb_link_node_rcu(it.rb, parent, link);
  else rb_link_node(it.rb, parent, link);
  if (FILTER_NODES) {
    filter_link(it);
    rb_insert_watched(it.rb, root, filter_rotated);
  } else {
    rb_insert_color(it.rb, root);
  }
  return null;
}

export function rb_interval_remove(root: rb_root, it: rb_interval): void {
  if (!FILTER_NODES) {
    rb_erase(it.rb, root);
    return;
  }
  const successor = filter_successor(it);
  if (FILTER_CLEARS) filter_clear(it);
  rb_erase_watched(it.rb, root, filter_rotated);
  filter_unlink(root, it, successor);
}
