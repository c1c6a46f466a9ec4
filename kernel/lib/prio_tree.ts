// Priority search trees of intervals [start, last] that may overlap: which one holds a key?
//
// After McCreight (Priority Search Trees, SIAM J. Comput. 14, 1985), in the radix form that Linux had until 3.6:
//   heap      no node's last is smaller than that of a node below it
//   radix     below a node at depth d, bit 31 - d of start is 0 on the left and 1 on the right; behind start's 32 bits come those of last
// So each interval has one way down, its own bits, on which it stands as high as its last allows; the tree has as many nodes as intervals,
// is never turned, and its shape is a function of its contents alone. An interval identical to another one is refused, any other
// overlap is accepted.
// Cost: at most 64 levels, 32 where starts differ; some log2(n) for starts spread evenly, below the bits that all starts share.
// Locks: none of its own.
// Differences from Linux: the depth is not cut to the largest last (which saves levels for small numbers only), equal starts go on by
// the bits of last rather than in a tree of sizes, nodes do not know their parents, and of queries there are only those below.

import { BUG } from "./bug.ts";

const WORD_BITS = 32;

export class prio_tree_node {
  left: prio_tree_node | null;
  right: prio_tree_node | null;
  start: usize;
  /** The last key that belongs to the interval. */
  last: usize;
}

export class prio_tree_root {
  prio_tree_node: prio_tree_node | null = null;
}

function bit(word: usize, depth: u32): boolean {
  "inline";
  return i32(word << depth) < 0;
}

/** The child of `at`, which stands at `depth`, on the way of `node`. */
function next_link(at: prio_tree_node, node: prio_tree_node, depth: u32): Ptr<prio_tree_node | null> {
  "inline";
  const right = depth < WORD_BITS ? bit(node.start, depth) : bit(node.last, depth - WORD_BITS);
  return right ? addressOf(at.right) : addressOf(at.left);
}

/** Inserts `node`, start and last set, and returns it; or returns the identical one that is there, and inserts nothing. */
export function prio_tree_insert(root: prio_tree_root, node: prio_tree_node): prio_tree_node {
  let link: Ptr<prio_tree_node | null> = addressOf(root.prio_tree_node);
  let here = node;
  for (let depth: u32 = 0; ; depth++) {
    const at = link[0];
    if (at === null) break;
    // It ends where `node` does, so it stands above whatever `node` displaces: nothing has changed yet.
    if (at.start === node.start && at.last === node.last) return at;
    if (at.last < here.last) {
      here.left = at.left;
      here.right = at.right;
      link[0] = here;
      link = next_link(here, at, depth);
      here = at;
    } else {
      link = next_link(at, here, depth);
    }
  }
  here.left = null;
  here.right = null;
  link[0] = here;
  return node;
}

/** Takes `node` out, which is in the tree. What is below moves up: always the one that ends last. */
export function prio_tree_remove(root: prio_tree_root, node: prio_tree_node): void {
  let link: Ptr<prio_tree_node | null> = addressOf(root.prio_tree_node);
  for (let depth: u32 = 0; link[0] !== node; depth++) {
    const at = link[0];
    if (at === null) BUG("prio_tree_remove: not in this tree");
    link = next_link(at, node, depth);
  }
  let left = node.left;
  let right = node.right;
  while (left !== null || right !== null) {
    const up: prio_tree_node = right === null || (left !== null && left.last >= right.last) ? left! : right;
    const below_left = up.left;
    const below_right = up.right;
    link[0] = up;
    if (up === left) {
      up.right = right;
      link = addressOf(up.left);
    } else {
      up.left = left;
      link = addressOf(up.right);
    }
    left = below_left;
    right = below_right;
  }
  link[0] = null;
}

/** An interval that holds `key`, or null. */
export function prio_tree_stab(root: prio_tree_root, key: usize): prio_tree_node | null {
  let at = root.prio_tree_node;
  for (let depth: u32 = 0; at !== null && at.last >= key; depth++) {
    if (at.start <= key) return at;
    if (bit(key, depth)) {
      // Everything on the left begins before the key, and what ends last of it is on top.
      const left = at.left;
      if (left !== null && left.last >= key) return left;
      at = at.right;
    } else {
      at = at.left;
    }
  }
  return null;
}

/** An interval that begins at `start`, of several the one that ends last; or null. */
export function prio_tree_find(root: prio_tree_root, start: usize): prio_tree_node | null {
  let at = root.prio_tree_node;
  for (let depth: u32 = 0; at !== null && at.last >= start; depth++) {
    if (at.start === start) return at;
    at = bit(start, depth) ? at.right : at.left;
  }
  return null;
}
