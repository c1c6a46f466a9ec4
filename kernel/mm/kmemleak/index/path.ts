// index=path-copy (V4c): a tree that is never changed. Who enters or leaves an interval copies the nodes from the root down to it and shows the
// copy by one store; a reader takes the root once and searches what was there then: it waits for nobody and never looks again.
//
//   reader: node = root                      writer: copies of the nodes on the way, their other children shared; root = copy
//   the replaced nodes stay as they are until a grace period has ended (readers are in an RCU read section)
// A treap: order by start, and above whom the hash of its start says, so that splitting and joining touch one way down. Expected length of a way
// some 1.4 log2(n).
//
// Copying needs memory, and who leaves is in the free hook, with an allocator's locks held: he may not allocate. So there is a stock of nodes, which
// those who enter fill up before they take the lock (path_stock), to STOCK. When it is too low for a removal, the interval is marked as left,
// which lookups see, and keeps its place and a reference to its object until nodes are back (path_remove). Who enters clears those away first.
// Locks: kmemleak_lock for stock, lists and writing the root. Lifetime: nodes come from a cache of their own and go back to the stock
//   after a grace period, what is more than STOCK to the cache.
// Limits: each change replaces a way of nodes, which cannot be used again until a grace period has ended.

import { BUG_ON, panic } from "../../../lib/bug.ts";
import { rb_node } from "../../../lib/rbtree.ts";
import { call_rcu, rcu_head } from "../../../rcu/rcu.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../../gfp.ts";
import { kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free, SLAB_NOLEAKTRACE } from "../../slab.ts";
import { index_write_lock, index_write_unlock } from "../lock.ts";
import { get_object, kmemleak_object, put_object } from "../object.ts";
import { rb_interval } from "./rb.ts";

/** Nodes in stock when nobody changes anything: more than the longest way that a change may copy. */
const STOCK = 128;

class path_node {
  left: path_node | null;
  right: path_node | null;
  start: usize;
  last: usize;
  it: rb_interval;
  /** In the stock, or among those that were replaced; readers do not look at it. */
  next: path_node | null;
}

let node_cache: kmem_cache | null = null;
let root: path_node | null = null;
// Under kmemleak_lock.
let stock: path_node | null = null;
let stocked: u32 = 0;
/** Replaced since the callback was asked for that waits now; and before. */
let replaced: path_node | null = null;
let waiting: path_node | null = null;
const grace = new rcu_head();
let grace_asked: boolean = false;
let changed: boolean = false;
/** Nodes of intervals that have left but stand in the tree, linked by rb_left. */
let leaving: rb_node | null = null;
/** The root to be. */
let top: path_node | null = null;

/** Of an interval that has left but stands in the tree. */
const LEFT = 1;

function has_left(it: rb_interval): boolean {
  "inline";
  return READ_ONCE(it.rb.__rb_parent_color) === LEFT;
}

/** An interval's node in the index lies behind its object. */
function object_of(it: rb_interval): kmemleak_object {
  "inline";
  return cast<kmemleak_object>(addr(it) - sizeof<kmemleak_object>());
}

function above(a: path_node, start: usize): boolean {
  "inline";
  return a.start * 0x9e37_79b1 >= start * 0x9e37_79b1;
}

export function path_init(): void {
  node_cache = kmem_cache_create("kmemleak_path_node", sizeof<path_node>(), 0, SLAB_NOLEAKTRACE, null);
  if (node_cache === null || !path_stock(GFP_KERNEL)) panic("kmemleak: no memory for its index");
}

// ---- the stock ----

function put_in_stock(first: path_node | null): void {
  let node = first;
  while (node !== null) {
    const next = node.next;
    node.next = stock;
    stock = node;
    stocked++;
    node = next;
  }
}

/** Fills the stock up. Called without kmemleak_lock. False: no memory. */
export function path_stock(gfp: u32): boolean {
  const missing = i32(STOCK - READ_ONCE(stocked));
  if (missing <= 0) return true;
  let made: path_node | null = null;
  let enough = true;
  for (let n: i32 = 0; n < missing && enough; n++) {
    const node = castOrNull<path_node>(kmem_cache_alloc(node_cache!, gfp & (GFP_KERNEL | GFP_ATOMIC)));
    if (node === null) {
      enough = false;
    } else {
      node.next = made;
      made = node;
    }
  }
  const flags = index_write_lock();
  put_in_stock(made);
  index_write_unlock(flags);
  return enough;
}

/** What is more than STOCK, taken out. */
function surplus(): path_node | null {
  let out: path_node | null = null;
  while (stocked > STOCK) {
    const node = stock!;
    stock = node.next;
    stocked--;
    node.next = out;
    out = node;
  }
  return out;
}

/** Called under kmemleak_lock: readers who may see what is replaced now are waited for. */
function ask_for_grace(): void {
  if (grace_asked) return;
  grace_asked = true;
  changed = false;
  waiting = replaced;
  replaced = null;
  call_rcu(grace, grace_over);
}

/** @atomic */
function grace_over(_head: rcu_head): void {
  const flags = index_write_lock();
  put_in_stock(waiting);
  waiting = null;
  clear_away();
  let node = surplus();
  grace_asked = false;
  if (changed || replaced !== null) ask_for_grace();
  index_write_unlock(flags);
  while (node !== null) {
    const next = node.next;
    kmem_cache_free(node_cache!, addr(node));
    node = next;
  }
  // Without memory now, whoever enters next tries again.
  path_stock(GFP_ATOMIC);
}

// ---- changes: called under kmemleak_lock ----

/** A copy from the stock, which has enough; the node will be free one day. */
function copy(node: path_node): path_node {
  const to = stock!;
  stock = to.next;
  stocked--;
  to.left = node.left;
  to.right = node.right;
  to.start = node.start;
  to.last = node.last;
  to.it = node.it;
  node.next = replaced;
  replaced = node;
  return to;
}

function show(): void {
  fence("rw", "w");
  WRITE_ONCE(root, top);
  changed = true;
  ask_for_grace();
}

/** Copies that entering at `start` makes, and the new node. */
function nodes_to_enter(start: usize): u32 {
  let count: u32 = 1;
  for (let node = root; node !== null; node = start < node.start ? node.left : node.right) count++;
  return count;
}

function enter(it: rb_interval): void {
  let link: Ptr<path_node | null> = addressOf(top);
  let node = root;
  while (node !== null && above(node, it.start)) {
    const to = copy(node);
    link[0] = to;
    link = it.start < to.start ? addressOf(to.left) : addressOf(to.right);
    node = link[0];
  }
  const fresh = stock!;
  stock = fresh.next;
  stocked--;
  fresh.start = it.start;
  fresh.last = it.last;
  fresh.it = it;
  link[0] = fresh;
  // What is below is split: all of it begins before the interval, or behind.
  let left: Ptr<path_node | null> = addressOf(fresh.left);
  let right: Ptr<path_node | null> = addressOf(fresh.right);
  while (node !== null) {
    const to = copy(node);
    if (to.start < it.start) {
      left[0] = to;
      left = addressOf(to.right);
      node = to.right;
    } else {
      right[0] = to;
      right = addressOf(to.left);
      node = to.left;
    }
  }
  left[0] = null;
  right[0] = null;
  show();
}

/** Copies that taking `it` out makes. */
function nodes_to_leave(it: rb_interval): u32 {
  let count: u32 = 0;
  let node = root!;
  for (; node.it !== it; node = (it.start < node.start ? node.left : node.right)!) count++;
  for (let side = node.left; side !== null; side = side.right) count++;
  for (let side = node.right; side !== null; side = side.left) count++;
  return count;
}

function leave(it: rb_interval): void {
  let link: Ptr<path_node | null> = addressOf(top);
  let node = root!;
  while (node.it !== it) {
    const to = copy(node);
    link[0] = to;
    link = it.start < to.start ? addressOf(to.left) : addressOf(to.right);
    node = link[0]!;
  }
  // Its two sides are joined.
  let left = node.left;
  let right = node.right;
  while (left !== null && right !== null) {
    if (above(left, right.start)) {
      const to = copy(left);
      link[0] = to;
      link = addressOf(to.right);
      left = to.right;
    } else {
      const to = copy(right);
      link[0] = to;
      link = addressOf(to.left);
      right = to.left;
    }
  }
  link[0] = left === null ? right : left;
  node.next = replaced;
  replaced = node;
  show();
}

/** Takes out what has left, as far as the stock lasts. */
function clear_away(): void {
  for (;;) {
    const node = leaving;
    if (node === null) return;
    const it = containerOf(rb_interval, "rb", node);
    if (nodes_to_leave(it) > stocked) return;
    leaving = node.rb_left;
    leave(it);
    put_object(object_of(it));
  }
}

/** Nobody is about to leave any more, and the stock lasts for an interval that begins at `start`. Else: fill it up, and ask again. */
export function path_ready(start: usize): boolean {
  clear_away();
  return leaving === null && nodes_to_enter(start) <= stocked;
}

/** Enters `it`, after path_ready. Returns one that it overlaps, or null. */
export function path_insert(it: rb_interval): rb_interval | null {
  const existing = path_stab(it.last);
  if (existing !== null) return existing;
  const before = last_before(it.last);
  if (before !== null && before.last >= it.start) return before.it;
  it.rb.__rb_parent_color = 0;
  enter(it);
  return null;
}

export function path_remove(it: rb_interval): void {
  if (nodes_to_leave(it) <= stocked) {
    leave(it);
    return;
  }
  WRITE_ONCE(it.rb.__rb_parent_color, LEFT);
  BUG_ON(!get_object(object_of(it)));
  it.rb.rb_left = leaving;
  leaving = it.rb;
}

// ---- queries: called under kmemleak_lock, or in an RCU read section ----

function last_before(key: usize): path_node | null {
  "inline";
  let before: path_node | null = null;
  for (let node = READ_ONCE(root); node !== null; ) {
    if (key < node.start) {
      node = node.left;
    } else {
      before = node;
      node = node.right;
    }
  }
  return before;
}

/** The interval that holds `key`, or null. */
export function path_stab(key: usize): rb_interval | null {
  const node = last_before(key);
  return node === null || key > node.last || has_left(node.it) ? null : node.it;
}
