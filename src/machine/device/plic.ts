/**
 * Platform-level interrupt controller, as QEMU 7.2 `virt` wires it: sources 1..96, contexts 2h (M)
 * and 2h + 1 (S).
 *
 *   0x00_0000 + 4s        priority of source s, 0..7; 0 never interrupts
 *   0x00_1000 + 4w        pending bits, read-only
 *   0x00_2000 + 0x80c     enable bits of context c
 *   0x20_0000 + 0x1000c   threshold of context c; + 4: claim (read), complete (write)
 *
 * Wires are levels, as the gateways of the specification (PLIC 1.0.0, chapter 3) take them: a wire
 * going up makes its source pending, and it stays so when the wire goes down again, until it is
 * claimed. From claim to completion the gateway is closed; at completion a wire that is up makes the
 * source pending anew. The highest priority above the threshold wins, the lower number on a tie; a
 * claim respects the threshold. A completion for a source that is not enabled in the context is
 * ignored; which hart had claimed it does not matter. Words only.
 *
 * QEMU 7.2 differs: it opens the gateway to a wire that is set again while claimed, loses one that
 * stays up over the completion, and completes disabled sources.
 */
import type { Board } from "../board.ts";
import { IP } from "../hart/bits.ts";
import { setLine } from "../hart/interrupt.ts";
import { BOARD, DEVICE } from "../memory/layout.ts";
import { NO_ANSWER, type Device } from "./device.ts";

export const PLIC_SOURCES = 96;
const PRIORITY_MASK = 7;
const BIT_WORDS = 4;

const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;

/**
 * Word indices of the section: wires, claims, pending, priorities, then per context enables and
 * threshold.
 */
const LEVEL_WORD = DEVICE.PLIC >>> 2;
const CLAIMED_WORD = LEVEL_WORD + BIT_WORDS;
const PENDING_WORD = CLAIMED_WORD + BIT_WORDS;
const PRIORITY_WORD = LEVEL_WORD + 0x20;
const ENABLE_WORD = LEVEL_WORD + 0x100;
const THRESHOLD_WORD = ENABLE_WORD + 128 * BIT_WORDS;

function pendingWord(board: Board, index: number): number {
  return board.words[PENDING_WORD + index]!;
}

/** The source that context `context` would claim now, or 0. */
function bestSource(board: Board, context: number): number {
  let best = 0;
  let bestPriority = board.words[THRESHOLD_WORD + context]!;
  for (let index = 0; index < BIT_WORDS; index++) {
    let candidates =
      pendingWord(board, index) & board.words[ENABLE_WORD + context * BIT_WORDS + index]!;
    while (candidates !== 0) {
      const lowest = candidates & -candidates;
      const source = index * 32 + 31 - Math.clz32(lowest);
      const priority = board.words[PRIORITY_WORD + source]!;
      if (priority > bestPriority) {
        best = source;
        bestPriority = priority;
      }
      candidates ^= lowest;
    }
  }
  return best;
}

/** Drives the external-interrupt wires of all harts after a change caused by `by`. */
function update(board: Board, by: number): void {
  for (let hart = 0; hart < board.harts; hart++) {
    setLine(board, hart, IP.MEIP, bestSource(board, 2 * hart) !== 0, by);
    setLine(board, hart, IP.SEIP, bestSource(board, 2 * hart + 1) !== 0, by);
  }
}

/** Drives the wire of a source; `by` as for `setLine`. */
export function setSource(board: Board, source: number, level: boolean, by: number): void {
  const at = LEVEL_WORD + (source >>> 5);
  const bit = 1 << (source & 31);
  const old = board.words[at]!;
  const next = level ? old | bit : old & ~bit;
  if (next === old) return;
  board.words[at] = next;
  forward(board, source);
  update(board, by);
}

/** Whether a device holds the wire of a source up. */
export function isWireUp(board: Board, source: number): boolean {
  return (board.words[LEVEL_WORD + (source >>> 5)]! & (1 << (source & 31))) !== 0;
}

/** The gateway: a source whose wire is up becomes pending, unless somebody works on it. */
function forward(board: Board, source: number): void {
  const word = source >>> 5;
  const open = board.words[LEVEL_WORD + word]! & ~board.words[CLAIMED_WORD + word]!;
  board.words[PENDING_WORD + word]! |= open & (1 << (source & 31));
}

function claim(board: Board, context: number, by: number): number {
  const source = bestSource(board, context);
  if (source === 0) return 0;
  const word = source >>> 5;
  board.words[CLAIMED_WORD + word]! |= 1 << (source & 31);
  board.words[PENDING_WORD + word]! &= ~(1 << (source & 31));
  update(board, by);
  return source;
}

function complete(board: Board, context: number, source: number, by: number): void {
  if (source >>> 0 > PLIC_SOURCES) return;
  const word = source >>> 5;
  const bit = 1 << (source & 31);
  if ((board.words[ENABLE_WORD + context * BIT_WORDS + word]! & bit) === 0) return;
  board.words[CLAIMED_WORD + word]! &= ~bit;
  forward(board, source);
  update(board, by);
}

/** Index into `words` of a plain register, or -1: priority, enable bits, threshold. */
function plainWord(board: Board, offset: number): number {
  if (offset < PENDING)
    return offset > 0 && offset <= 4 * PLIC_SOURCES ? PRIORITY_WORD + (offset >>> 2) : -1;
  const contexts = 2 * board.harts;
  if (offset >= CONTEXT) {
    const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
    return context < contexts && (offset & (CONTEXT_STRIDE - 1)) === 0
      ? THRESHOLD_WORD + context
      : -1;
  }
  const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
  const index = ((offset - ENABLE) & (ENABLE_STRIDE - 1)) >>> 2;
  const known = offset >= ENABLE && context < contexts && index < BIT_WORDS;
  return known ? ENABLE_WORD + context * BIT_WORDS + index : -1;
}

/** The context whose claim register lies at this offset, or -1. */
function claimContext(board: Board, offset: number): number {
  if (offset < CONTEXT || (offset & (CONTEXT_STRIDE - 1)) !== 4) return -1;
  const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
  return context < 2 * board.harts ? context : -1;
}

/** The bits of an enable word that stand for sources; priorities and thresholds have three. */
function legalValue(at: number, value: number): number {
  if (at < ENABLE_WORD || at >= THRESHOLD_WORD) return value & PRIORITY_MASK;
  const index = (at - ENABLE_WORD) % BIT_WORDS;
  return index === 0 ? value & ~1 : index === 3 ? value & 1 : value;
}

export const PLIC: Device = {
  name: "plic",
  base: BOARD.PLIC,
  size: BOARD.PLIC_SIZE,

  load(board, hart, offset, size) {
    if (size !== 4 || (offset & 3) !== 0) return NO_ANSWER;
    const context = claimContext(board, offset);
    if (context >= 0) return claim(board, context, hart);
    if (offset >= PENDING && offset < PENDING + 4 * BIT_WORDS)
      return pendingWord(board, (offset - PENDING) >>> 2);
    const at = plainWord(board, offset);
    return at < 0 ? 0 : board.words[at]!;
  },

  store(board, hart, offset, size, value) {
    if (size !== 4 || (offset & 3) !== 0) return false;
    const context = claimContext(board, offset);
    if (context >= 0) {
      complete(board, context, value, hart);
      return true;
    }
    const at = plainWord(board, offset);
    if (at < 0) return true;
    board.words[at] = legalValue(at, value);
    update(board, hart);
    return true;
  },
};
