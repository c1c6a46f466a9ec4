// Pages and the linear map: virtual PAGE_OFFSET + x is physical PHYS_OFFSET + x. Below PHYS_OFFSET lies the firmware.

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
export const PAGE_OFFSET = 0xc000_0000;
export const PHYS_OFFSET = 0x8040_0000;
export const VA_PA_OFFSET = PAGE_OFFSET - PHYS_OFFSET;
/** Bytes that the linear map can hold: the last 4 MiB of the address space stay empty. */
export const LINEAR_MAX = 0x3fc0_0000;

export function __pa(va: usize): usize {
  "inline";
  return va - VA_PA_OFFSET;
}

export function __va(pa: usize): usize {
  "inline";
  return pa + VA_PA_OFFSET;
}
