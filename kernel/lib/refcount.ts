// Reference counts that do not come back from the dead: counting up from zero, below zero or over the top warns once, and
// leaves the count at REFCOUNT_SATURATED, from which nothing moves it. The object leaks instead of being used after it was
// freed.
//
// Values: 0 freed; 1 .. 2^31-1 references; negative: saturated. Overshooting is repaired after the addition, so the band
// between is wide: 2^30 CPUs would have to be between the two steps to get out of it.
// Order: an increment gives none (who holds a reference can take another); a decrement is a release, and the one that
// reaches 0 an acquire too, so that whoever frees the object sees what the others did to it. refcount_inc_not_zero gives none.
// Warnings say which misuse, as Linux words them; each of the five is printed once in a run.

import { atomic_cmpxchg_relaxed, atomic_read, atomic_set, atomic_t } from "./atomic.ts";
import { WARN_ON } from "./bug.ts";
import { pr_warn } from "./printk.ts";

/** Half way between -2^31 and 0. */
export const REFCOUNT_SATURATED: i32 = -0x4000_0000;

export class refcount_t {
  readonly refs = new atomic_t();
}

const enum MISUSE { ADD_NOT_ZERO_OVERFLOW, ADD_OVERFLOW, ADD_USE_AFTER_FREE, SUB_USE_AFTER_FREE, DEC_LEAK }
/** Kinds of misuse that have been reported, one bit each. */
let warned: u32 = 0;

function sentence(misuse: u32): string {
  switch (misuse) {
    case MISUSE.ADD_USE_AFTER_FREE: return "addition on 0; use-after-free";
    case MISUSE.SUB_USE_AFTER_FREE: return "underflow; use-after-free";
    case MISUSE.DEC_LEAK: return "decrement hit 0; leaking memory";
    default: return "saturated; leaking memory";
  }
}

/** Saturates, and says so once for each kind of misuse. */
function refcount_warn_saturate(r: refcount_t, misuse: u32): void {
  "noinline";
  atomic_set(r.refs, REFCOUNT_SATURATED);
  if ((amoOr(addressOf(warned), 1 << misuse) & (1 << misuse)) !== 0) return;
  pr_warn("refcount_t: %s.\n", sentence(misuse));
  WARN_ON(true);
}

export function refcount_set(r: refcount_t, n: i32): void {
  "inline";
  atomic_set(r.refs, n);
}

export function refcount_read(r: refcount_t): u32 {
  "inline";
  return u32(atomic_read(r.refs));
}

/** Adds unless the count is 0; true when the caller now has them. @must_use */
export function refcount_add_not_zero(n: i32, r: refcount_t): boolean {
  let old = atomic_read(r.refs);
  for (;;) {
    if (old === 0) return false;
    const found = atomic_cmpxchg_relaxed(r.refs, old, old + n);
    if (found === old) break;
    old = found;
  }
  if (unlikely(old < 0 || old + n < 0)) refcount_warn_saturate(r, MISUSE.ADD_NOT_ZERO_OVERFLOW);
  return true;
}

/** Takes a reference to what was found, unless it is being freed. @must_use */
export function refcount_inc_not_zero(r: refcount_t): boolean {
  "inline";
  return refcount_add_not_zero(1, r);
}

/** The caller has a reference already. */
export function refcount_add(n: i32, r: refcount_t): void {
  const old = i32(amoAddRelaxed(addressOf(r.refs.counter), n));
  if (unlikely(old === 0)) refcount_warn_saturate(r, MISUSE.ADD_USE_AFTER_FREE);
  else if (unlikely(old < 0 || old + n < 0)) refcount_warn_saturate(r, MISUSE.ADD_OVERFLOW);
}

/** The caller has a reference already. */
export function refcount_inc(r: refcount_t): void {
  "inline";
  refcount_add(1, r);
}

/** True when these were the last ones: the caller frees the object. @must_use */
export function refcount_sub_and_test(n: i32, r: refcount_t): boolean {
  const old = i32(amoAddRelease(addressOf(r.refs.counter), -n));
  if (old === n) {
    fence("r", "rw");
    return true;
  }
  if (unlikely(old < 0 || old - n < 0)) refcount_warn_saturate(r, MISUSE.SUB_USE_AFTER_FREE);
  return false;
}

/** True when this was the last one: the caller frees the object. @must_use */
export function refcount_dec_and_test(r: refcount_t): boolean {
  "inline";
  return refcount_sub_and_test(1, r);
}

/** For a caller that knows of another reference; reaching 0 here would free nothing. */
export function refcount_dec(r: refcount_t): void {
  if (unlikely(i32(amoAddRelease(addressOf(r.refs.counter), -1)) <= 1)) refcount_warn_saturate(r, MISUSE.DEC_LEAK);
}

/** 1 to 0, and nothing else. @must_use */
export function refcount_dec_if_one(r: refcount_t): boolean {
  return CMPXCHG(r.refs.counter, 1, 0) === 1;
}

/** Gives a reference up unless it is the last one; true when it was given up. @must_use */
export function refcount_dec_not_one(r: refcount_t): boolean {
  for (;;) {
    const old = atomic_read(r.refs);
    if (unlikely(old < 0)) return true;
    if (old === 1) return false;
    if (unlikely(old === 0)) {
      refcount_warn_saturate(r, MISUSE.SUB_USE_AFTER_FREE);
      return true;
    }
    if (CMPXCHG(r.refs.counter, old, old - 1) === old) return true;
  }
}
