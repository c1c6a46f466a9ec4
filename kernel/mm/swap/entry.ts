// swp_entry_t: which slot of which device, in one word. 0 is none: slot 0 of a device is never used.
//
//   31       24 23                              0
//   |  type   |            offset               |
// and the byte that swap_map has for each slot:
//   0x3f  users: page tables and others that hold the entry; 0x3e at most, 0x3f alone is a bad slot
//   0x40  SWAP_HAS_CACHE: the slot's page is in the swap cache, or about to be
//   0x80  COUNT_CONTINUED: more users than the byte can count (continuation.ts)
// 0: the slot is free. Source: Linux 3.11, include/linux/swap.h.

/** Bits of the offset; page tables hold an entry shifted left by one. */
const SWP_TYPE_SHIFT = 24;

export const MAX_SWAPFILES = 4;

export const SWAP_MAP_MAX = 0x3e;
export const SWAP_MAP_BAD = 0x3f;
export const SWAP_HAS_CACHE = 0x40;
export const COUNT_CONTINUED = 0x80;

export type swp_entry_t = u32;

export function swp_entry(type: u32, offset: u32): swp_entry_t {
  "inline";
  return (type << SWP_TYPE_SHIFT) | offset;
}

export function swp_type(entry: swp_entry_t): u32 {
  "inline";
  return entry >>> SWP_TYPE_SHIFT;
}

export function swp_offset(entry: swp_entry_t): u32 {
  "inline";
  return entry & ((1 << SWP_TYPE_SHIFT) - 1);
}

/** The users in a byte of swap_map, with COUNT_CONTINUED when there are more. */
export function swap_count(ent: u8): u32 {
  "inline";
  return ent & ~SWAP_HAS_CACHE;
}
