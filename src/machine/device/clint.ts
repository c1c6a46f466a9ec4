/**
 * Core-local interruptor, as SiFive's and QEMU's: per hart a software interrupt and a timer, one
 * clock for all.
 *
 *   0x0000 + 4h  msip      bit 0 raises MSIP of hart h
 *   0x4000 + 8h  mtimecmp  u64; MTIP while mtime >= mtimecmp
 *   0xbff8       mtime     u64, the asking hart's clock / 100; read-only here: it is the only clock there is
 *
 * Words only; nothing answers behind mtime. Section: msip words, then mtimecmp words. Reset leaves mtimecmp at all ones, so no
 * timer is armed.
 */
import { clockOf, setHart64, setHartNever, type Board } from "../board.ts";
import { earliestReach, notify, setLine } from "../hart/interrupt.ts";
import { IP } from "../hart/bits.ts";
import { BOARD, CYCLES_PER_TICK, DEVICE, HART } from "../memory/layout.ts";
import { NO_ANSWER, type Device } from "./device.ts";

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
const MSIP_WORD = DEVICE.CLINT >>> 2;
const MTIMECMP_WORD = (DEVICE.CLINT + 0x1000) >>> 2;
/** Ticks whose cycle count is still exact; later ones are as good as never. */
const TICKS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / CYCLES_PER_TICK);

export function resetClint(board: Board): void {
  for (let hart = 0; hart < board.harts; hart++) {
    board.words[MTIMECMP_WORD + 2 * hart] = -1;
    board.words[MTIMECMP_WORD + 2 * hart + 1] = -1;
    setHartNever(board, hart, HART.TIMER_CLOCK);
  }
}

/**
 * Turns mtimecmp into the clock at which a hart's timer interrupt becomes pending; `by` wrote it.
 */
function armTimer(board: Board, hart: number, by: number): void {
  const at = MTIMECMP_WORD + 2 * hart;
  const tick = (board.words[at]! >>> 0) + (board.words[at + 1]! >>> 0) * 0x1_0000_0000;
  if (tick > TICKS_MAX) setHartNever(board, hart, HART.TIMER_CLOCK);
  else {
    const soonest = by === hart ? 0 : earliestReach(board, by);
    setHart64(board, hart, HART.TIMER_CLOCK, Math.max(soonest, tick * CYCLES_PER_TICK));
  }
  notify(board, hart, by);
}

/** The msip word's hart, or -1. */
function msipHart(board: Board, offset: number): number {
  return offset < 4 * board.harts ? offset >>> 2 : -1;
}

/** Index into `words` of a half of some hart's mtimecmp, or -1. */
function mtimecmpWord(board: Board, offset: number): number {
  const inside = offset >= MTIMECMP && offset < MTIMECMP + 8 * board.harts;
  return inside ? MTIMECMP_WORD + ((offset - MTIMECMP) >>> 2) : -1;
}

export const CLINT: Device = {
  name: "clint",
  base: BOARD.CLINT,
  size: MTIME + 8,

  load(board, hart, offset, size) {
    if (size !== 4 || (offset & 3) !== 0) return NO_ANSWER;
    if (msipHart(board, offset) >= 0) return board.words[MSIP_WORD + (offset >>> 2)]!;
    const compare = mtimecmpWord(board, offset);
    if (compare >= 0) return board.words[compare]!;
    const ticks = Math.floor(clockOf(board, hart) / CYCLES_PER_TICK);
    if (offset === MTIME) return (ticks % 0x1_0000_0000) | 0;
    if (offset === MTIME + 4) return Math.floor(ticks / 0x1_0000_0000) | 0;
    return 0;
  },

  store(board, hart, offset, size, value) {
    if (size !== 4 || (offset & 3) !== 0) return false;
    const target = msipHart(board, offset);
    if (target >= 0) {
      board.words[MSIP_WORD + target] = value & 1;
      setLine(board, target, IP.MSIP, (value & 1) !== 0, hart);
      return true;
    }
    const compare = mtimecmpWord(board, offset);
    if (compare >= 0) {
      board.words[compare] = value;
      armTimer(board, (offset - MTIMECMP) >>> 3, hart);
    }
    return true;
  },
};
