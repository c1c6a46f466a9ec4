/** All device events of a board: which is next, and doing those that are due (event.ts). */
import type { Board } from "../board.ts";
import { MTIME_EVENT, shareMtime } from "./clint.ts";
import { eventClock } from "./event.ts";
import { UART_EVENT, receiveTimeout } from "./uart.ts";
import { SLOTS, WORD, slotWord } from "./virtio/state.ts";
import { runSlot } from "./virtio/transport.ts";

interface Source {
  /** Index into `words` of its u64 clock. */
  readonly at: number;
  /** Does it; cancels or moves its clock. */
  run(board: Board, clock: number): void;
}

/** In the order in which events of equal clock happen. */
const SOURCES: readonly Source[] = [
  ...Array.from({ length: SLOTS }, (_, slot) => ({
    at: slotWord(slot, WORD.EVENT),
    run: (board: Board, clock: number) => runSlot(board, slot, clock),
  })),
  { at: UART_EVENT, run: receiveTimeout },
  { at: MTIME_EVENT, run: shareMtime },
];

/** Clock of the next event; Infinity when no device has anything to do. */
export function nextDeviceEvent(board: Board): number {
  let next = Infinity;
  for (const { at } of SOURCES) next = Math.min(next, eventClock(board, at));
  return next;
}

/** Does what is due at `clock`, which all harts have reached. */
export function runDeviceEvents(board: Board, clock: number): void {
  for (const { at, run } of SOURCES) {
    if (eventClock(board, at) <= clock) run(board, clock);
  }
}
