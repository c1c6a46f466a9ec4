// Time in ticks and in nanoseconds. One CPU, tick_do_timer_cpu, counts jiffies; they start at 0.

import { get_cycles64, timebase_hz } from "../arch/time.ts";

export const HZ = 1000;
const NSEC_PER_SEC = 1_000_000_000;

let jiffies_count: u32 = 0;

/** Ticks since boot; wraps: compare with time_before and its like. */
export function jiffies(): u32 {
  "inline";
  return READ_ONCE(jiffies_count);
}

/** Only the CPU that counts. */
export function advance_jiffies(ticks: u32): void {
  WRITE_ONCE(jiffies_count, jiffies_count + ticks);
}

export function time_before(a: u32, b: u32): boolean {
  "inline";
  return i32(a - b) < 0;
}

export function time_after(a: u32, b: u32): boolean {
  "inline";
  return i32(b - a) < 0;
}

export function time_before_eq(a: u32, b: u32): boolean {
  "inline";
  return i32(a - b) <= 0;
}

export function time_after_eq(a: u32, b: u32): boolean {
  "inline";
  return i32(a - b) >= 0;
}

export function msecs_to_jiffies(ms: u32): u32 {
  "inline";
  return ms * (HZ / 1000);
}

export function jiffies_to_msecs(ticks: u32): u32 {
  "inline";
  return ticks * (1000 / HZ);
}

/** Nanoseconds of the time CSR; exact when the timebase divides a second's nanoseconds. */
export function sched_clock(): u64 {
  return get_cycles64() * u64(NSEC_PER_SEC / timebase_hz);
}
