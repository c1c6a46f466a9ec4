// What several harts share: a barrier, the number of harts, and memory with a cache line for each thing.

/** Words of a cache line of 64 bytes. */
export const LINE = 16;

/** One page, so it begins a line: line 0 counts arrivals, line 1 is the barrier's generation, line 2 the number of harts. */
const words = new FixedArray<u32>(1024);
const GENERATION = LINE;
const HARTS = 2 * LINE;
/** For the guest's parts, from line 4 on. */
export const SHARED = 4 * LINE;
export const shared = words;

export function harts_present(count: u32): void {
  fence("rw", "rw");
  WRITE_ONCE(words[HARTS], count);
}

export function harts(): u32 {
  while (READ_ONCE(words[HARTS]) === 0) pause();
  return words[HARTS];
}

/** All harts meet here. */
export function barrier(_hart: u32): void {
  "noinline";
  const all = harts();
  const generation = READ_ONCE(words[GENERATION]);
  if (amoAdd(words.add(0), 1) + 1 === all) {
    WRITE_ONCE(words[0], 0);
    fence("rw", "rw");
    WRITE_ONCE(words[GENERATION], generation + 1);
  } else {
    while (READ_ONCE(words[GENERATION]) === generation) pause();
    fence("r", "rw");
  }
}

export function cycle(): u32 {
  "inline";
  return csrRead(0xc00);
}
