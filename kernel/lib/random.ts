// Small seeded pseudo-random numbers: Marsaglia's xorshift128, one state per user. Deterministic; not for secrets.

export class prandom_state {
  s1: u32;
  s2: u32;
  s3: u32;
  s4: u32;
}

/** Spread a seed over 32 bits (a step of splitmix32). */
function mix(seed: u32): u32 {
  let z = seed;
  z = (z ^ (z >>> 16)) * 0x21f0_aaad;
  z = (z ^ (z >>> 15)) * 0x735a_2d97;
  return z ^ (z >>> 15);
}

export function prandom_seed(state: prandom_state, seed: u32): void {
  state.s1 = mix(seed + 0x9e37_79b9);
  state.s2 = mix(seed + 0x3c6e_f372);
  state.s3 = mix(seed + 0xdaa6_6d2b);
  // The one forbidden state is all zeroes.
  state.s4 = mix(seed + 0x78dd_e6e4) | 1;
}

export function prandom_u32(state: prandom_state): u32 {
  let t = state.s4;
  const s = state.s1;
  state.s4 = state.s3;
  state.s3 = state.s2;
  state.s2 = s;
  t ^= t << 11;
  t ^= t >>> 8;
  state.s1 = t ^ s ^ (s >>> 19);
  return state.s1;
}

/** Evenly spread over 0 .. below - 1. */
export function prandom_u32_max(state: prandom_state, below: u32): u32 {
  return mulhu(prandom_u32(state), below);
}
