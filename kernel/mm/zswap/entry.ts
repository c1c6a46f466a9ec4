// zswap's entries: for each page that it has, where its bytes are; a tree of them by offset for each swap device.
//
// Locks: tree.lock: the tree, and each entry's refcount, which is a plain number for that reason. Order: p->lock of the device (a slot that
//   becomes free) -> tree.lock -> zbud_pool.lock. Not taken in interrupts; nothing under it sleeps.
// Lifetime of an entry: the tree holds one reference, whoever loads it or writes it back another. What happens at the end is the design's
//   (refs.ts; pos.ts for z3): the races of this file's readers are all about that. offset, length and handle never change.
// Lifetime of a tree: made when its device is first announced, kept for good.
// kmemleak: entries are slab objects, found from zswap_trees through the nodes, which are their first field. What zbud has are pages of the
//   page allocator, which kmemleak neither tracks nor scans: of an entry that is lost it reports the entry, not the bytes.

import { CONFIG, ZSWAP } from "config";
import { atomic_dec, atomic_inc, atomic_t } from "../../lib/atomic.ts";
import { EEXIST } from "../../lib/errno.ts";
import { RB_CLEAR_NODE, RB_EMPTY_NODE, rb_erase, rb_insert_color, rb_link_node, rb_node, rb_root } from "../../lib/rbtree.ts";
import { spinlock_t } from "../../locking/spinlock.ts";
import { kmem_cache, kmem_cache_alloc, kmem_cache_create, kmem_cache_free } from "../slab.ts";
import { MAX_SWAPFILES } from "../swap/entry.ts";
import { ZSWAP_POOL } from "./pos.ts";
import { zswap_stats } from "./stats.ts";
import { zbud_free, zbud_get_pool_size, zbud_pool } from "./zbud.ts";

/** Who works on an entry says so by a state that is changed by compare-and-swap, instead of by a reference. */
export const CAS: boolean = CONFIG.zswap.design === ZSWAP.z3;
/** The repairs: a node knows whether it is in the tree. */
const NODES_KNOW: boolean = !CAS && CONFIG.zswap.design !== ZSWAP.z0 && CONFIG.zswap.design !== ZSWAP.z1;

export class zswap_entry {
  readonly rbnode = new rb_node();
  offset: u32;
  /** References; plain: only under tree.lock. */
  refcount: i32;
  /** z3: ZSWAP_* of pos.ts, atomic. */
  pos: u32;
  /** Compressed bytes, without the header before them. */
  length: u32;
  /** zbud's. */
  handle: usize;
}

export class zswap_tree {
  readonly rbroot = new rb_root();
  readonly lock = new spinlock_t();
  pool: zbud_pool;
}

/** First bytes of what zbud keeps: whose they are, for who evicts them. */
export class zswap_header {
  swpentry: u32;
}

/** By type; null before the device is announced. Written once each. */
export const zswap_trees = new FixedArray<zswap_tree | null>(MAX_SWAPFILES);
let zswap_entry_cache: kmem_cache | null = null;
/** Entries that are allocated: those of the trees, those being stored, and those that are lost. */
export const zswap_entries = new atomic_t();

/** At boot. False: no memory. @may_sleep */
export function zswap_entry_cache_create(): boolean {
  zswap_entry_cache = kmem_cache_create("zswap_entry", sizeof<zswap_entry>(), 0, 0, null);
  return zswap_entry_cache !== null;
}

/** An entry with one reference; null: no memory. @may_sleep_if gfp __GFP_WAIT */
export function zswap_entry_cache_alloc(gfp: u32): zswap_entry | null {
  const memory = kmem_cache_alloc(zswap_entry_cache!, gfp);
  if (memory === 0) return null;
  const entry = cast<zswap_entry>(memory);
  RB_CLEAR_NODE(entry.rbnode);
  entry.refcount = 1;
  entry.pos = ZSWAP_POOL;
  atomic_inc(zswap_entries);
  return entry;
}

export function zswap_entry_cache_free(entry: zswap_entry): void {
  atomic_dec(zswap_entries);
  kmem_cache_free(zswap_entry_cache!, addr(entry));
}

/** The entry and its bytes; it is in no tree. Any lock of the order above may be held. */
export function zswap_free_entry(tree: zswap_tree, entry: zswap_entry): void {
  "noinline";
  zbud_free(tree.pool, entry.handle);
  zswap_entry_cache_free(entry);
  atomic_dec(zswap_stats.stored_pages);
  data_race((zswap_stats.pool_pages = zbud_get_pool_size(tree.pool)));
}

/** Called with tree.lock held. */
export function zswap_rb_search(root: rb_root, offset: u32): zswap_entry | null {
  let node = root.rb_node;
  while (node !== null) {
    const entry = containerOf(zswap_entry, "rbnode", node);
    if (entry.offset > offset) node = node.rb_left;
    else if (entry.offset < offset) node = node.rb_right;
    else return entry;
  }
  return null;
}

/** 0, or -EEXIST: the offset has an entry, which is dupentry[0]. Called with tree.lock held. */
export function zswap_rb_insert(root: rb_root, entry: zswap_entry, dupentry: Ptr<zswap_entry | null>): i32 {
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(root.rb_node);
  for (let node = root.rb_node; node !== null; node = link[0]) {
    parent = node;
    const other = containerOf(zswap_entry, "rbnode", node);
    if (other.offset === entry.offset) {
      dupentry[0] = other;
      return -EEXIST;
    }
    link = other.offset > entry.offset ? addressOf(node.rb_left) : addressOf(node.rb_right);
  }
  rb_link_node(entry.rbnode, parent, link);
  rb_insert_color(entry.rbnode, root);
  return 0;
}

/** Out of the tree; from z2a on one that is not in it is left alone. Called with tree.lock held. */
export function zswap_rb_erase(root: rb_root, entry: zswap_entry): void {
  if (NODES_KNOW && RB_EMPTY_NODE(entry.rbnode)) return;
  rb_erase(entry.rbnode, root);
  RB_CLEAR_NODE(entry.rbnode);
}
