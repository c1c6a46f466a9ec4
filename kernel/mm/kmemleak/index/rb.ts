// The index since 3.7: a red-black tree of intervals [start, last] of which no two overlap.
//
// A query goes down by starts alone and looks at the end of one interval only, the last that begins at or before the key:
// since nothing overlaps, no other can hold it.
// Locks: none of its own. Searching without the writers' lock, inside an RCU read section, ends, and finds only what is or was there.

import { rb_erase, rb_insert_color, rb_link_node, rb_link_node_rcu, rb_node, rb_root } from "../../../lib/rbtree.ts";
import { point } from "../../../lib/point.ts";
import { COUNT_HIDDEN, RCU_READERS } from "../design.ts";

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

/** The interval that holds `key`, or null. */
export function rb_interval_stab(root: rb_root, key: usize): rb_interval | null {
  "inline";
  let node = READ_ONCE(root.rb_node);
  let before: rb_interval | null = null;
  while (node !== null) {
    const interval = containerOf(rb_interval, "rb", node);
    if (COUNT_HIDDEN && addr(node) === watched_node && key === watched_key) point("kmemleak_descend");
    if (key < interval.start) {
      node = READ_ONCE(node.rb_left);
    } else {
      before = interval;
      node = READ_ONCE(node.rb_right);
    }
  }
  return before !== null && key <= before.last ? before : null;
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
  rb_insert_color(it.rb, root);
  return null;
}

export function rb_interval_remove(root: rb_root, it: rb_interval): void {
  rb_erase(it.rb, root);
}
