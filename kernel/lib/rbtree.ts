// Red-black trees: the caller searches, rb_link_node and rb_insert_color insert, rb_erase removes. The forms `_watched` tell the caller of
// each rotation, for what he keeps about who stands above whom; that rb_erase puts a node's successor in its place he sees himself.
//
// Rules kept: a red node has black children; every path from a node to a leaf passes as many black nodes; the root is
// black. So the longest path is at most twice the shortest.
// A node keeps its parent's address and its colour in one word (nodes are word aligned; bit 0 set means black).
// Locks: none here; readers and writers exclude each other with the tree's own lock. Child links are written one at a time, whole, and
// in an order that leads no search astray for ever: who searches without the lock, inside an RCU read section, ends, and what it finds
// is right; but rotations and the erasure of a node with two children hide live nodes from it (docs/kernel/kmemleak.md), so that
// finding nothing proves nothing.

const RB_RED = 0;
const RB_BLACK = 1;

export class rb_node {
  __rb_parent_color: usize;
  rb_right: rb_node | null;
  rb_left: rb_node | null;
}

export class rb_root {
  rb_node: rb_node | null = null;
}

/** After a rotation: `down` was above `up`, and is below it now. */
export type rb_rotation = (down: rb_node, up: rb_node) => void;

function nobody_watches(_down: rb_node, _up: rb_node): void {}

export function rb_parent(node: rb_node): rb_node | null {
  "inline";
  return castOrNull<rb_node>(node.__rb_parent_color & ~3);
}

function is_red(node: rb_node): boolean {
  "inline";
  return (node.__rb_parent_color & RB_BLACK) === RB_RED;
}

function is_black_or_leaf(node: rb_node | null): boolean {
  "inline";
  return node === null || (node.__rb_parent_color & RB_BLACK) !== RB_RED;
}

function set_parent_color(node: rb_node, parent: rb_node | null, color: u32): void {
  "inline";
  node.__rb_parent_color = addr(parent) | color;
}

function set_parent(node: rb_node, parent: rb_node | null): void {
  "inline";
  node.__rb_parent_color = addr(parent) | (node.__rb_parent_color & RB_BLACK);
}

function set_black(node: rb_node): void {
  "inline";
  node.__rb_parent_color |= RB_BLACK;
}

function set_red(node: rb_node): void {
  "inline";
  node.__rb_parent_color &= ~RB_BLACK;
}

/** Hang `node`, red, at `link`: a child field of `parent`, or the root's field when `parent` is null. */
export function rb_link_node(node: rb_node, parent: rb_node | null, link: Ptr<rb_node | null>): void {
  "inline";
  node.__rb_parent_color = addr(parent);
  node.rb_left = null;
  node.rb_right = null;
  link[0] = node;
}

/** As rb_link_node, where RCU readers search: they find the node complete. */
export function rb_link_node_rcu(node: rb_node, parent: rb_node | null, link: Ptr<rb_node | null>): void {
  "inline";
  node.__rb_parent_color = addr(parent);
  node.rb_left = null;
  node.rb_right = null;
  fence("rw", "w");
  WRITE_ONCE(link[0], node);
}

/** The node says that it is in no tree: its own parent. Only who says so can ask RB_EMPTY_NODE. */
export function RB_CLEAR_NODE(node: rb_node): void {
  "inline";
  node.__rb_parent_color = addr(node);
}

export function RB_EMPTY_NODE(node: rb_node): boolean {
  "inline";
  return node.__rb_parent_color === addr(node);
}

/** Put `now` where `old` hangs. */
function replace_child(root: rb_root, parent: rb_node | null, old: rb_node, now: rb_node | null): void {
  "inline";
  if (parent === null) {
    WRITE_ONCE(root.rb_node, now);
    return;
  }
  const left: boolean = parent.rb_left === old;
  if (left) WRITE_ONCE(parent.rb_left, now);
  else WRITE_ONCE(parent.rb_right, now);
}

/**
 *     node              child
 *    /    \            /     \
 *   a    child   ->  node     c
 *        /   \       /  \
 *       b     c     a    b        colours stay with the nodes
 */
function rotate_left(root: rb_root, node: rb_node, rotated: rb_rotation): void {
  const up = rb_parent(node);
  const child = node.rb_right!;
  const inner = child.rb_left;
  WRITE_ONCE(node.rb_right, inner);
  if (inner !== null) set_parent(inner, node);
  WRITE_ONCE(child.rb_left, node);
  set_parent(child, up);
  replace_child(root, up, node, child);
  set_parent(node, child);
  rotated(node, child);
}

/** The mirror image of rotate_left. */
function rotate_right(root: rb_root, node: rb_node, rotated: rb_rotation): void {
  const up = rb_parent(node);
  const child = node.rb_left!;
  const inner = child.rb_right;
  WRITE_ONCE(node.rb_left, inner);
  if (inner !== null) set_parent(inner, node);
  WRITE_ONCE(child.rb_right, node);
  set_parent(child, up);
  replace_child(root, up, node, child);
  set_parent(node, child);
  rotated(node, child);
}

/** Restore the rules after rb_link_node: only "a red node has black children" can be broken, at `inserted`. */
export function rb_insert_color(node: rb_node, root: rb_root): void {
  rb_insert_watched(node, root, nobody_watches);
}

export function rb_insert_watched(inserted: rb_node, root: rb_root, rotated: rb_rotation): void {
  let node = inserted;
  for (;;) {
    let parent = rb_parent(node);
    if (parent === null || !is_red(parent)) break;
    // A red parent is not the root, so there is a grandparent.
    const gparent = rb_parent(parent)!;
    const left = gparent.rb_left === parent;
    const uncle = left ? gparent.rb_right : gparent.rb_left;
    if (uncle !== null && is_red(uncle)) {
      // Both children of the grandparent are red: push its blackness down and go on from there.
      set_black(uncle);
      set_black(parent);
      set_red(gparent);
      node = gparent;
      continue;
    }
    if (left) {
      if (parent.rb_right === node) {
        // An inner grandchild first becomes an outer one.
        rotate_left(root, parent, rotated);
        parent = node;
      }
      set_black(parent);
      set_red(gparent);
      rotate_right(root, gparent, rotated);
    } else {
      if (parent.rb_left === node) {
        rotate_right(root, parent, rotated);
        parent = node;
      }
      set_black(parent);
      set_red(gparent);
      rotate_left(root, gparent, rotated);
    }
    break;
  }
  const top = root.rb_node;
  if (top !== null) set_black(top);
}

export function rb_erase(node: rb_node, root: rb_root): void {
  rb_erase_watched(node, root, nobody_watches);
}

export function rb_erase_watched(node: rb_node, root: rb_root, rotated: rb_rotation): void {
  let parent: rb_node | null = rb_parent(node);
  let child: rb_node | null = null;
  let lost_black = !is_red(node);

  if (node.rb_left === null || node.rb_right === null) {
    child = node.rb_left === null ? node.rb_right : node.rb_left;
    replace_child(root, parent, node, child);
    if (child !== null) set_parent(child, parent);
  } else {
    // Two children: the successor, which has no left child, takes the node's place and colour.
    let next = node.rb_right!;
    for (let left = next.rb_left; left !== null; left = next.rb_left) next = left;
    child = next.rb_right;
    lost_black = !is_red(next);
    const next_parent = rb_parent(next)!;
    if (next_parent === node) {
      parent = next;
    } else {
      parent = next_parent;
      WRITE_ONCE(next_parent.rb_left, child);
      if (child !== null) set_parent(child, next_parent);
      WRITE_ONCE(next.rb_right, node.rb_right);
      set_parent(node.rb_right!, next);
    }
    WRITE_ONCE(next.rb_left, node.rb_left);
    set_parent(node.rb_left!, next);
    next.__rb_parent_color = node.__rb_parent_color;
    replace_child(root, rb_parent(node), node, next);
  }
  if (lost_black) erase_color(child, parent, root, rotated);
}

/** The paths through `start` (a child of `above`, perhaps a leaf) are one black node short. */
function erase_color(start: rb_node | null, above: rb_node | null, root: rb_root, rotated: rb_rotation): void {
  let node = start;
  let parent = above;
  while (is_black_or_leaf(node) && node !== root.rb_node && parent !== null) {
    const left = parent.rb_left === node;
    // The sibling's side has a black node more than ours, so there is a sibling.
    let sibling = (left ? parent.rb_right : parent.rb_left)!;
    if (is_red(sibling)) {
      set_black(sibling);
      set_red(parent);
      if (left) rotate_left(root, parent, rotated);
      else rotate_right(root, parent, rotated);
      sibling = (left ? parent.rb_right : parent.rb_left)!;
    }
    if (is_black_or_leaf(sibling.rb_left) && is_black_or_leaf(sibling.rb_right)) {
      // Take a black node from the sibling's side too and go on above.
      set_red(sibling);
      node = parent;
      parent = rb_parent(node);
      continue;
    }
    const outer = left ? sibling.rb_right : sibling.rb_left;
    if (is_black_or_leaf(outer)) {
      const inner = (left ? sibling.rb_left : sibling.rb_right)!;
      set_black(inner);
      set_red(sibling);
      if (left) rotate_right(root, sibling, rotated);
      else rotate_left(root, sibling, rotated);
      sibling = inner;
    }
    set_parent_color(sibling, rb_parent(sibling), parent.__rb_parent_color & RB_BLACK);
    set_black(parent);
    set_black((left ? sibling.rb_right : sibling.rb_left)!);
    if (left) rotate_left(root, parent, rotated);
    else rotate_right(root, parent, rotated);
    node = root.rb_node;
    break;
  }
  if (node !== null) set_black(node);
}

/** The smallest node, or null in an empty tree. */
export function rb_first(root: rb_root): rb_node | null {
  let node = root.rb_node;
  if (node === null) return null;
  for (let left = node.rb_left; left !== null; left = node.rb_left) node = left;
  return node;
}

/** The next larger node, or null. */
export function rb_next(start: rb_node): rb_node | null {
  let node = start;
  const right = node.rb_right;
  if (right !== null) {
    node = right;
    for (let left = node.rb_left; left !== null; left = node.rb_left) node = left;
    return node;
  }
  for (;;) {
    const parent = rb_parent(node);
    if (parent === null || parent.rb_right !== node) return parent;
    node = parent;
  }
}

/** The next smaller node, or null. */
export function rb_prev(start: rb_node): rb_node | null {
  let node = start;
  const left = node.rb_left;
  if (left !== null) {
    node = left;
    for (let right = node.rb_right; right !== null; right = node.rb_right) node = right;
    return node;
  }
  for (;;) {
    const parent = rb_parent(node);
    if (parent === null || parent.rb_left !== node) return parent;
    node = parent;
  }
}
