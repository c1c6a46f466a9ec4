// 64-bit division. The compiler calls __udivdi3 and its siblings for `/` and `%` on u64 and i64; it must not use those
// operators here. Dividing by zero gives all ones (the remainder: the dividend), as the divu instruction does.

/** Quotient in the low, remainder in the high word; needs high < divisor. */
function div_step(high: u32, low: u32, divisor: u32): u64 {
  let rest = high;
  let quotient = low;
  for (let n: u32 = 0; n < 32; n++) {
    const carry = rest >>> 31;
    rest = (rest << 1) | (quotient >>> 31);
    quotient <<= 1;
    if (carry !== 0 || rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
  }
  return (u64(rest) << 32n) | u64(quotient);
}

/** A full division, where the divisor has more than 32 bits: the quotient has less than 32. */
function divide_wide(a: u64, b: u64): u64 {
  let shift: u32 = 0;
  let d = b;
  while (u32(d >> 32n) < u32(a >> 32n) && (u32(d >> 32n) & 0x8000_0000) === 0) {
    d <<= 1n;
    shift++;
  }
  let rest = a;
  let quotient: u32 = 0;
  for (;;) {
    quotient <<= 1;
    if (rest >= d) {
      rest -= d;
      quotient |= 1;
    }
    if (shift === 0) return u64(quotient);
    d >>= 1n;
    shift--;
  }
}

export function __udivdi3(a: u64, b: u64): u64 {
  const high = u32(a >> 32n);
  const low = u32(a);
  if (u32(b >> 32n) !== 0) return a < b ? 0n : divide_wide(a, b);
  const divisor = u32(b);
  if (divisor === 0) return ~0n;
  if (high === 0) return u64(low / divisor);
  const q = high / divisor;
  return (u64(q) << 32n) | u64(u32(div_step(high - q * divisor, low, divisor)));
}

export function __umoddi3(a: u64, b: u64): u64 {
  const high = u32(a >> 32n);
  const low = u32(a);
  if (u32(b >> 32n) !== 0) return a < b ? a : a - divide_wide(a, b) * b;
  const divisor = u32(b);
  if (divisor === 0) return a;
  if (high === 0) return u64(low % divisor);
  return div_step(high % divisor, low, divisor) >> 32n;
}

export function __divdi3(a: i64, b: i64): i64 {
  const x = a < 0n ? u64(-a) : u64(a);
  const y = b < 0n ? u64(-b) : u64(b);
  const q = i64(__udivdi3(x, y));
  return (a < 0n) === (b < 0n) ? q : -q;
}

export function __moddi3(a: i64, b: i64): i64 {
  const x = a < 0n ? u64(-a) : u64(a);
  const y = b < 0n ? u64(-b) : u64(b);
  const r = i64(__umoddi3(x, y));
  return a < 0n ? -r : r;
}

/** dividend / divisor. */
export function div_u64(dividend: u64, divisor: u32): u64 {
  return __udivdi3(dividend, u64(divisor));
}

/** dividend / divisor; the remainder goes to `*remainder`. */
export function div_u64_rem(dividend: u64, divisor: u32, remainder: Ptr<u32>): u64 {
  const q = __udivdi3(dividend, u64(divisor));
  remainder[0] = u32(dividend) - u32(q) * divisor;
  return q;
}

/** a * b without losing the high word. */
export function mul_u32_u32(a: u32, b: u32): u64 {
  "inline";
  return (u64(mulhu(a, b)) << 32n) | u64(a * b);
}
