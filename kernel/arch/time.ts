// The time CSR: a counter that all harts share, at timebase_hz.

import { CSR_TIME, CSR_TIMEH } from "./csr.ts";

/** Ticks a second, from the device tree. */
export let timebase_hz: u32 = 10_000_000;

export function set_timebase(hz: u32): void {
  timebase_hz = hz;
}

export function get_cycles64(): u64 {
  for (;;) {
    const high = csrRead(CSR_TIMEH);
    const low = csrRead(CSR_TIME);
    if (csrRead(CSR_TIMEH) === high) return (u64(high) << 32n) | u64(low);
  }
}
