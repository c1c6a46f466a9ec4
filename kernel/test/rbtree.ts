// Red-black trees against a table of what they hold: after each of many random insertions and removals the order is right
// and the rules that keep the tree shallow hold.

import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { rb_erase, rb_first, rb_insert_color, rb_link_node, rb_next, rb_node, rb_root } from "../lib/rbtree.ts";
import { get_option_u32 } from "../lib/cmdline.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const KEYS = 96;
const ROUNDS = 600;

class item {
  readonly node = new rb_node();
  key: u32;
  inside: boolean;
}
const items = new StructArray(item, KEYS);
const root = new rb_root();

function insert(it: item): void {
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(root.rb_node);
  for (let at = root.rb_node; at !== null; at = link[0]) {
    parent = at;
    link = it.key < containerOf(item, "node", at).key ? addressOf(at.rb_left) : addressOf(at.rb_right);
  }
  rb_link_node(it.node, parent, link);
  rb_insert_color(it.node, root);
}

/** Black nodes on the way to a leaf, the same on all ways; 0xffff when a rule is broken. */
function black_height(node: rb_node | null): u32 {
  "noinline";
  if (node === null) return 1;
  const left = black_height(node.rb_left);
  const right = black_height(node.rb_right);
  if (left !== right || left === 0xffff) return 0xffff;
  const red = (node.__rb_parent_color & 1) === 0;
  for (let side: u32 = 0; side < 2; side++) {
    const child = side === 0 ? node.rb_left : node.rb_right;
    if (child === null) continue;
    if ((child.__rb_parent_color & ~3) !== addr(node)) return 0xffff;
    if (red && (child.__rb_parent_color & 1) === 0) return 0xffff;
  }
  return left + (red ? 0 : 1);
}

function rbtree_cases(): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  root.rb_node = null;
  for (let i: u32 = 0; i < KEYS; i++) {
    items[i].key = i * 10;
    items[i].inside = false;
  }
  let count: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const it = items[prandom_u32(random) % KEYS];
    if (it.inside) {
      rb_erase(it.node, root);
      count -= 1;
    } else {
      insert(it);
      count += 1;
    }
    it.inside = !it.inside;
    if (!expect_true(black_height(root.rb_node) !== 0xffff, "the tree's rules hold")) return;
    let seen: u32 = 0;
    let last: u32 = 0;
    let ordered = true;
    for (let at = rb_first(root); at !== null; at = rb_next(at)) {
      const found = containerOf(item, "node", at);
      if (!found.inside || (seen !== 0 && found.key <= last)) ordered = false;
      last = found.key;
      seen += 1;
    }
    expect_true(ordered, "the walk is in order and meets only what is inside");
    expect_equal(seen, count, "nodes met");
  }
}

export function test_rbtree(_arg: u32): void {
  test_run("rbtree", rbtree_cases);
}
