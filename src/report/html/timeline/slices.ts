/** Slices of one lane while they are collected, and how they are thinned out to what a page can hold. */

/** A block holds slices of at most so many grains of time. */
export const BLOCK_GRAINS = 4;

export class Slices {
  readonly starts: number[] = [];
  readonly lengths: number[] = [];
  readonly names: number[] = [];

  get count(): number {
    return this.starts.length;
  }

  /** Slices come in order of time; what has no length is no slice. */
  add(start: number, end: number, name: number): void {
    if (end <= start) return;
    this.starts.push(start);
    this.lengths.push(end - start);
    this.names.push(name);
  }
}

export interface Thinned {
  /** As data.ts has them. */
  readonly numbers: readonly number[];
  readonly single: number;
  readonly blocks: number;
  /** Slices inside blocks. */
  readonly inBlocks: number;
}

/** How many entries `thin` would make. */
export function thinnedCount(slices: Slices, grain: number): number {
  let count = 0;
  for (let i = 0; i < slices.count; i = groupEnd(slices, i, grain)) count++;
  return count;
}

/** The end of the group that begins with slice `i`: short slices closer together than `grain` make one block. */
function groupEnd({ starts, lengths }: Slices, i: number, grain: number): number {
  const first = starts[i]!;
  let at = i + 1;
  if (lengths[i]! >= grain) return at;
  let end = first + lengths[i]!;
  for (; at < starts.length; at++) {
    if (lengths[at]! >= grain || starts[at]! - end >= grain || starts[at]! + lengths[at]! - first > grain * BLOCK_GRAINS) break;
    end = starts[at]! + lengths[at]!;
  }
  return at;
}

export function thin(slices: Slices, grain: number, from: number): Thinned {
  const { starts, lengths, names } = slices;
  const numbers: number[] = [];
  let [single, blocks, inBlocks, before] = [0, 0, 0, from];
  for (let i = 0; i < slices.count; ) {
    const end = groupEnd(slices, i, grain);
    const stop = starts[end - 1]! + lengths[end - 1]!;
    if (end === i + 1) {
      numbers.push(starts[i]! - before, lengths[i]!, names[i]!);
      single++;
    } else {
      const { busy, most } = summary(slices, i, end);
      numbers.push(starts[i]! - before, stop - starts[i]!, i - end, busy, most);
      blocks++;
      inBlocks += end - i;
    }
    before = stop;
    i = end;
  }
  return { numbers, single, blocks, inBlocks };
}

/** Time in slices of a block, and whose most of it is. */
function summary({ lengths, names }: Slices, from: number, to: number): { busy: number; most: number } {
  const times = new Map<number, number>();
  let busy = 0;
  for (let i = from; i < to; i++) {
    busy += lengths[i]!;
    times.set(names[i]!, (times.get(names[i]!) ?? 0) + lengths[i]!);
  }
  let most = names[from]!;
  for (const [name, time] of times) if (time > times.get(most)!) most = name;
  return { busy, most };
}

/** The finest power of two of a grain at which all lanes together have at most `most` entries; 1 keeps every slice. */
export function chooseGrain(lanes: readonly Slices[], most: number): number {
  let grain = 1;
  while (lanes.reduce((sum, one) => sum + thinnedCount(one, grain), 0) > most && grain < 2 ** 52) grain *= 2;
  return grain;
}
