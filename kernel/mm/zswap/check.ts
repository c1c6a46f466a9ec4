// What must be true of zswap when nobody uses it: for tests, and for what a scenario checks at its end.
//
//   every entry that is allocated is in a tree, and stored_pages is their number     else one is lost: nobody can free it any more
//   its refcount is 1, or its state POOL                                             else somebody has forgotten to let go
//   zbud's lists and counts agree                                                    (zbud.ts)
// Each complaint is a line that begins with BUG, so that it is a finding.

import { atomic_read } from "../../lib/atomic.ts";
import { pr_err } from "../../lib/printk.ts";
import { rb_first, rb_next } from "../../lib/rbtree.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { MAX_SWAPFILES } from "../swap/entry.ts";
import { CAS, zswap_entries, zswap_entry, zswap_tree, zswap_trees } from "./entry.ts";
import { ZSWAP_POOL, zswap_pos_name } from "./pos.ts";
import { zswap_stats } from "./stats.ts";
import { zbud_pool_is_sound } from "./zbud.ts";

let complaints: u32 = 0;

function check_entry(entry: zswap_entry): void {
  if (CAS && entry.pos !== ZSWAP_POOL) {
    pr_err("BUG: zswap: the entry of offset %u is in state %s, and nobody uses it\n", entry.offset, zswap_pos_name(entry.pos));
    complaints += 1;
  }
  if (!CAS && entry.refcount !== 1) {
    pr_err("BUG: zswap: the entry of offset %u has %d references, and nobody uses it\n", entry.offset, entry.refcount);
    complaints += 1;
  }
}

/** Entries of the tree. */
function check_tree(tree: zswap_tree): u32 {
  let nodes: u32 = 0;
  spin_lock(tree.lock);
  for (let node = rb_first(tree.rbroot); node !== null; node = rb_next(node)) {
    check_entry(containerOf(zswap_entry, "rbnode", node));
    nodes += 1;
  }
  spin_unlock(tree.lock);
  if (zbud_pool_is_sound(tree.pool)) return nodes;
  pr_err("BUG: zbud: lists and counts of a pool contradict each other\n");
  complaints += 1;
  return nodes;
}

/** Entries of all trees; 0 before any device is used. */
export function zswap_tree_nodes(): u32 {
  let nodes: u32 = 0;
  for (let type: u32 = 0; type < MAX_SWAPFILES; type++) {
    const tree = zswap_trees[type];
    if (tree !== null) nodes += check_tree(tree);
  }
  return nodes;
}

/** Nobody uses zswap meanwhile. How many complaints it has made. */
export function zswap_check(): u32 {
  complaints = 0;
  const nodes = zswap_tree_nodes();
  const stored = atomic_read(zswap_stats.stored_pages);
  const entries = atomic_read(zswap_entries);
  if (stored !== i32(nodes)) {
    pr_err("BUG: zswap: stored_pages is %d, and the trees have %u entries\n", stored, nodes);
    complaints += 1;
  }
  if (entries !== i32(nodes)) {
    pr_err("BUG: zswap: %d entries are allocated, and the trees have %u\n", entries, nodes);
    complaints += 1;
  }
  return complaints;
}
