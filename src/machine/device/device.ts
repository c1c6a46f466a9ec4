/**
 * What every device looks like to the bus. `NO_ANSWER` from a load, or false from a store, is an
 * access fault. `offset` is from the device's base; `hart` is who asks. Values are 32-bit patterns,
 * right-aligned for narrow loads.
 */
import type { Board } from "../board.ts";

export const NO_ANSWER = null;

export interface Device {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  load(board: Board, hart: number, offset: number, size: number): number | typeof NO_ANSWER;
  store(board: Board, hart: number, offset: number, size: number, value: number): boolean;
}
