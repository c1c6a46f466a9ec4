import { expect, test } from "vitest";
import { getHart64, setHart64, type Board } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { createTestBoard, readCsrOn, writeCsrOn } from "../test-board.ts";

const read = (board: Board, name: string): number | null => readCsrOn(board, 0, name);
const write = (board: Board, name: string, value: number): number | null =>
  writeCsrOn(board, 0, name, value);
const advance = (board: Board, at: number, by: number): void =>
  setHart64(board, 0, at, getHart64(board, 0, at) + by);

/** A board whose hart has spent 1000 cycles on 400 instructions. */
function begun(): Board {
  const board = createTestBoard(1);
  advance(board, HART.CLOCK, 1000);
  advance(board, HART.INSTRET, 400);
  return board;
}

test("mcycle goes on from what was written, its shadow too; time does not move", () => {
  const board = begun();
  write(board, "mcycle", 5);
  advance(board, HART.CLOCK, 70);
  expect([read(board, "mcycle"), read(board, "cycle"), read(board, "time")]).toEqual([75, 75, 10]);
  write(board, "mcycleh", 3);
  expect([read(board, "mcycle"), read(board, "mcycleh")]).toEqual([75, 3]);
  write(board, "mcycle", -1);
  advance(board, HART.CLOCK, 2);
  expect([read(board, "mcycle"), read(board, "cycleh")]).toEqual([1, 4]);
});

test("the instruction behind a write of minstret reads what was written", () => {
  const board = begun();
  write(board, "minstret", 7);
  advance(board, HART.INSTRET, 1);
  expect([read(board, "minstret"), read(board, "instret"), read(board, "instreth")]).toEqual([
    7, 7, 0,
  ]);
});

test("mcountinhibit stops either counter, and lets it go on from where it stood or was put", () => {
  const board = begun();
  write(board, "mcountinhibit", 1);
  advance(board, HART.CLOCK, 500);
  advance(board, HART.INSTRET, 5);
  expect([read(board, "mcycle"), read(board, "minstret")]).toEqual([1000, 405]);
  write(board, "mcycle", 20);
  expect(read(board, "mcycle")).toBe(20);
  write(board, "mcountinhibit", 4);
  advance(board, HART.CLOCK, 3);
  advance(board, HART.INSTRET, 3);
  expect([read(board, "mcycle"), read(board, "minstret")]).toEqual([23, 406]);
  write(board, "mcountinhibit", -1);
  expect(read(board, "mcountinhibit")).toBe(5);
});
