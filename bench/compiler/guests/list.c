#include "types.h"

struct list_head {
  struct list_head *next, *prev;
};
struct item {
  u32 value;
  struct list_head links;
  u32 age;
};
static struct list_head head;
static struct item items[256];
#define item_of(p) ((struct item *)((usize)(p) - __builtin_offsetof(struct item, links)))

static void list_add_tail(struct list_head *node, struct list_head *list) {
  struct list_head *last = list->prev;
  node->next = list;
  node->prev = last;
  last->next = node;
  list->prev = node;
}

static void list_del(struct list_head *node) {
  struct list_head *next = node->next, *prev = node->prev;
  next->prev = prev;
  prev->next = next;
}

static noinline u32 age_all(void) {
  u32 sum = 0;
  for (struct list_head *at = head.next; at != &head; at = at->next) {
    struct item *it = item_of(at);
    it->age += 1;
    sum += it->value;
  }
  return sum;
}

static noinline void rotate(void) {
  u32 n = 0;
  struct list_head *at = head.next;
  for (u32 count = 0; count < 256; count++) {
    struct list_head *next = at->next;
    n += 1;
    if (n == 3) {
      n = 0;
      list_del(at);
      list_add_tail(at, &head);
    }
    at = next == &head ? head.next : next;
  }
}

u32 kernel_main(void) {
  head.next = &head;
  head.prev = &head;
  for (u32 i = 0; i < 256; i++) {
    items[i].value = i * i;
    items[i].age = 0;
    list_add_tail(&items[i].links, &head);
  }
  u32 sum = 0;
  for (u32 round = 0; round < 50; round++) {
    sum = sum * 3 + age_all();
    rotate();
  }
  for (struct list_head *at = head.next; at != &head; at = at->next) sum = sum * 5 + item_of(at)->value;
  return sum;
}
