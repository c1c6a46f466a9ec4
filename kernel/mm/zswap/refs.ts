// Who frees an entry, by references: what differs between z0, z1, z2a, z2b, z4 and z4-bug. (z3 has states instead: pos.ts.)
//
//   design   put                                          writeback has succeeded                     writeback has failed
//   z0       the count; who put looks and frees           put twice; >= 0: unlink; <= 0: free         put, and that is all: the leak
//   z1       "                                            "                                           put; <= 0: free, and say success
//   z2a      frees at <= 0, unlinks what knows it is in   put; left > 0: unlink, put: "left" is       put; left > 0: EAGAIN, else success
//                                                         taken for "in the tree"
//   z2b, z4  frees and unlinks at 0, below is a bug       put; the tree still has this entry: put     put
// z4 looks, once the swap cache has the page and nobody can store to the slot, whether the tree still maps the offset to this very entry
// (writeback.ts); z4-bug does so, too, and forgets to let go of the page.
// zswap.bug=empty-node-check (z2b, z4): asks the node instead of the tree, as a reviewer proposed: put may have freed it.
// All are called with tree.lock held. Sources: Linux 3.11; the patches of 26 September and 14 October 2013; Linux 6.1.

import { CONFIG, ZSWAP, ZSWAP_BUG } from "config";
import { BUG_ON } from "../../lib/bug.ts";
import { EAGAIN } from "../../lib/errno.ts";
import { RB_EMPTY_NODE } from "../../lib/rbtree.ts";
import { spin_lock, spin_unlock } from "../../locking/spinlock.ts";
import { zswap_entry, zswap_free_entry, zswap_rb_erase, zswap_rb_search, zswap_tree } from "./entry.ts";

const design = CONFIG.zswap.design;
const LEAKS: boolean = design === ZSWAP.z0;
/** Who puts looks at the count and frees. */
const CALLER_FREES: boolean = design === ZSWAP.z0 || design === ZSWAP.z1;
const DRAFT: boolean = design === ZSWAP.z2a;
const ASKS_NODE: boolean = CONFIG.zswap.bug === ZSWAP_BUG.empty_node_check;

export function zswap_entry_get(entry: zswap_entry): void {
  "inline";
  entry.refcount += 1;
}

/** What is left; the design frees the entry here, or its caller does (zswap_entry_put_or_free). */
export function zswap_entry_put(tree: zswap_tree, entry: zswap_entry): i32 {
  const refcount = entry.refcount - 1;
  entry.refcount = refcount;
  if (CALLER_FREES) return refcount;
  BUG_ON(!DRAFT && refcount < 0);
  if (refcount <= 0) {
    zswap_rb_erase(tree.rbroot, entry);
    zswap_free_entry(tree, entry);
  }
  return refcount;
}

/** For whoever need not know: put, and in z0 and z1 free when that was the last. */
export function zswap_entry_put_or_free(tree: zswap_tree, entry: zswap_entry): void {
  const refcount = zswap_entry_put(tree, entry);
  if (CALLER_FREES && refcount === 0) zswap_free_entry(tree, entry);
}

/** The entry of an offset, with a reference. */
export function zswap_entry_find_get(tree: zswap_tree, offset: u32): zswap_entry | null {
  const entry = zswap_rb_search(tree.rbroot, offset);
  if (entry !== null) zswap_entry_get(entry);
  return entry;
}

/** Takes an entry that is in the tree out of it, and the tree's reference with it. */
export function zswap_entry_unlink_put(tree: zswap_tree, entry: zswap_entry): void {
  zswap_rb_erase(tree.rbroot, entry);
  zswap_entry_put_or_free(tree, entry);
}

/** The page is on its way to the device: 0, or -EAGAIN: somebody still loads the entry, and will free it. */
function put_written(tree: zswap_tree, entry: zswap_entry, offset: u32): i32 {
  let refcount = zswap_entry_put(tree, entry);
  if (CALLER_FREES) {
    refcount = zswap_entry_put(tree, entry);
    // -1: an invalidation or another store has dropped the tree's reference, and unlinked the entry.
    if (refcount >= 0) zswap_rb_erase(tree.rbroot, entry);
    if (refcount <= 0) zswap_free_entry(tree, entry);
    return refcount <= 0 ? 0 : -EAGAIN;
  }
  if (DRAFT) {
    if (refcount > 0) {
      zswap_rb_erase(tree.rbroot, entry);
      refcount = zswap_entry_put(tree, entry);
    }
    return refcount <= 0 ? 0 : -EAGAIN;
  }
  const linked = ASKS_NODE ? !RB_EMPTY_NODE(entry.rbnode) : zswap_rb_search(tree.rbroot, offset) === entry;
  if (linked) zswap_entry_put(tree, entry);
  return 0;
}

/** What evict answers after a success; takes tree.lock. */
export function zswap_writeback_put(tree: zswap_tree, entry: zswap_entry, offset: u32): i32 {
  "noinline";
  spin_lock(tree.lock);
  const result = put_written(tree, entry, offset);
  spin_unlock(tree.lock);
  return result;
}

/** What evict answers when the page was not written because of `error`; takes tree.lock. */
export function zswap_writeback_fail_put(tree: zswap_tree, entry: zswap_entry, error: i32): i32 {
  "noinline";
  spin_lock(tree.lock);
  const refcount = zswap_entry_put(tree, entry);
  if (CALLER_FREES && !LEAKS && refcount <= 0) zswap_free_entry(tree, entry);
  spin_unlock(tree.lock);
  if (design === ZSWAP.z1) return refcount <= 0 ? 0 : error;
  if (DRAFT) return refcount <= 0 ? 0 : -EAGAIN;
  return error;
}
