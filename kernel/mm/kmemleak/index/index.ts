// Which tracked block holds an address? The index of kmemleak by design (lock.ts says who excludes whom).
//
// Keys: the index holds for an address the same order (all blocks lie in the upper half), but no address. Every walk of it has keys
// of other blocks in its registers, an interrupt puts those on a stack, and the stack is a root.
// The node of an object lies right behind it, so that a design pays for its own node alone.

import { GFP_KERNEL } from "../../gfp.ts";
import { COUNT_HIDDEN, FILTER, FILTER_COUNTS, KM19, LATCH, PATH_COPY } from "../design.ts";
import { index_write_lock, index_write_unlock } from "../lock.ts";
import { kmemleak_object } from "../object.ts";
import { filter_cover, filter_enter, filter_entry, filter_init, filter_leave } from "./filter.ts";
import { VMALLOC_START } from "../../../arch/pgtable.ts";
import { prio_tree_find, prio_tree_insert, prio_tree_node, prio_tree_remove, prio_tree_root, prio_tree_stab } from "../../../lib/prio_tree.ts";
import { rb_node } from "../../../lib/rbtree.ts";
import { path_init, path_ready, path_stab, path_stock } from "./path.ts";
import { rb_interval, rb_interval_stab, rb_interval_stab_from } from "./rb.ts";
import { tree, versioned_insert, versioned_remove, versioned_stab } from "./versions.ts";

export const INDEX_NODE_SIZE: u32 = LATCH ? 2 * sizeof<rb_interval>() : KM19 ? sizeof<rb_interval>() : sizeof<prio_tree_node>();

/** The designs of 2008. */
const object_tree_root = new prio_tree_root();
/** Under kmemleak_lock; COUNT_HIDDEN. */
let changes: u32 = 0;

/** How often the index has changed. */
export function index_changes(): u32 {
  return READ_ONCE(changes);
}

/** The distance of an address from the upper half: index_key(a) + n is index_key(a + n). */
export function index_key(address: usize): usize {
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
  if (!KM19) return object_of(addr(alias ? prio_tree_stab(object_tree_root, key) : prio_tree_find(object_tree_root, key)));
  return object_at(PATH_COPY ? path_stab(key) : rb_interval_stab(tree, key), key, alias);
}

/** Where searches begin, or null when nothing is tracked. Called with kmemleak_lock held; KM19. */
export function index_top(): rb_node | null {
  "inline";
  return tree.rb_node;
}

/** As index_lookup of any byte of a block by its key, from index_top() or what an entry names, with the lock held since. */
export function index_lookup_from(top: rb_node, key: usize): kmemleak_object | null {
  "inline";
  return object_of(addr(rb_interval_stab_from(top, key)));
}

/** FILTER: the entry for the page of a key; 0: no tracked block touches it. Else, with the lock held and FILTER_NODES, where searches begin. */
export function index_entry(key: usize): Ptr<usize> {
  "inline";
  return filter_entry(key);
}

/** Before anything is tracked. False: no memory. */
export function index_init(first: usize, end: usize): boolean {
  if (PATH_COPY) path_init();
  if (!FILTER) return true;
  // Where blocks will be, so that few tables are missed later: memory, and the first of vmalloc's regions.
  return filter_init() && index_cover(first, end - first, GFP_KERNEL) && index_cover(VMALLOC_START, 1, GFP_KERNEL);
}

/** What the filter needs before a block of [ptr, ptr + size) enters the index. False: no memory. */
export function index_cover(ptr: usize, size: usize, gfp: u32): boolean {
  "inline";
  return !FILTER || filter_cover(index_key(ptr), index_key(ptr + size - 1), gfp);
}

/** What index_lock_for returns in place of flags: there is no memory, and the lock is not held. */
export const NOT_LOCKED: u32 = 0xffff_ffff;

/** Takes kmemleak_lock for writing, with the index ready for index_insert(object). */
export function index_lock_for(object: kmemleak_object, gfp: u32): u32 {
  "inline";
  if (!index_cover(object.pointer, object.size, gfp)) return NOT_LOCKED;
  for (;;) {
    if (PATH_COPY && !path_stock(gfp)) return NOT_LOCKED;
    const flags = index_write_lock();
    if (!PATH_COPY || path_ready(index_key(object.pointer))) return flags;
    index_write_unlock(flags);
  }
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
    if (FILTER_COUNTS) filter_enter(node);
    const existing = object_of(addr(versioned_insert(node)));
    if (FILTER_COUNTS && existing !== null) filter_leave(node);
    if (COUNT_HIDDEN) {
      object.born = changes + 1;
      WRITE_ONCE(changes, changes + 1);
    }
    return existing;
  }
  const node = cast<prio_tree_node>(node_address(object));
  node.start = start;
  node.last = last;
  const there = prio_tree_insert(object_tree_root, node);
  return there === node ? null : object_of(addr(there));
}

export function index_remove(object: kmemleak_object): void {
  if (COUNT_HIDDEN) WRITE_ONCE(changes, changes + 1);
  if (!KM19) {
    prio_tree_remove(object_tree_root, cast<prio_tree_node>(node_address(object)));
    return;
  }
  const node = cast<rb_interval>(node_address(object));
  versioned_remove(node);
  if (FILTER_COUNTS) filter_leave(node);
}
