// The kernel's own red-black tree: 256 insertions by key, searches, erasures, and the order at the end.

import { rb_erase, rb_first, rb_insert_color, rb_link_node, rb_next, rb_node, rb_root } from "../../../kernel/lib/rbtree.ts";

const COUNT = 256;

class item {
  readonly node = new rb_node();
  key: u32;
}
const items = new StructArray(item, COUNT);
const root = new rb_root();

function insert(it: item): void {
  "noinline";
  let parent: rb_node | null = null;
  let link: Ptr<rb_node | null> = addressOf(root.rb_node);
  for (let at = root.rb_node; at !== null; at = link[0]) {
    parent = at;
    link = it.key < containerOf(item, "node", at).key ? addressOf(at.rb_left) : addressOf(at.rb_right);
  }
  rb_link_node(it.node, parent, link);
  rb_insert_color(it.node, root);
}

function search(key: u32): item | null {
  "noinline";
  let at = root.rb_node;
  while (at !== null) {
    const it = containerOf(item, "node", at);
    if (key === it.key) return it;
    at = key < it.key ? at.rb_left : at.rb_right;
  }
  return null;
}

export function kernel_main(): u32 {
  root.rb_node = null;
  let x: u32 = 3;
  for (let i: u32 = 0; i < COUNT; i++) {
    x = x * 1664525 + 1013904223;
    items[i].key = x >>> 8;
    insert(items[i]);
  }
  let sum: u32 = 0;
  for (let round: u32 = 0; round < 8; round++) {
    for (let i: u32 = 0; i < COUNT; i++) if (search(items[i].key + (i & 1)) !== null) sum += i;
    for (let i: u32 = round & 1; i < COUNT; i += 2) rb_erase(items[i].node, root);
    for (let i: u32 = round & 1; i < COUNT; i += 2) {
      items[i].key ^= 0x55;
      insert(items[i]);
    }
  }
  for (let at = rb_first(root); at !== null; at = rb_next(at)) sum = sum * 31 + containerOf(item, "node", at).key;
  return sum;
}
