/**
 * Physical memory protection: 16 entries, granule 4 bytes. Privileged Architecture 1.12, section
 * 3.7.
 *
 * The lowest-numbered entry that touches any byte of an access decides; it must cover all of it.
 * With no match, M mode may do everything and lower modes nothing.
 */
import { getHart, type Board } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { PMP_ENTRIES, PMPCFG, PRIV } from "./bits.ts";

export function pmpConfigByte(board: Board, hart: number, entry: number): number {
  return (getHart(board, hart, HART.PMPCFG + (entry & ~3)) >>> (8 * (entry & 3))) & 0xff;
}

function pmpAddress(board: Board, hart: number, entry: number): number {
  return getHart(board, hart, HART.PMPADDR + 4 * entry) >>> 0;
}

/**
 * [first byte, byte behind the last) of an entry as numbers of up to 34 bits, or null when it is
 * off.
 */
function entryRange(
  board: Board,
  hart: number,
  entry: number,
  config: number,
): readonly [number, number] | null {
  const address = pmpAddress(board, hart, entry);
  switch ((config & PMPCFG.A) >>> PMPCFG.A_SHIFT) {
    case PMPCFG.TOR:
      return [entry === 0 ? 0 : pmpAddress(board, hart, entry - 1) * 4, address * 4];
    case PMPCFG.NA4:
      return [address * 4, address * 4 + 4];
    case PMPCFG.NAPOT: {
      const zeros = ~address;
      const trailingOnes = zeros === 0 ? 32 : 31 - Math.clz32(zeros & -zeros);
      const size = 2 ** (trailingOnes + 3);
      const base = Math.floor((address * 4) / size) * size;
      return [base, base + size];
    }
    default:
      return null;
  }
}

/** R, W and X of PMPCFG. */
const ALL_RIGHTS = PMPCFG.R | PMPCFG.W | PMPCFG.X;

/**
 * What `privilege` may do with `size` bytes at `address` (R, W, X of PMPCFG), or -1: the entry that
 * decides does not cover all of them, so no access to them as a whole is permitted.
 */
export function pmpRights(
  board: Board,
  hart: number,
  address: number,
  size: number,
  privilege: number,
): number {
  const start = address >>> 0;
  const end = start + size;
  for (let entry = 0; entry < PMP_ENTRIES; entry++) {
    const config = pmpConfigByte(board, hart, entry);
    const range = entryRange(board, hart, entry, config);
    if (!range || end <= range[0] || start >= range[1]) continue;
    if (start < range[0] || end > range[1]) return -1;
    if (privilege === PRIV.M && (config & PMPCFG.L) === 0) return ALL_RIGHTS;
    return config & ALL_RIGHTS;
  }
  return privilege === PRIV.M ? ALL_RIGHTS : 0;
}

/** Whether software may no longer change pmpaddr of this entry. */
export function pmpAddressLocked(board: Board, hart: number, entry: number): boolean {
  if ((pmpConfigByte(board, hart, entry) & PMPCFG.L) !== 0) return true;
  if (entry + 1 === PMP_ENTRIES) return false;
  const next = pmpConfigByte(board, hart, entry + 1);
  return (next & PMPCFG.L) !== 0 && (next & PMPCFG.A) >>> PMPCFG.A_SHIFT === PMPCFG.TOR;
}

/**
 * What a write of `value` leaves in a byte of pmpcfg: locked bytes stay, the reserved R=0 W=1 loses
 * W.
 */
export function legalPmpConfig(old: number, value: number): number {
  if ((old & PMPCFG.L) !== 0) return old;
  const legal = value & (PMPCFG.R | PMPCFG.W | PMPCFG.X | PMPCFG.A | PMPCFG.L);
  return (legal & PMPCFG.R) === 0 ? legal & ~PMPCFG.W : legal;
}
