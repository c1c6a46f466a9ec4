// A doubly linked list in the kernel's manner: nodes embedded, walked, moved to the tail, counted.

class list_head {
  next: list_head;
  prev: list_head;
}
class item {
  value: u32;
  readonly links = new list_head();
  age: u32;
}
const head = new list_head();
const items = new StructArray(item, 256);

function list_add_tail(node: list_head, list: list_head): void {
  const last = list.prev;
  node.next = list;
  node.prev = last;
  last.next = node;
  list.prev = node;
}

function list_del(node: list_head): void {
  const next = node.next;
  const prev = node.prev;
  next.prev = prev;
  prev.next = next;
}

function age_all(): u32 {
  "noinline";
  let sum: u32 = 0;
  for (let at = head.next; at !== head; at = at.next) {
    const it = containerOf(item, "links", at);
    it.age += 1;
    sum += it.value;
  }
  return sum;
}

/** Moves every third item to the tail. */
function rotate(): void {
  "noinline";
  let n: u32 = 0;
  let at = head.next;
  for (let count: u32 = 0; count < 256; count++) {
    const next = at.next;
    n += 1;
    if (n === 3) {
      n = 0;
      list_del(at);
      list_add_tail(at, head);
    }
    at = next === head ? head.next : next;
  }
}

export function kernel_main(): u32 {
  head.next = head;
  head.prev = head;
  for (let i: u32 = 0; i < 256; i++) {
    items[i].value = i * i;
    items[i].age = 0;
    list_add_tail(items[i].links, head);
  }
  let sum: u32 = 0;
  for (let round: u32 = 0; round < 50; round++) {
    sum = sum * 3 + age_all();
    rotate();
  }
  for (let at = head.next; at !== head; at = at.next) sum = sum * 5 + containerOf(item, "links", at).value;
  return sum;
}
