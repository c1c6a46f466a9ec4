// A conservative scan: each word of 16 KiB is looked up in a sorted table of blocks; hits colour their block.

const WORDS = 4096;
const BLOCKS = 200;

class block {
  pointer: usize;
  size: u32;
  count: u32;
  min_count: u32;
}
const words = new FixedArray<usize>(WORDS);
const blocks = new StructArray(block, BLOCKS);

function lookup(address: usize): block | null {
  "noinline";
  let low: u32 = 0;
  let high: u32 = BLOCKS;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const b = blocks[middle];
    if (address < b.pointer) high = middle;
    else if (address - b.pointer >= b.size) low = middle + 1;
    else return b;
  }
  return null;
}

function scan_block(start: usize, end: usize): u32 {
  "noinline";
  let hits: u32 = 0;
  for (let at = start; at < end; at += 4) {
    const word = cast<Ptr<usize>>(at)[0];
    if (word < 0x9000_0000 || word >= 0x9001_0000) continue;
    const b = lookup(word);
    if (b === null) continue;
    b.count += 1;
    if (b.count <= b.min_count) hits += 1;
  }
  return hits;
}

export function kernel_main(): u32 {
  for (let i: u32 = 0; i < BLOCKS; i++) {
    const b = blocks[i];
    b.pointer = 0x9000_0000 + i * 320;
    b.size = 64 + (i & 7) * 32;
    b.count = 0;
    b.min_count = 1 + (i & 1);
  }
  let x: u32 = 9;
  for (let i: u32 = 0; i < WORDS; i++) {
    x = x * 1664525 + 1013904223;
    words[i] = (x & 0x300) === 0 ? x : 0x9000_0000 + (x >>> 16);
  }
  let sum: u32 = 0;
  for (let round: u32 = 0; round < 4; round++) sum = sum * 7 + scan_block(addr(words), addr(words) + WORDS * 4);
  for (let i: u32 = 0; i < BLOCKS; i++) sum = sum * 3 + blocks[i].count;
  return sum;
}
