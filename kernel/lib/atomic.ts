// Atomic integers with Linux's ordering contract, by which a name tells its order:
//
//   returns nothing (atomic_add, atomic_or, …), atomic_read, atomic_set     relaxed: no order at all
//   returns a value (…_return, fetch_…, …_and_test, xchg, cmpxchg)          a full barrier before and behind
//   conditional ones that did nothing (cmpxchg, add_unless, …)              no order when they fail
//   …_acquire, …_release, …_relaxed                                         that and no more
//
// An AMO with both bits set (.aqrl) is a full barrier under RVWMO. CMPXCHG is LR.aq/SC.rl: a store before it and a load
// behind it may still pass each other, so the fully ordered forms add a fence. Arithmetic wraps.
// 32 bits only: RV32 has no 64-bit AMO. Barriers (smp_mb and its kin) stand at the end.

export class atomic_t {
  counter: i32 = 0;
}

function word(v: atomic_t): Ptr<u32> {
  "inline";
  return cast<Ptr<u32>>(addr(v));
}

export function atomic_read(v: atomic_t): i32 {
  "inline";
  return READ_ONCE(v.counter);
}

export function atomic_read_acquire(v: atomic_t): i32 {
  "inline";
  const value = READ_ONCE(v.counter);
  fence("r", "rw");
  return value;
}

export function atomic_set(v: atomic_t, value: i32): void {
  "inline";
  WRITE_ONCE(v.counter, value);
}

export function atomic_set_release(v: atomic_t, value: i32): void {
  "inline";
  fence("rw", "w");
  WRITE_ONCE(v.counter, value);
}

// ---- without a value ----

export function atomic_inc(v: atomic_t): void {
  "inline";
  amoAddRelaxed(addressOf(v.counter), 1);
}

export function atomic_dec(v: atomic_t): void {
  "inline";
  amoAddRelaxed(addressOf(v.counter), -1);
}

export function atomic_add(value: i32, v: atomic_t): void {
  "inline";
  amoAddRelaxed(addressOf(v.counter), value);
}

export function atomic_sub(value: i32, v: atomic_t): void {
  "inline";
  amoAddRelaxed(addressOf(v.counter), -value);
}

export function atomic_or(bits: i32, v: atomic_t): void {
  "inline";
  amoOr(word(v), u32(bits));
}

export function atomic_and(bits: i32, v: atomic_t): void {
  "inline";
  amoAnd(word(v), u32(bits));
}

export function atomic_andnot(bits: i32, v: atomic_t): void {
  "inline";
  amoAnd(word(v), ~u32(bits));
}

// ---- the new value ----

export function atomic_add_return(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAdd(addressOf(v.counter), value)) + value;
}

export function atomic_add_return_relaxed(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAddRelaxed(addressOf(v.counter), value)) + value;
}

export function atomic_add_return_acquire(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAddAcquire(addressOf(v.counter), value)) + value;
}

export function atomic_add_return_release(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAddRelease(addressOf(v.counter), value)) + value;
}

export function atomic_sub_return(value: i32, v: atomic_t): i32 {
  "inline";
  return atomic_add_return(-value, v);
}

export function atomic_inc_return(v: atomic_t): i32 {
  "inline";
  return atomic_add_return(1, v);
}

export function atomic_dec_return(v: atomic_t): i32 {
  "inline";
  return atomic_add_return(-1, v);
}

/** True when the new value is zero. */
export function atomic_sub_and_test(value: i32, v: atomic_t): boolean {
  "inline";
  return atomic_sub_return(value, v) === 0;
}

/** True when the new value is zero. */
export function atomic_dec_and_test(v: atomic_t): boolean {
  "inline";
  return i32(amoAdd(addressOf(v.counter), -1)) === 1;
}

/** True when the new value is zero. */
export function atomic_inc_and_test(v: atomic_t): boolean {
  "inline";
  return i32(amoAdd(addressOf(v.counter), 1)) === -1;
}

/** True when the new value is negative. */
export function atomic_add_negative(value: i32, v: atomic_t): boolean {
  "inline";
  return atomic_add_return(value, v) < 0;
}

// ---- the old value ----

export function atomic_fetch_add(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAdd(addressOf(v.counter), value));
}

export function atomic_fetch_sub(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAdd(addressOf(v.counter), -value));
}

export function atomic_fetch_or(bits: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoOr(word(v), u32(bits)));
}

export function atomic_fetch_and(bits: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAnd(word(v), u32(bits)));
}

export function atomic_fetch_andnot(bits: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAnd(word(v), ~u32(bits)));
}

export function atomic_fetch_xor(bits: i32, v: atomic_t): i32 {
  for (;;) {
    const old = atomic_read(v);
    if (atomic_cmpxchg(v, old, old ^ bits) === old) return old;
  }
}

export function atomic_xchg(v: atomic_t, value: i32): i32 {
  "inline";
  return i32(amoSwap(word(v), u32(value)));
}

export function atomic_xchg_acquire(v: atomic_t, value: i32): i32 {
  "inline";
  return i32(amoSwapAcquire(word(v), u32(value)));
}

/** Stored only when the old value was `old`. */
export function atomic_cmpxchg(v: atomic_t, old: i32, value: i32): i32 {
  "inline";
  const found = CMPXCHG(v.counter, old, value);
  fence("rw", "rw");
  return found;
}

/** Orders nothing that a caller may rely on. */
export function atomic_cmpxchg_relaxed(v: atomic_t, old: i32, value: i32): i32 {
  "inline";
  return CMPXCHG(v.counter, old, value);
}

/** True when it was stored; else expected[0] is what was found. @must_use */
export function atomic_try_cmpxchg(v: atomic_t, expected: Ptr<i32>, value: i32): boolean {
  "inline";
  const old = expected[0];
  const found = atomic_cmpxchg(v, old, value);
  if (found === old) return true;
  expected[0] = found;
  return false;
}

// ---- conditional ----

/** Adds unless the value is `unless`; the old value. */
export function atomic_fetch_add_unless(v: atomic_t, value: i32, unless: i32): i32 {
  for (;;) {
    const old = atomic_read(v);
    if (old === unless || atomic_cmpxchg(v, old, old + value) === old) return old;
  }
}

/** True when it was added. */
export function atomic_add_unless(v: atomic_t, value: i32, unless: i32): boolean {
  return atomic_fetch_add_unless(v, value, unless) !== unless;
}

/** Add 1 unless the value is 0; true when it was added. @must_use */
export function atomic_inc_not_zero(v: atomic_t): boolean {
  return atomic_fetch_add_unless(v, 1, 0) !== 0;
}

/** @must_use */
export function atomic_inc_unless_negative(v: atomic_t): boolean {
  for (;;) {
    const old = atomic_read(v);
    if (old < 0) return false;
    if (atomic_cmpxchg(v, old, old + 1) === old) return true;
  }
}

/** @must_use */
export function atomic_dec_unless_positive(v: atomic_t): boolean {
  for (;;) {
    const old = atomic_read(v);
    if (old > 0) return false;
    if (atomic_cmpxchg(v, old, old - 1) === old) return true;
  }
}

/** The old value minus 1, which was stored unless it is negative. */
export function atomic_dec_if_positive(v: atomic_t): i32 {
  for (;;) {
    const old = atomic_read(v);
    if (old <= 0 || atomic_cmpxchg(v, old, old - 1) === old) return old - 1;
  }
}

// ---- barriers ----

/** A full memory barrier. */
export function smp_mb(): void {
  "inline";
  fence("rw", "rw");
}

/** Reads before it are done before reads behind it. */
export function smp_rmb(): void {
  "inline";
  fence("r", "r");
}

/** Writes before it are seen before writes behind it. */
export function smp_wmb(): void {
  "inline";
  fence("w", "w");
}

/** Makes a relaxed atomic operation behind it ordered with what stands before. */
export function smp_mb__before_atomic(): void {
  "inline";
  fence("rw", "rw");
}

/** Makes a relaxed atomic operation before it ordered with what stands behind. */
export function smp_mb__after_atomic(): void {
  "inline";
  fence("rw", "rw");
}
