// The workload of steps/hidden-node: a reader looks up a key in a red-black tree while a writer erases another one (boot parameter
// `writer=insert`: inserts another one), and the tree turns under the reader. `lock` says what keeps them apart:
//   none   nothing: a lookup without a lock, nodes freed after a grace period; what it finds is there, what it does not find may be, too
//   spin   both hold a lock
//   seq    the writer counts, the reader looks again when the count has changed

import { WARN_ON } from "kernel/lib/bug.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { rb_erase, rb_insert_color, rb_link_node, rb_node, rb_root } from "kernel/lib/rbtree.ts";
import { strcmp } from "kernel/lib/string.ts";
import { read_seqbegin, read_seqretry, seqlock_t, write_seqlock, write_sequnlock } from "kernel/locking/seqlock.ts";
import { spin_lock, spin_unlock, spinlock_t } from "kernel/locking/spinlock.ts";
import { rcu_read_lock, rcu_read_unlock } from "kernel/rcu/rcu.ts";

class item {
  readonly node = new rb_node();
  key: u32 = 0;
}

const tree = new rb_root();
const tree_lock = new spinlock_t();
const tree_seq = new seqlock_t();
const ten = new item();
const twenty = new item();
const thirty = new item();
const forty = new item();
/** Where the reader is. */
export let reader_at: rb_node | null = null;

function option(name: string, value: string): boolean {
  return strcmp(get_option(name, "none"), value) === 0;
}

function insert(fresh: item, key: u32): void {
  fresh.key = key;
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(tree.rb_node);
  for (let at = tree.rb_node; at !== null; at = link[0]) {
    parent = at;
    link = key < containerOf(item, "node", at).key ? addressOf(at.rb_left) : addressOf(at.rb_right);
  }
  rb_link_node(fresh.node, parent, link);
  rb_insert_color(fresh.node, tree);
}

/** As a lookup under rcu_read_lock would do it: each link is read once. */
function lookup(key: u32): boolean {
  for (let at = READ_ONCE(tree.rb_node); at !== null; ) {
    const here = containerOf(item, "node", at).key;
    if (here === key) return true;
    reader_at = at;
    point("descend");
    at = key < here ? READ_ONCE(at.rb_left) : READ_ONCE(at.rb_right);
  }
  return false;
}

function guarded_lookup(key: u32): boolean {
  if (option("lock", "spin")) {
    spin_lock(tree_lock);
    const found = lookup(key);
    spin_unlock(tree_lock);
    return found;
  }
  for (;;) {
    const seen = option("lock", "seq") ? read_seqbegin(tree_seq) : 0;
    rcu_read_lock();
    const found = lookup(key);
    rcu_read_unlock();
    if (!option("lock", "seq") || !read_seqretry(tree_seq, seen)) return found;
  }
}

/** Before the others: 20 with 10 and 30, and 40 below 30; or 20 with 30 alone. */
export function gardener(_arg: u32): void {
  insert(twenty, 20);
  if (!option("writer", "insert")) insert(ten, 10);
  insert(thirty, 30);
  if (!option("writer", "insert")) insert(forty, 40);
  point("planted");
}

export function reader(_arg: u32): void {
  const key: u32 = option("writer", "insert") ? 30 : 40;
  const found = guarded_lookup(key);
  pr_info("key %u, there all the time: %s\n", key, found ? "found" : "missed");
  WARN_ON(!found);
  point("looked");
}

export function writer(_arg: u32): void {
  if (option("lock", "spin")) spin_lock(tree_lock);
  if (option("lock", "seq")) write_seqlock(tree_seq);
  if (option("writer", "insert")) insert(forty, 40);
  else rb_erase(ten.node, tree);
  if (option("lock", "seq")) write_sequnlock(tree_seq);
  if (option("lock", "spin")) spin_unlock(tree_lock);
  point("written");
}
