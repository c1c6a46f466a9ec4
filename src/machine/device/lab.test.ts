import { beforeEach, expect, test } from "vitest";
import { setHart64 } from "../board.ts";
import { BOARD, HART, IRQ } from "../memory/layout.ts";
import { createTestBoard, type TestBoard } from "../test-board.ts";
import { loadDevice, storeDevice } from "./bus.ts";
import { LAB_MAGIC, LAB_QUEUE, LAB_REGISTER, LAB_VERSION, queueRequest } from "./lab.ts";
import { isWireUp } from "./plic.ts";

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard(1);
});

const load = (offset: number): number | null => loadDevice(board, 0, BOARD.LAB + offset, 4);
const store = (offset: number, value: number): boolean =>
  storeDevice(board, 0, BOARD.LAB + offset, 4, value);
const head = (): (number | null)[] => [
  load(LAB_REGISTER.STATUS),
  load(LAB_REGISTER.OP),
  load(LAB_REGISTER.ARG),
  load(LAB_REGISTER.SEQ),
];
const wire = (): boolean => isWireUp(board, IRQ.LAB);

test("names itself", () => {
  expect([load(LAB_REGISTER.MAGIC), load(LAB_REGISTER.VERSION)]).toEqual([LAB_MAGIC, LAB_VERSION]);
});

test("requests wait in order, the wire is up until the last is answered, results carry the clock", () => {
  expect([head(), wire()]).toEqual([[0, 0, 0, 0], false]);
  expect([queueRequest(board, 2, 3), queueRequest(board, 3, 0)]).toEqual([1, 2]);
  expect([head(), wire()]).toEqual([[2, 2, 3, 1], true]);
  setHart64(board, 0, HART.CLOCK, 1234);
  store(LAB_REGISTER.RESULT, -16);
  store(LAB_REGISTER.ACK, 2);
  expect(head()).toEqual([2, 2, 3, 1]);
  store(LAB_REGISTER.ACK, 1);
  expect([head(), wire()]).toEqual([[1, 3, 0, 2], true]);
  store(LAB_REGISTER.ACK, 2);
  expect([head(), wire()]).toEqual([[0, 0, 0, 0], false]);
  expect(board.labResults).toEqual([
    { sequence: 1, op: 2, arg: 3, cycle: 1234, result: -16 },
    { sequence: 2, op: 3, arg: 0, cycle: 1234, result: 0 },
  ]);
});

test("the queue holds 64 and goes round", () => {
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < LAB_QUEUE; i++) expect(queueRequest(board, 1, i)).not.toBeNull();
    expect(queueRequest(board, 1, 0)).toBeNull();
    for (let i = 0; i < LAB_QUEUE; i++) {
      expect(load(LAB_REGISTER.ARG)).toBe(i);
      store(LAB_REGISTER.ACK, load(LAB_REGISTER.SEQ)!);
    }
    expect(board.labResults.length).toBe(round * LAB_QUEUE);
  }
});

test("a board without the device does not answer there", () => {
  const bare = { ...board, hasLab: false };
  expect(loadDevice(bare, 0, BOARD.LAB, 4)).toBeNull();
});
