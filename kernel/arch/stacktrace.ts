// Stack walks along the frame pointer: with fp = s0, the return address is at fp - 4 and the caller's fp at fp - 8.
//
// The walk stays on one stack (STACK_SIZE bytes, aligned) and only goes up, so a damaged chain ends it. A trap puts a
// frame of its own on the stack (traps.ts): the walk goes on through it into the interrupted function, whose pc stands
// where a return address would.

import { STACK_SIZE } from "./thread.ts";

/** Stores return addresses from the frame `fp` outwards, after `skip` of them; their number. */
export function walk_stackframe(fp: usize, store: Ptr<usize>, size: u32, skip: u32): u32 {
  let frame = fp;
  let left = skip;
  let count: u32 = 0;
  // A frame pointer is the stack pointer of the caller: it may be the very end of the stack.
  const end = ((fp - 1) & ~(STACK_SIZE - 1)) + STACK_SIZE;
  while (count < size) {
    if ((frame & 3) !== 0 || frame > end || frame < end - STACK_SIZE + 8) break;
    const words = cast<Ptr<usize>>(frame - 8);
    const ra = words[1];
    if (ra === 0) break;
    if (left !== 0) left -= 1;
    else store[count++] = ra;
    const up = words[0];
    if (up <= frame) break;
    frame = up;
  }
  return count;
}

/** The calling function's stack: entry 0 is a return address into the caller. */
export function stack_trace_save(store: Ptr<usize>, size: u32, skip: u32): u32 {
  "noinline";
  return walk_stackframe(framePointer(), store, size, skip);
}
