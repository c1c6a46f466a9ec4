// The stabbing index of kmemleak: which tracked interval [start, last] holds an address?
//
// Contract, as the priority search tree of 2008 gave it: an interval with the same start and the same last is refused, any
// other overlap is accepted in silence; a query returns one interval that holds the address. Here: a treap ordered by
// (start, last), each node knowing the largest `last` below it. The heap order comes from a hash of the address, so the shape
// is a function of the contents alone and the expected depth is O(log n).
//
// Locks: none of its own; callers hold object_tree_lock (write to change, read to query).
// Limits: no balance guarantee against an adversary who chooses addresses to collide under the hash.

export class interval_node {
  start: usize;
  /** The last byte that belongs to the interval: start + size - 1. */
  last: usize;
  /** The largest `last` in this subtree, this node included. */
  subtree_last: usize;
  left: interval_node | null;
  right: interval_node | null;
  parent: interval_node | null;
}

export class interval_root {
  node: interval_node | null = null;
}

function priority(node: interval_node): u32 {
  "inline";
  return (node.start ^ (node.last << 7)) * 0x9e37_79b1;
}

function update(node: interval_node): void {
  let last = node.last;
  const left = node.left;
  const right = node.right;
  if (left !== null && left.subtree_last > last) last = left.subtree_last;
  if (right !== null && right.subtree_last > last) last = right.subtree_last;
  node.subtree_last = last;
}

function replace_child(root: interval_root, parent: interval_node | null, old: interval_node, now: interval_node | null): void {
  if (parent === null) root.node = now;
  else if (parent.left === old) parent.left = now;
  else parent.right = now;
}

/** Moves `node` above its parent, which becomes its child; both keep exact subtree_last. */
function rotate_up(root: interval_root, node: interval_node): void {
  const parent = node.parent!;
  const grandparent = parent.parent;
  const on_left = parent.left === node;
  const inner = on_left ? node.right : node.left;
  if (on_left) {
    parent.left = inner;
    node.right = parent;
  } else {
    parent.right = inner;
    node.left = parent;
  }
  if (inner !== null) inner.parent = parent;
  parent.parent = node;
  node.parent = grandparent;
  replace_child(root, grandparent, parent, node);
  update(parent);
  update(node);
}

/** Inserts `node` (start and last set). Returns the identical interval that is there already, or null. */
export function interval_insert(root: interval_root, node: interval_node): interval_node | null {
  let parent: interval_node | null = null;
  let next = root.node;
  let on_left = false;
  while (next !== null) {
    parent = next;
    if (node.start === next.start && node.last === next.last) return next;
    on_left = node.start < next.start || (node.start === next.start && node.last < next.last);
    next = on_left ? next.left : next.right;
  }
  node.left = null;
  node.right = null;
  node.parent = parent;
  node.subtree_last = node.last;
  if (parent === null) root.node = node;
  else if (on_left) parent.left = node;
  else parent.right = node;

  for (let up = parent; up !== null; up = up.parent) {
    if (up.subtree_last >= node.last) break;
    up.subtree_last = node.last;
  }
  const rank = priority(node);
  for (let up = node.parent; up !== null && priority(up) < rank; up = node.parent) rotate_up(root, node);
  return null;
}

export function interval_remove(root: interval_root, node: interval_node): void {
  for (;;) {
    const left = node.left;
    const right = node.right;
    if (left === null && right === null) break;
    if (left === null) rotate_up(root, right!);
    else if (right === null) rotate_up(root, left);
    else rotate_up(root, priority(left) > priority(right) ? left : right);
  }
  const parent = node.parent;
  replace_child(root, parent, node, null);
  for (let up = parent; up !== null; up = up.parent) update(up);
}

/** An interval that holds `address`, or null. */
export function interval_stab(root: interval_root, address: usize): interval_node | null {
  let node = root.node;
  while (node !== null) {
    if (address >= node.start && address <= node.last) return node;
    const left = node.left;
    // If something on the left ends at or behind the address and still does not hold it, it begins behind the address, and
    // so does everything on the right.
    if (left !== null && left.subtree_last >= address) node = left;
    else if (address < node.start) return null;
    else node = node.right;
  }
  return null;
}

/** An interval that begins at `address`, or null. */
export function interval_find(root: interval_root, address: usize): interval_node | null {
  let node = root.node;
  while (node !== null && node.start !== address) node = address < node.start ? node.left : node.right;
  return node;
}
