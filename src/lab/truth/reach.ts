/**
 * Conservative reachability: each aligned word that lies inside of a block's bytes is a reference to it.
 *
 * From the roots on, all words of every block reached are looked at. Blocks do not overlap. A block's own words do not reach it,
 * and one past its end is outside. What an allocator has for itself refers to its own blocks alone: a vm_struct knows every vmalloc
 * block, and keeps none of them alive.
 */

/** Guest memory as aligned words; memory that is not mapped has none. */
export interface Words {
  /** Calls with each word of [start, end) that lies there wholly. */
  each(start: number, end: number, visit: (address: number, value: number) => void): void;
}

export interface Region {
  readonly kind: "static" | "percpu" | "stack" | "unused stack" | "page" | "page structures";
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Values that stand in registers, and whose they are. */
export interface Registers {
  readonly name: string;
  readonly values: readonly number[];
}

export interface Reference {
  /** Index of the block referred to. */
  readonly block: number;
  /** Of the word; null: a register. */
  readonly address: number | null;
  readonly value: number;
  /** Where it stands: a region, the index of a block, or registers. */
  readonly holder: Region | Registers | number;
}

export class BlockIndex {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** 1: an allocator's. */
  readonly own: Uint8Array;

  constructor(blocks: readonly { readonly address: number; readonly bytes: number; readonly own: boolean }[]) {
    const sorted = [...blocks].sort((a, b) => a.address - b.address);
    this.starts = Float64Array.from(sorted, ({ address }) => address);
    this.ends = Float64Array.from(sorted, ({ address, bytes }) => address + bytes);
    this.own = Uint8Array.from(sorted, ({ own }) => Number(own));
  }

  /** The index, in order of addresses, of the block with this byte; -1: none. */
  find(value: number): number {
    const { starts, ends } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low > 0 && value < ends[low - 1] ? low - 1 : -1;
  }
}

export interface Reached {
  /** By block: 1: reached. */
  readonly reached: Uint8Array;
  /** All references in roots and in blocks reached. */
  readonly references: readonly Reference[];
}

export function reach(index: BlockIndex, roots: readonly Region[], registers: readonly Registers[], words: Words): Reached {
  const reached = new Uint8Array(index.starts.length);
  const references: Reference[] = [];
  const waiting: number[] = [];
  const [least, most] = [index.starts[0] ?? 0, index.ends[index.ends.length - 1] ?? 0];
  const see = (address: number | null, value: number, holder: Reference["holder"]): void => {
    if (value < least || value >= most) return;
    const block = index.find(value);
    if (block < 0 || block === holder) return;
    if (typeof holder === "number" && index.own[holder] === 1 && index.own[block] === 0) return;
    references.push({ block, address, value, holder });
    if (reached[block] === 1) return;
    reached[block] = 1;
    waiting.push(block);
  };
  for (const one of registers) for (const value of one.values) see(null, value >>> 0, one);
  for (const root of roots) words.each(root.start, root.end, (address, value) => see(address, value, root));
  for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
    const holder = block;
    words.each(index.starts[block], index.ends[block], (address, value) => see(address, value, holder));
  }
  return { reached, references };
}

/** The references in regions that reach nothing: memory that a scan looks at and nobody uses. */
export function referencesIn(index: BlockIndex, regions: readonly Region[], words: Words): Reference[] {
  const found: Reference[] = [];
  for (const region of regions) {
    words.each(region.start, region.end, (address, value) => {
      const block = index.find(value);
      if (block >= 0) found.push({ block, address, value, holder: region });
    });
  }
  return found;
}
