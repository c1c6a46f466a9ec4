// Which tracked block holds an address? The index of kmemleak by design (lock.ts says who excludes whom).
//
// Keys: the index holds for an address the same order (all blocks lie in the upper half), but no address. Every walk of it has keys
// of other blocks in its registers, an interrupt puts those on a stack, and the stack is a root.
// The node of an object lies right behind it, so that a design pays for its own node alone.

import { COUNT_HIDDEN, KM19, LATCH } from "../design.ts";
import { kmemleak_object } from "../object.ts";
import { rb_interval, rb_interval_stab } from "./rb.ts";
import { interval_find, interval_insert, interval_node, interval_remove, interval_root, interval_stab } from "./treap.ts";
import { tree, versioned_insert, versioned_remove, versioned_stab } from "./versions.ts";

export const INDEX_NODE_SIZE: u32 = LATCH ? 2 * sizeof<rb_interval>() : KM19 ? sizeof<rb_interval>() : sizeof<interval_node>();

const treap = new interval_root();
/** Under kmemleak_lock; COUNT_HIDDEN. */
let changes: u32 = 0;

/** How often the index has changed. */
export function index_changes(): u32 {
  return READ_ONCE(changes);
}

function index_key(address: usize): usize {
  "inline";
  return address ^ 0x8000_0000;
}

function node_address(object: kmemleak_object): usize {
  "inline";
  return addr(object) + sizeof<kmemleak_object>();
}

function object_of(node: usize): kmemleak_object | null {
  "inline";
  return node === 0 ? null : cast<kmemleak_object>(node - sizeof<kmemleak_object>());
}

function object_at(node: rb_interval | null, key: usize, alias: boolean): kmemleak_object | null {
  "inline";
  return node === null || (!alias && node.start !== key) ? null : object_of(addr(node));
}

/** The object whose block holds `ptr` (alias) or begins there. Called with kmemleak_lock held. */
export function index_lookup(ptr: usize, alias: boolean): kmemleak_object | null {
  "inline";
  const key = index_key(ptr);
  if (!KM19) return object_of(addr(alias ? interval_stab(treap, key) : interval_find(treap, key)));
  return object_at(rb_interval_stab(tree, key), key, alias);
}

/** As index_lookup, without the lock: what is returned may have left the index meanwhile. Called in an RCU read section. */
export function index_lookup_rcu(ptr: usize, alias: boolean): kmemleak_object | null {
  "inline";
  const key = index_key(ptr);
  return object_at(versioned_stab(key), key, alias);
}

/** Enters an object that is complete. What it would overlap, or in the designs of 2008 equal, is returned, and nothing entered. */
export function index_insert(object: kmemleak_object): kmemleak_object | null {
  const start = index_key(object.pointer);
  const last = index_key(object.pointer + object.size - 1);
  if (KM19) {
    const node = cast<rb_interval>(node_address(object));
    node.start = start;
    node.last = last;
    const existing = object_of(addr(versioned_insert(node)));
    if (COUNT_HIDDEN) {
      object.born = changes + 1;
      WRITE_ONCE(changes, changes + 1);
    }
    return existing;
  }
  const node = cast<interval_node>(node_address(object));
  node.start = start;
  node.last = last;
  return object_of(addr(interval_insert(treap, node)));
}

export function index_remove(object: kmemleak_object): void {
  if (COUNT_HIDDEN) WRITE_ONCE(changes, changes + 1);
  if (KM19) versioned_remove(cast<rb_interval>(node_address(object)));
  else interval_remove(treap, cast<interval_node>(node_address(object)));
}
