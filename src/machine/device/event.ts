/**
 * Device events: what a device does by itself at a clock of its own (a disk that has finished, a receive timeout).
 *
 * An event is a barrier: `run` brings every hart to its clock (UNTIL) and only then is it done, so that a device reads
 * and writes memory in the one order that exists, however far harts run ahead of each other. It reaches harts at once
 * (BY_DEVICE). A hart's access may ask for an event no sooner than `interruptLatency` after its own clock, because
 * others may have come that far.
 */
import type { Board } from "../board.ts";
import { MACHINE_WORD } from "../memory/layout.ts";

function read64(board: Board, at: number): number {
  return (board.words[at]! >>> 0) + (board.words[at + 1]! >>> 0) * 0x1_0000_0000;
}

function write64(board: Board, at: number, value: number): void {
  board.words[at] = (value % 0x1_0000_0000) | 0;
  board.words[at + 1] = Math.floor(value / 0x1_0000_0000) | 0;
}

const UNTIL_WORD = MACHINE_WORD.UNTIL >>> 2;

/** Clock up to which the engine runs now; a little over 2^64 when nothing limits it. */
export function runningUntil(board: Board): number {
  return read64(board, UNTIL_WORD);
}

/** Sets an event clock (index into `words` of a u64) and makes a run in progress stop there. */
export function scheduleEvent(board: Board, at: number, clock: number): void {
  write64(board, at, clock);
  if (clock < runningUntil(board)) write64(board, UNTIL_WORD, clock);
}

export function cancelEvent(board: Board, at: number): void {
  board.words[at] = -1;
  board.words[at + 1] = -1;
}

/** The clock of an event; Infinity when there is none. */
export function eventClock(board: Board, at: number): number {
  return board.words[at] === -1 && board.words[at + 1] === -1 ? Infinity : read64(board, at);
}
