// What an allocation may do and what it wants; the values fit in one word.

import { might_sleep } from "../sched/preempt.ts";

/** The caller may sleep. Nothing reclaims memory yet, so nothing sleeps; checked all the same by those who would. */
export const __GFP_WAIT = 0x10;
/** Use the last reserves. There are none yet. */
export const __GFP_HIGH = 0x20;
/** No message when the allocation fails. */
export const __GFP_NOWARN = 0x200;
/** The memory is cleared. */
export const __GFP_ZERO = 0x8000;

export const GFP_ATOMIC = __GFP_HIGH;
export const GFP_KERNEL = __GFP_WAIT | 0xc0;

/** An allocation with these flags may sleep. */
export function gfpflags_allow_blocking(gfp: u32): boolean {
  "inline";
  return (gfp & __GFP_WAIT) !== 0;
}

/** At the head of each allocating function: complains when the flags allow sleeping and the caller does not. */
export function might_alloc(gfp: u32): void {
  "inline";
  if (gfpflags_allow_blocking(gfp)) might_sleep();
}
