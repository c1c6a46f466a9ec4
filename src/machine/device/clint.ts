/**
 * Core-local interruptor, as SiFive's and QEMU's: per hart a software interrupt and a timer, one
 * clock for all.
 *
 *   0x0000 + 4h  msip      bit 0 raises MSIP of hart h
 *   0x4000 + 8h  mtimecmp  u64; MTIP while mtime >= mtimecmp
 *   0xbff8       mtime     u64, the asking hart's clock / 100, plus what software has made of it
 *
 * A store to mtime moves it for its own hart at once, for the others one interrupt latency later (a
 * device event): they may have read the time CSR as far ahead. Clocks themselves never change.
 *
 * Words only; nothing answers behind mtime. Section: msip words, then mtimecmp words. Reset leaves mtimecmp at all ones, so no
 * timer is armed.
 */
import { clockOf, hartWord, setHart64, setHartNever, type Board } from "../board.ts";
import { BY_DEVICE, earliestReach, notify, setLine } from "../hart/interrupt.ts";
import { IP } from "../hart/bits.ts";
import { BOARD, CYCLES_PER_TICK, DEVICE, HART } from "../memory/layout.ts";
import { NO_ANSWER, type Device } from "./device.ts";
import { cancelEvent, scheduleEvent } from "./event.ts";

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
const MSIP_WORD = DEVICE.CLINT >>> 2;
const MTIMECMP_WORD = (DEVICE.CLINT + 0x1000) >>> 2;
/** TIME_OFFSET that all harts will have at the clock MTIME_EVENT, u64 each. */
const NEXT_OFFSET = (DEVICE.CLINT + 0x1800) >>> 2;
export const MTIME_EVENT = NEXT_OFFSET + 2;
/** Ticks whose cycle count is still exact; later ones are as good as never. */
const TICKS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / CYCLES_PER_TICK);

export function resetClint(board: Board): void {
  for (let hart = 0; hart < board.harts; hart++) {
    board.words[MTIMECMP_WORD + 2 * hart] = -1;
    board.words[MTIMECMP_WORD + 2 * hart + 1] = -1;
    setHartNever(board, hart, HART.TIMER_CLOCK);
  }
  cancelEvent(board, MTIME_EVENT);
}

/**
 * Turns mtimecmp into the clock at which a hart's timer interrupt becomes pending; `by` wrote it.
 */
function armTimer(board: Board, hart: number, by: number): void {
  const at = MTIMECMP_WORD + 2 * hart;
  const compare = (board.words[at]! >>> 0) + (board.words[at + 1]! >>> 0) * 0x1_0000_0000;
  const tick = hasOffset(board, hart) ? tickAt(board, hart, by) : compare;
  if (tick > TICKS_MAX) setHartNever(board, hart, HART.TIMER_CLOCK);
  else {
    const soonest = by === hart ? 0 : earliestReach(board, by);
    setHart64(board, hart, HART.TIMER_CLOCK, Math.max(soonest, tick * CYCLES_PER_TICK));
  }
  notify(board, hart, by);
}

function hasOffset(board: Board, hart: number): boolean {
  const at = hartWord(hart, HART.TIME_OFFSET);
  return (board.words[at]! | board.words[at + 1]!) !== 0;
}

function read64(board: Board, at: number): bigint {
  return (BigInt(board.words[at + 1]! >>> 0) << 32n) | BigInt(board.words[at]! >>> 0);
}

function write64(board: Board, at: number, value: bigint): void {
  board.words[at] = Number(BigInt.asIntN(32, value));
  board.words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** mtime as hart `hart` sees it when its clock stands at `ticks`. */
function mtimeAt(board: Board, hart: number, ticks: number): bigint {
  return BigInt.asUintN(64, BigInt(ticks) + read64(board, hartWord(hart, HART.TIME_OFFSET)));
}

const ticksOf = (board: Board, hart: number): number => Math.floor(clockOf(board, hart) / CYCLES_PER_TICK);

/** The tick of the clock at which mtime reaches mtimecmp; of now when it has. Only rarely there is an offset. */
function tickAt(board: Board, hart: number, by: number): number {
  const ticks = ticksOf(board, by < 0 ? hart : by);
  const compare = BigInt.asUintN(64, read64(board, MTIMECMP_WORD + 2 * hart));
  const now = mtimeAt(board, hart, ticks);
  return compare > now ? ticks + Number(compare - now) : ticks;
}

/** A half of mtime as it is now. */
function loadMtime(board: Board, hart: number, high: boolean): number {
  const ticks = ticksOf(board, hart);
  if (hasOffset(board, hart)) {
    const now = mtimeAt(board, hart, ticks);
    return Number(BigInt.asIntN(32, high ? now >> 32n : now));
  }
  return high ? Math.floor(ticks / 0x1_0000_0000) | 0 : (ticks % 0x1_0000_0000) | 0;
}

function storeMtime(board: Board, hart: number, high: boolean, value: number): void {
  const ticks = ticksOf(board, hart);
  const now = mtimeAt(board, hart, ticks);
  const half = BigInt(value >>> 0);
  const wanted = high ? (half << 32n) | (now & 0xffff_ffffn) : (now & ~0xffff_ffffn) | half;
  write64(board, hartWord(hart, HART.TIME_OFFSET), wanted - BigInt(ticks));
  armTimer(board, hart, hart);
  if (board.harts === 1) return;
  write64(board, NEXT_OFFSET, wanted - BigInt(ticks));
  scheduleEvent(board, MTIME_EVENT, clockOf(board, hart) + board.interruptLatency);
}

/** From outside: the hart's mtimecmp is 0, so its timer interrupt is pending. */
export function expireTimer(board: Board, hart: number): void {
  write64(board, MTIMECMP_WORD + 2 * hart, 0n);
  armTimer(board, hart, -1);
}

/** From outside: the hart's msip is 1. */
export function raiseSoftware(board: Board, hart: number): void {
  board.words[MSIP_WORD + hart] = 1;
  setLine(board, hart, IP.MSIP, true, -1);
}

/** The event MTIME_EVENT. */
export function shareMtime(board: Board): void {
  cancelEvent(board, MTIME_EVENT);
  const offset = read64(board, NEXT_OFFSET);
  for (let hart = 0; hart < board.harts; hart++) {
    write64(board, hartWord(hart, HART.TIME_OFFSET), offset);
    armTimer(board, hart, BY_DEVICE);
  }
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
    return offset >= MTIME ? loadMtime(board, hart, offset !== MTIME) : 0;
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
    if (offset >= MTIME) storeMtime(board, hart, offset !== MTIME, value);
    return true;
  },
};
