// Marsaglia's xorshift32: one word of state, inlined into its users.

/** The next state, which is also the number drawn; a state is never zero. */
export function xorshift(state: u32): u32 {
  "inline";
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  return x ^ (x << 5);
}
