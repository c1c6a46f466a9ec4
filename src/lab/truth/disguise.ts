/** Addresses of blocks in memory that is in use, in forms that no scan knows. */
import type { Block } from "./blocks.ts";
import type { Look } from "./look.ts";

export interface Disguise {
  readonly what: string;
  /** Of the word, or of the byte at which an unaligned one begins. */
  readonly at: number;
}

/** The first found for each block, by its address. `linearOffset`: between virtual and physical addresses. */
export function disguised(look: Look, blocks: readonly Block[], linearOffset: number): Map<number, Disguise> {
  const found = new Map<number, Disguise>();
  if (blocks.length === 0) return found;
  const forms = new Map<number, readonly [Block, string]>();
  const starts = new Map<number, Block>();
  for (const block of blocks) {
    starts.set(block.address, block);
    // The address of a neighbour is the neighbour's.
    const end = block.address + block.bytes;
    if (!look.blocks.some(({ address }) => address === end)) forms.set(end, [block, "one past its end"]);
    forms.set(~block.address >>> 0, [block, "inverted"]);
    forms.set(block.address - linearOffset, [block, "as a physical address"]);
  }
  const keep = (block: Block, what: string, at: number): void => {
    if (!found.has(block.address)) found.set(block.address, { what, at });
  };
  let before = 0;
  const visit = (address: number, value: number): void => {
    const form = forms.get(value);
    if (form !== undefined) keep(form[0], form[1], address);
    for (let bytes = 1; bytes < 4; bytes++) {
      const split = ((before >>> (8 * bytes)) | (value << (32 - 8 * bytes))) >>> 0;
      const block = starts.get(split);
      if (block !== undefined) keep(block, "not aligned", address - 4 + bytes);
    }
    before = value;
  };
  for (const { start, end } of look.roots) look.words.each(start, end, visit);
  look.blocks.forEach(({ address, bytes }, at) => {
    if (look.reached[at] === 1) look.words.each(address, address + bytes, visit);
  });
  return found;
}
