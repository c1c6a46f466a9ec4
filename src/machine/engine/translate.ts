/** Sv32 for JavaScript: where a page table maps an address, with no check of permissions and no side effects. */
import { BOARD } from "../memory/layout.ts";

const PTE_V = 1;
const PTE_RX = 2 | 8;

/** Physical address or -1. */
export function translate(
  words: Int32Array,
  ramOffset: number,
  ramBytes: number,
  satp: number,
  virtual: number,
  privilege: number,
): number {
  if (privilege === 3 || satp >= 0) return virtual >>> 0;
  let table = satp & 0x3fffff;
  for (const level of [1, 0]) {
    const index = (virtual >>> (level === 1 ? 22 : 12)) & 1023;
    const offset = table * 4096 + index * 4 - BOARD.RAM;
    if (offset < 0 || offset >= ramBytes) return -1;
    const pte = words[(ramOffset + offset) / 4]!;
    if ((pte & PTE_V) === 0) return -1;
    if ((pte & PTE_RX) !== 0) {
      const page = (pte >>> 10) * 4096;
      return level === 1 ? page + (virtual & 0x3fffff) : page + (virtual & 0xfff);
    }
    table = pte >>> 10;
  }
  return -1;
}
