// What an allocation may do and what it wants: Linux's names, values as before the split of __GFP_WAIT into reclaim bits.
//
//   GFP_ATOMIC   never sleeps, may go below the min watermark by half and a quarter: interrupts, spinlocks
//   GFP_NOWAIT   never sleeps, has no claim on reserves but the quarter of those who cannot wait
//   GFP_KERNEL   may sleep: reclaims, waits for others to free, fails in the end
// There is no I/O and no file system yet, so __GFP_IO and __GFP_FS permit nothing more than __GFP_WAIT does: a reclaimer looks
// at them (page/reclaim.ts).

import { might_sleep } from "../sched/preempt.ts";

/** The caller may sleep. */
export const __GFP_WAIT = 0x10;
/** The lower half of the min watermark too. */
export const __GFP_HIGH = 0x20;
export const __GFP_IO = 0x40;
export const __GFP_FS = 0x80;
/** No message when the allocation fails. */
export const __GFP_NOWARN = 0x200;
/** Never fails, waits as long as it takes: only together with __GFP_WAIT, and where waiting is possible. */
export const __GFP_NOFAIL = 0x800;
/** One round of reclaim, no waiting. */
export const __GFP_NORETRY = 0x1000;
/** All reserves: only for who frees more than he takes. */
export const __GFP_MEMALLOC = 0x2000;
/** A block whose pages know their first one (compound_head). */
export const __GFP_COMP = 0x4000;
/** The memory is cleared. */
export const __GFP_ZERO = 0x8000;
/** No reserves, whatever the context says; wins over __GFP_MEMALLOC. */
export const __GFP_NOMEMALLOC = 0x1_0000;

export const GFP_NOWAIT = 0;
export const GFP_ATOMIC = __GFP_HIGH;
export const GFP_NOIO = __GFP_WAIT;
export const GFP_NOFS = __GFP_WAIT | __GFP_IO;
export const GFP_KERNEL = __GFP_WAIT | __GFP_IO | __GFP_FS;

/** The bits that decide whether a caller may sleep. */
export function gfpflags_allow_blocking(gfp: u32): boolean {
  "inline";
  return (gfp & __GFP_WAIT) !== 0;
}

/** At the head of each allocating function: complains when the flags allow sleeping and the caller does not. @may_sleep_if gfp __GFP_WAIT */
export function might_alloc(gfp: u32): void {
  "inline";
  if (gfpflags_allow_blocking(gfp)) might_sleep();
}

/** The name of the combination that a report shows beside the number. */
export function gfp_name(gfp: u32): string {
  switch (gfp & ~(__GFP_NOWARN | __GFP_ZERO | __GFP_COMP | __GFP_NORETRY | __GFP_NOFAIL)) {
    case GFP_NOWAIT:
      return "GFP_NOWAIT";
    case GFP_ATOMIC:
      return "GFP_ATOMIC";
    case GFP_NOIO:
      return "GFP_NOIO";
    case GFP_NOFS:
      return "GFP_NOFS";
    case GFP_KERNEL:
      return "GFP_KERNEL";
    default:
      return "other";
  }
}
