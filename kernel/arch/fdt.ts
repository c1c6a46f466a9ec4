// Reader of the flattened device tree: one walk over all properties, in document order.
// Source: Devicetree Specification 0.4, chapter 5. Words are big-endian; names are NUL-terminated strings in the blob.

const FDT_MAGIC = 0xd00d_feed;
const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_NOP = 4;
/** Deeper nodes than this share the last slot of a walk's path. */
const DEPTH_MAX = 8;

export function fdt_word(address: usize): u32 {
  const v = cast<Ptr<u32>>(address)[0];
  return (v << 24) | ((v & 0xff00) << 8) | ((v >> 8) & 0xff00) | (v >> 24);
}

/** The string at `at` is `want`. */
export function fdt_string_is(at: usize, want: string): boolean {
  const a = cast<Ptr<u8>>(at);
  const b = cast<Ptr<u8>>(addr(want));
  let i: u32 = 0;
  while (a[i] !== 0 && a[i] === b[i]) i++;
  return a[i] === b[i];
}

/** The string at `at` begins with `prefix`. */
export function fdt_string_starts(at: usize, prefix: string): boolean {
  const a = cast<Ptr<u8>>(at);
  const b = cast<Ptr<u8>>(addr(prefix));
  let i: u32 = 0;
  while (b[i] !== 0 && a[i] === b[i]) i++;
  return b[i] === 0;
}

/** Where a walk is: the property, and the nodes around it. */
export class fdt_position {
  /** What walks use to go on. */
  next: usize;
  strings: usize;
  /** Number of nodes around the property; the root is 1. */
  depth: u32;
  /** Counts nodes in document order: two properties of one node have the same number. */
  node: u32;
  readonly path = new FixedArray<usize>(DEPTH_MAX);
  readonly numbers = new FixedArray<u32>(DEPTH_MAX);
  /** The property: its name, its value, the value's bytes. */
  name: usize;
  value: usize;
  length: u32;
}

export function fdt_valid(fdt: usize): boolean {
  return (fdt & 3) === 0 && fdt_word(fdt) === FDT_MAGIC;
}

export function fdt_totalsize(fdt: usize): u32 {
  return fdt_word(fdt + 4);
}

export function fdt_start(fdt: usize, at: fdt_position): void {
  at.next = fdt + fdt_word(fdt + 8);
  at.strings = fdt + fdt_word(fdt + 12);
  at.depth = 0;
  at.node = 0;
}

function slot(depth: u32): u32 {
  return depth < DEPTH_MAX ? depth : DEPTH_MAX - 1;
}

function string_length(address: usize): u32 {
  const text = cast<Ptr<u8>>(address);
  let n: u32 = 0;
  while (text[n] !== 0) n++;
  return n;
}

let nodes_seen: u32 = 0;

/** Moves to the next property; false at the end of the tree. */
export function fdt_next_property(at: fdt_position): boolean {
  if (at.depth === 0) nodes_seen = 0;
  for (;;) {
    const token = fdt_word(at.next);
    at.next += 4;
    if (token === FDT_BEGIN_NODE) {
      nodes_seen += 1;
      at.path[slot(at.depth)] = at.next;
      at.numbers[slot(at.depth)] = nodes_seen;
      at.node = nodes_seen;
      at.depth += 1;
      at.next = (at.next + string_length(at.next) + 4) & ~3;
    } else if (token === FDT_END_NODE) {
      at.depth -= 1;
      if (at.depth !== 0) at.node = at.numbers[slot(at.depth - 1)];
    } else if (token === FDT_PROP) {
      at.length = fdt_word(at.next);
      at.name = at.strings + fdt_word(at.next + 4);
      at.value = at.next + 8;
      at.next = (at.value + at.length + 3) & ~3;
      return true;
    } else if (token !== FDT_NOP) {
      return false;
    }
  }
}

/** The name of the node at that depth (the root's is empty). */
export function fdt_path(at: fdt_position, depth: u32): usize {
  return at.path[slot(depth)];
}

/** One of the NUL-separated strings of the property is `want`. */
export function fdt_list_has(at: fdt_position, want: string): boolean {
  for (let p = at.value; p < at.value + at.length; p += string_length(p) + 1)
    if (fdt_string_is(p, want)) return true;
  return false;
}
