/* kernel/lib/rbtree.ts and rbtree.ts, line by line. */
#include "types.h"

struct rb_node {
  usize pc;
  struct rb_node *right, *left;
};
struct rb_root {
  struct rb_node *node;
};
#define BLACK 1u
static inline struct rb_node *rb_parent(struct rb_node *n) { return (struct rb_node *)(n->pc & ~3u); }
static inline int is_red(struct rb_node *n) { return (n->pc & BLACK) == 0; }
static inline int is_black_or_leaf(struct rb_node *n) { return n == 0 || (n->pc & BLACK) != 0; }
static inline void set_parent(struct rb_node *n, struct rb_node *p) { n->pc = (usize)p | (n->pc & BLACK); }
static inline void set_black(struct rb_node *n) { n->pc |= BLACK; }
static inline void set_red(struct rb_node *n) { n->pc &= ~BLACK; }
static inline void rb_link_node(struct rb_node *n, struct rb_node *parent, struct rb_node **link) {
  n->pc = (usize)parent;
  n->left = 0;
  n->right = 0;
  *link = n;
}
static inline void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old, struct rb_node *now) {
  if (parent == 0) root->node = now;
  else if (parent->left == old) parent->left = now;
  else parent->right = now;
}
static void rotate_left(struct rb_root *root, struct rb_node *node) {
  struct rb_node *up = rb_parent(node), *child = node->right, *inner = child->left;
  node->right = inner;
  if (inner) set_parent(inner, node);
  child->left = node;
  set_parent(child, up);
  replace_child(root, up, node, child);
  set_parent(node, child);
}
static void rotate_right(struct rb_root *root, struct rb_node *node) {
  struct rb_node *up = rb_parent(node), *child = node->left, *inner = child->right;
  node->left = inner;
  if (inner) set_parent(inner, node);
  child->right = node;
  set_parent(child, up);
  replace_child(root, up, node, child);
  set_parent(node, child);
}
static void rb_insert_color(struct rb_node *inserted, struct rb_root *root) {
  struct rb_node *node = inserted;
  for (;;) {
    struct rb_node *parent = rb_parent(node);
    if (parent == 0 || !is_red(parent)) break;
    struct rb_node *gparent = rb_parent(parent);
    int left = gparent->left == parent;
    struct rb_node *uncle = left ? gparent->right : gparent->left;
    if (uncle != 0 && is_red(uncle)) {
      set_black(uncle);
      set_black(parent);
      set_red(gparent);
      node = gparent;
      continue;
    }
    if (left) {
      if (parent->right == node) {
        rotate_left(root, parent);
        parent = node;
      }
      set_black(parent);
      set_red(gparent);
      rotate_right(root, gparent);
    } else {
      if (parent->left == node) {
        rotate_right(root, parent);
        parent = node;
      }
      set_black(parent);
      set_red(gparent);
      rotate_left(root, gparent);
    }
    break;
  }
  if (root->node) set_black(root->node);
}
static void erase_color(struct rb_node *start, struct rb_node *above, struct rb_root *root) {
  struct rb_node *node = start, *parent = above;
  while (is_black_or_leaf(node) && node != root->node && parent != 0) {
    int left = parent->left == node;
    struct rb_node *sibling = left ? parent->right : parent->left;
    if (is_red(sibling)) {
      set_black(sibling);
      set_red(parent);
      if (left) rotate_left(root, parent);
      else rotate_right(root, parent);
      sibling = left ? parent->right : parent->left;
    }
    if (is_black_or_leaf(sibling->left) && is_black_or_leaf(sibling->right)) {
      set_red(sibling);
      node = parent;
      parent = rb_parent(node);
      continue;
    }
    struct rb_node *outer = left ? sibling->right : sibling->left;
    if (is_black_or_leaf(outer)) {
      struct rb_node *inner = left ? sibling->left : sibling->right;
      set_black(inner);
      set_red(sibling);
      if (left) rotate_right(root, sibling);
      else rotate_left(root, sibling);
      sibling = inner;
    }
    sibling->pc = (usize)rb_parent(sibling) | (parent->pc & BLACK);
    set_black(parent);
    set_black(left ? sibling->right : sibling->left);
    if (left) rotate_left(root, parent);
    else rotate_right(root, parent);
    node = root->node;
    break;
  }
  if (node) set_black(node);
}
static void rb_erase(struct rb_node *node, struct rb_root *root) {
  struct rb_node *parent = rb_parent(node), *child = 0;
  int lost_black = !is_red(node);
  if (node->left == 0 || node->right == 0) {
    child = node->left == 0 ? node->right : node->left;
    replace_child(root, parent, node, child);
    if (child) set_parent(child, parent);
  } else {
    struct rb_node *next = node->right;
    for (struct rb_node *left = next->left; left; left = next->left) next = left;
    child = next->right;
    lost_black = !is_red(next);
    struct rb_node *next_parent = rb_parent(next);
    if (next_parent == node) parent = next;
    else {
      parent = next_parent;
      next_parent->left = child;
      if (child) set_parent(child, next_parent);
      next->right = node->right;
      set_parent(node->right, next);
    }
    next->left = node->left;
    set_parent(node->left, next);
    next->pc = node->pc;
    replace_child(root, rb_parent(node), node, next);
  }
  if (lost_black) erase_color(child, parent, root);
}
static struct rb_node *rb_first(struct rb_root *root) {
  struct rb_node *node = root->node;
  if (!node) return 0;
  for (struct rb_node *left = node->left; left; left = node->left) node = left;
  return node;
}
static struct rb_node *rb_next(struct rb_node *node) {
  struct rb_node *right = node->right;
  if (right) {
    node = right;
    for (struct rb_node *left = node->left; left; left = node->left) node = left;
    return node;
  }
  for (;;) {
    struct rb_node *parent = rb_parent(node);
    if (!parent || parent->right != node) return parent;
    node = parent;
  }
}

#define COUNT 256u
struct item {
  struct rb_node node;
  u32 key;
};
static struct item items[COUNT];
static struct rb_root root;

static noinline void insert(struct item *it) {
  struct rb_node *parent = 0, **link = &root.node;
  for (struct rb_node *at = root.node; at; at = *link) {
    parent = at;
    link = it->key < ((struct item *)at)->key ? &at->left : &at->right;
  }
  rb_link_node(&it->node, parent, link);
  rb_insert_color(&it->node, &root);
}

static noinline struct item *search(u32 key) {
  struct rb_node *at = root.node;
  while (at) {
    struct item *it = (struct item *)at;
    if (key == it->key) return it;
    at = key < it->key ? at->left : at->right;
  }
  return 0;
}

u32 kernel_main(void) {
  root.node = 0;
  u32 x = 3;
  for (u32 i = 0; i < COUNT; i++) {
    x = x * 1664525u + 1013904223u;
    items[i].key = x >> 8;
    insert(&items[i]);
  }
  u32 sum = 0;
  for (u32 round = 0; round < 8; round++) {
    for (u32 i = 0; i < COUNT; i++)
      if (search(items[i].key + (i & 1)) != 0) sum += i;
    for (u32 i = round & 1; i < COUNT; i += 2) rb_erase(&items[i].node, &root);
    for (u32 i = round & 1; i < COUNT; i += 2) {
      items[i].key ^= 0x55;
      insert(&items[i]);
    }
  }
  for (struct rb_node *at = rb_first(&root); at; at = rb_next(at)) sum = sum * 31 + ((struct item *)at)->key;
  return sum;
}
