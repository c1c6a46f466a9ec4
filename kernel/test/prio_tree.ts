// Priority search trees against a table of what they hold: after each of many random insertions and removals the heap and the radix rule
// hold, and queries find what the table says.

import { get_option_u32 } from "../lib/cmdline.ts";
import { prio_tree_find, prio_tree_insert, prio_tree_node, prio_tree_remove, prio_tree_root, prio_tree_stab } from "../lib/prio_tree.ts";
import { prandom_seed, prandom_state, prandom_u32 } from "../lib/random.ts";
import { expect_equal, expect_true, test_run } from "./tap.ts";

const NODES = 64;
const ROUNDS = 500;
const SPAN = 64;

class item {
  readonly node = new prio_tree_node();
  inside: boolean;
}
const items = new StructArray(item, NODES);
const root = new prio_tree_root();

/** Starts share their upper bits, as addresses do; some are equal. */
function choose(it: prio_tree_node, random: prandom_state): void {
  it.start = 0x4000_0000 + prandom_u32(random) % SPAN;
  it.last = it.start + prandom_u32(random) % 16;
}

function identical(it: prio_tree_node): prio_tree_node | null {
  for (let i: u32 = 0; i < NODES; i++) {
    const other = items[i];
    if (other.inside && other.node.start === it.start && other.node.last === it.last) return other.node;
  }
  return null;
}

/** Nodes of the subtree; each has to lie at `depth` below a prefix, and to end no later than `above`. 0xffff when a rule is broken. */
function count_nodes(node: prio_tree_node | null, above: usize, prefix: usize, depth: u32): u32 {
  "noinline";
  if (node === null) return 0;
  if (node.last > above) return 0xffff;
  if (depth > 0 && depth < 32 && (node.start ^ prefix) >>> (32 - depth) !== 0) return 0xffff;
  const left_prefix = depth < 32 ? prefix : node.start;
  const right_prefix = depth < 32 ? prefix | (0x8000_0000 >>> depth) : node.start;
  const left = count_nodes(node.left, node.last, left_prefix, depth + 1);
  const right = count_nodes(node.right, node.last, right_prefix, depth + 1);
  return left > NODES || right > NODES ? 0xffff : left + right + 1;
}

function query(key: usize): void {
  let holders: u32 = 0;
  let beginners: u32 = 0;
  for (let i: u32 = 0; i < NODES; i++) {
    const it = items[i].node;
    if (items[i].inside && it.start <= key && key <= it.last) holders++;
    if (items[i].inside && it.start === key) beginners++;
  }
  const found = prio_tree_stab(root, key);
  expect_true((found !== null) === (holders !== 0), "found exactly when something holds the key");
  if (found !== null) expect_true(found.start <= key && key <= found.last, "what is found holds the key");
  const first = prio_tree_find(root, key);
  expect_true((first !== null) === (beginners !== 0), "found exactly when something begins there");
  if (first !== null) expect_equal(first.start, key, "what is found begins there");
}

function prio_tree_cases(): void {
  const random = new prandom_state();
  prandom_seed(random, get_option_u32("seed", 1));
  root.prio_tree_node = null;
  for (let i: u32 = 0; i < NODES; i++) items[i].inside = false;
  let count: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const it = items[prandom_u32(random) % NODES];
    if (it.inside) {
      prio_tree_remove(root, it.node);
      it.inside = false;
      count--;
    } else {
      choose(it.node, random);
      const there = identical(it.node);
      const found = prio_tree_insert(root, it.node);
      it.inside = there === null;
      if (there === null) count++;
      expect_equal(addr(found), addr(there === null ? it.node : there), "inserted, or the identical one");
    }
    expect_equal(count_nodes(root.prio_tree_node, 0xffff_ffff, 0, 0), count, "nodes by the rules");
    query(0x4000_0000 + prandom_u32(random) % (SPAN + 16));
  }
}

export function test_prio_tree(_arg: u32): void {
  test_run("prio_tree", prio_tree_cases);
}
