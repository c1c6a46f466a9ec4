// Remote fences (SBI RFENCE): another hart executes fence.i or sfence.vma, and the caller waits until it has.
//
// One request at a time, under `request.lock`. Every wait serves the waiter's own hart: two harts that fence each other
// at the same moment would otherwise wait for ever, as machine mode runs with interrupts off.

import { clint_set_msip } from "./board.ts";
import { hart_runs, harts, this_hart } from "./hart.ts";
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
  asid: u32;
}
const request = new fence_request();

function sfence_asid(_asid: u32): void {
  "naked";
  asm`
    sfence.vma zero, a0
    ret`;
}

function sfence_page_asid(_address: usize, _asid: u32): void {
  "naked";
  asm`
    sfence.vma a0, a1
    ret`;
}

function fence_now(): void {
  if (request.kind === FENCE.I) {
    fenceI();
    return;
  }
  const all = request.size > RANGE_MAX || (request.start === 0 && request.size === 0);
  const one_asid = request.kind === FENCE.VMA_ASID;
  if (all) {
    if (one_asid) sfence_asid(request.asid);
    else sfenceVma();
    return;
  }
  // Every page that holds a byte of the range; the last one may be the last there is.
  const pages = ((request.start & 4095) + request.size + 4095) >> 12;
  for (let page: u32 = 0; page < pages; page++) {
    const address = (request.start & ~4095) + (page << 12);
    if (one_asid) sfence_page_asid(address, request.asid);
    else sfenceVma(address);
  }
}

/** Does the fence another hart has asked for, if any. */
export function hart_serve_fence(hart: u32): void {
  if (READ_ONCE(harts[hart].fence) === 0) return;
  fence("r", "rw");
  fence_now();
  fence("rw", "w");
  WRITE_ONCE(harts[hart].fence, 0);
}

export function remote_fence(mask: u32, base: u32, kind: u32, start: usize, size: u32, asid: u32): void {
  const self = this_hart();
  while (amoSwap(addressOf(request.lock), 1) !== 0) hart_serve_fence(self);
  request.kind = kind;
  request.start = start;
  request.size = size;
  request.asid = asid;
  let local = false;
  for (const hart of hart_targets(mask, base)) {
    if (hart === self) {
      local = true;
    } else if (hart_runs(hart)) {
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
