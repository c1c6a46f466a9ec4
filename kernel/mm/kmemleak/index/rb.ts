// The index since 3.7: a red-black tree of intervals [start, last] of which no two overlap.
//
// A query goes down by starts alone and looks at the end of one interval only, the last that begins at or before the key:
// since nothing overlaps, no other can hold it.
// Locks: none of its own.

import { rb_erase, rb_insert_color, rb_link_node, rb_node, rb_root } from "../../../lib/rbtree.ts";

export class rb_interval {
  readonly rb = new rb_node();
  start: usize;
  /** The last byte that belongs to the interval. */
  last: usize;
}

const object_tree_root = new rb_root();

/** The interval that holds `key`, or null. */
export function rb_interval_stab(key: usize): rb_interval | null {
  "inline";
  let node = object_tree_root.rb_node;
  let before: rb_interval | null = null;
  while (node !== null) {
    const interval = containerOf(rb_interval, "rb", node);
    if (key < interval.start) {
      node = node.rb_left;
    } else {
      before = interval;
      node = node.rb_right;
    }
  }
  return before !== null && key <= before.last ? before : null;
}

/** Inserts an interval whose start and last are set. Returns one that it overlaps, or null. */
export function rb_interval_insert(it: rb_interval): rb_interval | null {
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(object_tree_root.rb_node);
  for (let at = link[0]; at !== null; at = link[0]) {
    parent = at;
    const interval = containerOf(rb_interval, "rb", at);
    if (it.last < interval.start) link = addressOf(at.rb_left);
    else if (it.start > interval.last) link = addressOf(at.rb_right);
    else return interval;
  }
  rb_link_node(it.rb, parent, link);
  rb_insert_color(it.rb, object_tree_root);
  return null;
}

export function rb_interval_remove(it: rb_interval): void {
  rb_erase(it.rb, object_tree_root);
}
