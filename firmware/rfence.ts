// Remote fences (SBI RFENCE): another hart executes fence.i or sfence.vma, and the caller waits until it has.
//
// One request at a time, under `request.lock`. Every wait serves the waiter's own hart: two harts that fence each other
// at the same moment would otherwise wait for ever, as machine mode runs with interrupts off.

import { clint_set_msip } from "./board.ts";
import { HSM, harts, this_hart } from "./hart.ts";
import { hart_targets } from "./ipi.ts";

export const enum FENCE {
  I = 0,
  VMA = 1,
  VMA_ASID = 2,
}

/** Ranges of more bytes than this flush everything. */
const RANGE_MAX = 16 * 4096;

class fence_request {
  lock: u32;
  kind: u32;
  start: usize;
  size: u32;
}
const request = new fence_request();

function fence_now(): void {
  if (request.kind === FENCE.I) {
    fenceI();
    return;
  }
  if (request.size > RANGE_MAX || (request.start === 0 && request.size === 0)) {
    sfenceVma();
    return;
  }
  for (let offset: u32 = 0; offset < request.size; offset += 4096)
    sfenceVma(request.start + offset);
}

/** Does the fence another hart has asked for, if any. */
export function hart_serve_fence(hart: u32): void {
  if (READ_ONCE(harts[hart].fence) === 0) return;
  fence("r", "rw");
  fence_now();
  fence("rw", "w");
  WRITE_ONCE(harts[hart].fence, 0);
}

export function remote_fence(mask: u32, base: u32, kind: u32, start: usize, size: u32): void {
  const self = this_hart();
  while (amoSwap(addressOf(request.lock), 1) !== 0) hart_serve_fence(self);
  request.kind = kind;
  request.start = start;
  request.size = size;
  let local = false;
  for (const hart of hart_targets(mask, base)) {
    if (hart === self) {
      local = true;
    } else if (
      READ_ONCE(harts[hart].state) === HSM.STARTED ||
      READ_ONCE(harts[hart].state) === HSM.SUSPENDED
    ) {
      fence("rw", "rw");
      WRITE_ONCE(harts[hart].fence, 1);
      fence("w", "w");
      clint_set_msip(hart, 1);
    }
  }
  if (local) fence_now();
  for (const hart of hart_targets(mask, base)) while (READ_ONCE(harts[hart].fence) !== 0) pause();
  fence("rw", "w");
  WRITE_ONCE(request.lock, 0);
}
