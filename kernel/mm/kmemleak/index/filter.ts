// kmemleak.filter=page: before a word of a scan is looked up, a table says of its page whether any tracked block touches it, and where in the
// tree such blocks are.
//
//   directory[region of 4 MiB] -> 1024 entries, one a page    regions without a block share one table of zeros
//   entry 0                    no tracked block touches the page
//   entry, index under a lock  the page's node: the highest one in the tree whose block touches the page. Blocks that touch a page are
//                              neighbours in order, so all the others are below it, and a search for an address of the page begins there
//   entry, readers without     how many tracked blocks touch the page
// A search from the page's node takes as many steps as the page has blocks, not as many as the tree has: about their logarithm.
//
// Locks: entries are written under kmemleak_lock. What an entry points to is only looked at under it, too; whether it is 0, without. That is
//   right since an entry that is 0 says: at this moment no block that touches the page is in the index. It is written before a block
//   enters (filter_enter, filter_link) and after it has left (filter_leave, filter_unlink), by one store each, and never 0 in between: whoever
//   reads 0 reads it while no such block is there. A block's owner has its address only after that store, so that whoever finds
//   the address in memory finds the entry (his load depends on the address).
//   kmemleak.bug=filter-clears: the entries of a block's pages are cleared before it goes, and looked for afterwards (kmemleak/filter-race).
// Order of writes: page's nodes follow the tree by rotation (filter_rotated); what rb_erase moves is looked for from the root again.
// Lifetime: tables are made when a block first touches their region, or at the start (filter_init), and stay.
// Limits: a table is 4 KiB for 4 MiB; a block's first and last page cost a search each when it goes, and each page between them a store.

import { PAGE_SHIFT } from "../../../arch/page.ts";
import { rb_next, rb_node, rb_root } from "../../../lib/rbtree.ts";
import { GFP_KERNEL, GFP_ATOMIC } from "../../gfp.ts";
import { free_pages, get_zeroed_page } from "../../page_alloc.ts";
import { FILTER_CLEARS } from "../design.ts";
import { index_write_lock, index_write_unlock } from "../lock.ts";
import { rb_interval } from "./rb.ts";

const REGION_SHIFT = 22;
const REGIONS = 1024;

/** By key, which an address gives (index.ts). */
const directory = new FixedArray<usize>(REGIONS);
/** The table of regions without blocks. */
let nothing: usize = 0;

/** The entry of the page that `key` lies in. */
export function filter_entry(key: usize): Ptr<usize> {
  "inline";
  const table = READ_ONCE(directory[key >>> REGION_SHIFT]);
  return cast<Ptr<usize>>(table + (((key << (32 - REGION_SHIFT)) >>> (32 - REGION_SHIFT + PAGE_SHIFT)) << 2));
}

function entry_of(page: usize): Ptr<usize> {
  "inline";
  return filter_entry(page << PAGE_SHIFT);
}

/** Makes tables for all keys from `start` to `last`. False: no memory. */
export function filter_cover(start: usize, last: usize, gfp: u32): boolean {
  for (let region = start >>> REGION_SHIFT; region <= last >>> REGION_SHIFT; region++) {
    if (READ_ONCE(directory[region]) !== nothing) continue;
    const table = get_zeroed_page(gfp & (GFP_KERNEL | GFP_ATOMIC));
    if (table === 0) return false;
    const flags = index_write_lock();
    const first = directory[region] === nothing;
    if (first) WRITE_ONCE(directory[region], table);
    index_write_unlock(flags);
    // Somebody else was here meanwhile.
    if (!first) free_pages(table, 0);
  }
  return true;
}

/** Called once, before anything is tracked. False: no memory. */
export function filter_init(): boolean {
  nothing = get_zeroed_page(GFP_KERNEL);
  for (let region: u32 = 0; region < REGIONS; region++) directory[region] = nothing;
  return nothing !== 0;
}

// ---- how many ----

function add(it: rb_interval, n: usize): void {
  "inline";
  const last = it.last >>> PAGE_SHIFT;
  for (let page = it.start >>> PAGE_SHIFT; page <= last; page++) {
    const entry = entry_of(page);
    WRITE_ONCE(entry[0], entry[0] + n);
  }
}

/** `it` is about to enter. */
export function filter_enter(it: rb_interval): void {
  add(it, 1);
}

/** `it` has left. */
export function filter_leave(it: rb_interval): void {
  add(it, ~0);
}

// ---- the page's node ----

function interval_of(node: usize): rb_interval {
  "inline";
  return containerOf(rb_interval, "rb", cast<rb_node>(node));
}

/** Looks for the page's node from the root down. */
function find_top(root: rb_root, page: usize): usize {
  let node = root.rb_node;
  while (node !== null) {
    const it = interval_of(addr(node));
    if (it.last >>> PAGE_SHIFT < page) node = node.rb_right;
    else if (it.start >>> PAGE_SHIFT > page) node = node.rb_left;
    else break;
  }
  return addr(node);
}

function refresh(root: rb_root, page: usize): void {
  WRITE_ONCE(entry_of(page)[0], find_top(root, page));
}

/** `it` is a leaf of the tree now: every other block that touches a page of it is in the tree already, with a node above it. */
export function filter_link(it: rb_interval): void {
  const last = it.last >>> PAGE_SHIFT;
  for (let page = it.start >>> PAGE_SHIFT; page <= last; page++) {
    const entry = entry_of(page);
    if (entry[0] === 0) WRITE_ONCE(entry[0], addr(it.rb));
  }
}

/** Of two blocks there is at most one page that both touch: where the lower one ends. */
export function filter_rotated(down: rb_node, up: rb_node): void {
  const a = interval_of(addr(down));
  const b = interval_of(addr(up));
  const lower = a.start < b.start ? a : b;
  const upper = a.start < b.start ? b : a;
  const page = lower.last >>> PAGE_SHIFT;
  if (page !== upper.start >>> PAGE_SHIFT) return;
  const entry = entry_of(page);
  if (entry[0] === addr(down)) WRITE_ONCE(entry[0], addr(up));
}

/** The node that rb_erase will put in the place of `it`, or null. */
export function filter_successor(it: rb_interval): rb_node | null {
  "inline";
  return it.rb.rb_left === null || it.rb.rb_right === null ? null : rb_next(it.rb);
}

/** kmemleak.bug=filter-clears: before `it` leaves the tree. */
export function filter_clear(it: rb_interval): void {
  const last = it.last >>> PAGE_SHIFT;
  for (let page = it.start >>> PAGE_SHIFT; page <= last; page++) WRITE_ONCE(entry_of(page)[0], 0);
}

/** `it` has left the tree, and `successor` stands higher than before: on its last page perhaps above that page's node. */
export function filter_unlink(root: rb_root, it: rb_interval, successor: rb_node | null): void {
  const first = it.start >>> PAGE_SHIFT;
  const last = it.last >>> PAGE_SHIFT;
  for (let page = first; page <= last; page++) {
    const entry = entry_of(page);
    if (entry[0] !== (FILTER_CLEARS ? 0 : addr(it.rb))) continue;
    // Pages in the middle belong to this block alone.
    if (page === first || page === last) refresh(root, page);
    else WRITE_ONCE(entry[0], 0);
  }
  if (successor === null) return;
  const end = interval_of(addr(successor)).last >>> PAGE_SHIFT;
  if (entry_of(end)[0] !== addr(successor)) refresh(root, end);
}
