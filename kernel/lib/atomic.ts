// Atomic counters with Linux's ordering: an operation that returns a value is fully ordered, one that returns nothing,
// atomic_read and atomic_set are relaxed.

export class atomic_t {
  counter: i32 = 0;
}

export function atomic_read(v: atomic_t): i32 {
  "inline";
  return READ_ONCE(v.counter);
}

export function atomic_set(v: atomic_t, value: i32): void {
  "inline";
  WRITE_ONCE(v.counter, value);
}

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

/** The new value. */
export function atomic_add_return(value: i32, v: atomic_t): i32 {
  "inline";
  return i32(amoAdd(addressOf(v.counter), value)) + value;
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
export function atomic_dec_and_test(v: atomic_t): boolean {
  "inline";
  return i32(amoAdd(addressOf(v.counter), -1)) === 1;
}

/** The old value. */
export function atomic_cmpxchg(v: atomic_t, old: i32, value: i32): i32 {
  "inline";
  return CMPXCHG(v.counter, old, value);
}

/** The old value. */
export function atomic_xchg(v: atomic_t, value: i32): i32 {
  "inline";
  return i32(amoSwap(cast<Ptr<u32>>(addr(v)), u32(value)));
}

/** Add 1 unless the value is 0; true when it was added. */
export function atomic_inc_not_zero(v: atomic_t): boolean {
  for (;;) {
    const old = atomic_read(v);
    if (old === 0) return false;
    if (atomic_cmpxchg(v, old, old + 1) === old) return true;
  }
}

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
