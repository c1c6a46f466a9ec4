// Where tracked blocks lie at all: a cheap test of a scanned word before it is looked up.
//
// Every tracked block lies above below_addr and ends at end_addr at the latest. Both are in a root area; neither holds an address of a
// block, or they would keep the lowest one alive. The range only grows, under kmemleak_lock.

let below_addr: usize = 0xffff_ffff;
let end_addr: usize = 0;

/** Called with kmemleak_lock held for writing. */
export function widen_tracked_range(ptr: usize, size: usize): void {
  "inline";
  if (ptr <= below_addr) WRITE_ONCE(below_addr, ptr - 1);
  if (ptr + size > end_addr) WRITE_ONCE(end_addr, ptr + size);
}

/** Words at or below it point to no tracked block. */
export function tracked_below(): usize {
  "inline";
  return READ_ONCE(below_addr);
}

/** Words at or above it point to no tracked block. */
export function tracked_end(): usize {
  "inline";
  return READ_ONCE(end_addr);
}
