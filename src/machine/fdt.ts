/**
 * Flattened device trees: writing one (version 17, as QEMU and Linux read it) and reading one back.
 *
 * Everything is big-endian. A property is bytes; `cells` and `text` make the two usual kinds. The
 * string block shares names, nodes keep the order in which they were given. Source: Devicetree
 * Specification 0.4, chapter 5.
 */

export interface FdtNode {
  readonly name: string;
  readonly properties: readonly (readonly [name: string, value: Uint8Array])[];
  readonly children: readonly FdtNode[];
}

const MAGIC = 0xd00dfeed;
const HEADER_BYTES = 40;
const RESERVE_ENTRY_BYTES = 16;
const TOKEN = { BEGIN: 1, END: 2, PROPERTY: 3, NOP: 4, FINISH: 9 } as const;
/** Deeper trees are refused by the reader. */
const DEPTH_MAX = 32;

/** A property of 32-bit cells. */
export function cells(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setUint32(i * 4, values[i]! >>> 0);
  return bytes;
}

/** A property of NUL-terminated strings, UTF-8. */
export function text(...values: readonly string[]): Uint8Array {
  return new TextEncoder().encode(values.map((value) => `${value}\0`).join(""));
}

/** Shared property names: offset by name, in the order first used. */
class StringBlock {
  private readonly offsets = new Map<string, number>();
  private size = 0;

  offsetOf(name: string): number {
    const known = this.offsets.get(name);
    if (known !== undefined) return known;
    const at = this.size;
    this.offsets.set(name, at);
    this.size += name.length + 1;
    return at;
  }

  bytes(): Uint8Array {
    return text(...this.offsets.keys());
  }
}

function pad(length: number): number {
  return (length + 3) & ~3;
}

function structureBytes(node: FdtNode): number {
  let size = 4 + pad(node.name.length + 1) + 4;
  for (const [, value] of node.properties) size += 12 + pad(value.length);
  for (const child of node.children) size += structureBytes(child);
  return size;
}

/** Writes one node and what is under it; returns the offset behind it. */
function writeNode(bytes: Uint8Array, start: number, node: FdtNode, strings: StringBlock): number {
  const view = new DataView(bytes.buffer);
  let at = start;
  view.setUint32(at, TOKEN.BEGIN);
  bytes.set(text(node.name), at + 4);
  at += 4 + pad(node.name.length + 1);
  for (const [name, value] of node.properties) {
    view.setUint32(at, TOKEN.PROPERTY);
    view.setUint32(at + 4, value.length);
    view.setUint32(at + 8, strings.offsetOf(name));
    bytes.set(value, at + 12);
    at += 12 + pad(value.length);
  }
  for (const child of node.children) at = writeNode(bytes, at, child, strings);
  view.setUint32(at, TOKEN.END);
  return at + 4;
}

/**
 * The blob for a tree whose root is named "". Node names are ASCII. `reserved`: entries of the memory reservation block
 * as `reservedMemory` gives them.
 */
export function encodeFdt(root: FdtNode, bootHart = 0, reserved: Uint8Array = new Uint8Array(0)): Uint8Array {
  const strings = new StringBlock();
  const structAt = HEADER_BYTES + reserved.length + RESERVE_ENTRY_BYTES;
  const structSize = structureBytes(root) + 4;
  const front = new Uint8Array(structAt + structSize);
  const end = writeNode(front, structAt, root, strings);
  new DataView(front.buffer).setUint32(end, TOKEN.FINISH);
  const names = strings.bytes();
  const blob = new Uint8Array(pad(front.length + names.length));
  blob.set(front);
  blob.set(reserved, HEADER_BYTES);
  blob.set(names, front.length);
  const header = [
    MAGIC,
    blob.length,
    structAt,
    front.length,
    HEADER_BYTES,
    17,
    16,
    bootHart,
    names.length,
    structSize,
  ];
  blob.set(cells(...header));
  return blob;
}

/**
 * Reads a blob back; null if it is damaged. Made for tests and small tools, so it says no more than
 * that.
 */
export function parseFdt(blob: Uint8Array): FdtNode | null {
  if (blob.length < HEADER_BYTES) return null;
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (view.getUint32(0) !== MAGIC || view.getUint32(4) > blob.length) return null;
  const stringsAt = view.getUint32(12);
  const end = Math.min(blob.length, view.getUint32(8) + view.getUint32(36));
  let at = view.getUint32(8);

  const word = (): number | null => {
    if (at + 4 > end) return null;
    at += 4;
    return view.getUint32(at - 4);
  };
  const cString = (from: number): string | null => {
    const stop = blob.indexOf(0, from);
    return from >= blob.length || stop < 0
      ? null
      : new TextDecoder().decode(blob.subarray(from, stop));
  };
  const property = (): readonly [string, Uint8Array] | null => {
    const length = word();
    const nameAt = word();
    if (length === null || nameAt === null || at + length > end) return null;
    const name = cString(stringsAt + nameAt);
    if (name === null) return null;
    const value = blob.slice(at, at + length);
    at += pad(length);
    return [name, value];
  };
  const node = (depth: number): FdtNode | null => {
    const name = cString(at);
    if (name === null || depth > DEPTH_MAX) return null;
    at += pad(name.length + 1);
    const properties: (readonly [string, Uint8Array])[] = [];
    const children: FdtNode[] = [];
    for (let token = word(); token !== TOKEN.END; token = word()) {
      if (token === TOKEN.NOP) continue;
      if (token === TOKEN.PROPERTY) {
        const read = property();
        if (read === null) return null;
        properties.push(read);
      } else if (token === TOKEN.BEGIN) {
        const child = node(depth + 1);
        if (child === null) return null;
        children.push(child);
      } else return null;
    }
    return { name, properties, children };
  };
  return word() === TOKEN.BEGIN ? node(0) : null;
}

/** The entries of a readable blob's memory reservation block, without the one of zeroes that ends it. */
export function reservedMemory(blob: Uint8Array): Uint8Array {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const start = view.getUint32(16);
  let end = start;
  while (
    end + RESERVE_ENTRY_BYTES <= blob.length &&
    blob.subarray(end, end + RESERVE_ENTRY_BYTES).some((byte) => byte !== 0)
  ) {
    end += RESERVE_ENTRY_BYTES;
  }
  return blob.slice(start, end);
}

/** The node at a path such as "/soc/serial@10000000", or null. */
export function findNode(root: FdtNode, path: string): FdtNode | null {
  let node: FdtNode | undefined = root;
  for (const name of path.split("/")) {
    if (name === "") continue;
    node = node.children.find((child) => child.name === name);
    if (!node) return null;
  }
  return node;
}

/** A property's bytes, or null. */
export function findProperty(node: FdtNode, name: string): Uint8Array | null {
  return node.properties.find(([known]) => known === name)?.[1] ?? null;
}
