// Hart masks as SBI passes them, and supervisor software interrupts (SBI IPI).

import { clint_set_msip, HARTS_MAX } from "./board.ts";
import { IRQ_S_SOFT, MIP } from "./csr.ts";
import { hart_runs, harts } from "./hart.ts";
import { hart_serve_fence } from "./rfence.ts";

/** The base that means "every hart". */
export const BASE_ALL = 0xffff_ffff;

/** False for a mask that names a hart which does not exist. */
export function hart_mask_valid(mask: u32, base: u32): boolean {
  if (base === BASE_ALL) return true;
  for (let bit: u32 = 0; bit < 32; bit++) {
    if (((mask >> bit) & 1) === 0) continue;
    if (base >= HARTS_MAX || base + bit >= HARTS_MAX || harts[base + bit].present === 0)
      return false;
  }
  return true;
}

/** The harts of a valid mask. */
export function* hart_targets(mask: u32, base: u32): Generator<u32> {
  for (let hart: u32 = 0; hart < HARTS_MAX; hart++) {
    if (harts[hart].present === 0) continue;
    if (base === BASE_ALL || (hart - base < 32 && ((mask >> (hart - base)) & 1) !== 0)) yield hart;
  }
}

/** A hart that is not started has nobody to interrupt. */
export function send_ipi(mask: u32, base: u32): void {
  for (const hart of hart_targets(mask, base)) {
    if (!hart_runs(hart)) continue;
    WRITE_ONCE(harts[hart].ipi, 1);
    fence("rw", "rw");
    clint_set_msip(hart, 1);
  }
}

/** The machine software interrupt: pass an IPI on, do a fence. */
export function software_interrupt(hart: u32): void {
  clint_set_msip(hart, 0);
  fence("rw", "rw");
  if (amoSwap(addressOf(harts[hart].ipi), 0) !== 0) csrReadSet(MIP, 1 << IRQ_S_SOFT);
  hart_serve_fence(hart);
}
