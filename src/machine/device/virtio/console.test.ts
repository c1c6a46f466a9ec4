import { beforeEach, expect, test } from "vitest";
import { createTestBoard, type TestBoard } from "../../test-board.ts";
import { INPUT_BYTES, OUTPUT_BYTES_MAX, enqueueInput } from "./console.ts";
import { STATUS } from "./state.ts";
import { FLAG, PLACE, TestDriver, drive } from "./testing.ts";
import { wake } from "./transport.ts";

let board: TestBoard;
let driver: TestDriver;
beforeEach(() => {
  board = createTestBoard(1, { ramBytes: 0x10_0000, virtioConsole: true });
  driver = drive(board, 2);
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const ram = (at: number, length: number): string =>
  new TextDecoder().decode(board.bytes.subarray(board.ramOffset + at, board.ramOffset + at + length));
const type = (text: string): number => {
  const taken = enqueueInput(board, bytesOf(text));
  wake(board, 7, driver.clock);
  return taken;
};

test("what the guest sends joins the console", () => {
  board.bytes.set(bytesOf("hello"), board.ramOffset + PLACE.DATA);
  driver.offer(1, [
    { at: PLACE.DATA, length: 2 },
    { at: PLACE.DATA + 2, length: 3 },
  ]);
  driver.notify(1).settle();
  expect(new TextDecoder().decode(board.console.drain())).toBe("hello");
  expect([driver.used(1), driver.wire]).toEqual([[[0, 0]], true]);
});

test("input waits for buffers, buffers wait for input", () => {
  type("abcdef");
  expect(driver.settle()).toBe(1);
  driver.offer(0, [{ at: PLACE.DATA, length: 4, flags: FLAG.WRITE }]);
  driver.offer(0, [{ at: PLACE.DATA + 16, length: 4, flags: FLAG.WRITE }]);
  driver.notify(0).settle();
  expect([driver.used(0), ram(PLACE.DATA, 4), ram(PLACE.DATA + 16, 2)]).toEqual([
    [
      [0, 4],
      [1, 2],
    ],
    "abcd",
    "ef",
  ]);
  driver.offer(0, [{ at: PLACE.DATA + 32, length: 4, flags: FLAG.WRITE }]);
  driver.notify(0).settle();
  expect(driver.used(0).length).toBe(2);
  type("g");
  driver.settle();
  expect([driver.used(0).at(-1), ram(PLACE.DATA + 32, 1)]).toEqual([[2, 1], "g"]);
});

test("more input than fits stays outside; before DRIVER_OK it waits", () => {
  expect(type("x".repeat(INPUT_BYTES + 5))).toBe(INPUT_BYTES);
  expect(type("y")).toBe(0);
  const early = new TestDriver(createTestBoard(1, { ramBytes: 0x10_0000, virtioConsole: true }), 7);
  early.negotiate(0).queue(0).queue(1);
  enqueueInput(early.board, bytesOf("z"));
  early.offer(0, [{ at: PLACE.DATA, length: 4, flags: FLAG.WRITE }]);
  early.notify(0);
  expect(early.settle()).toBe(0);
  early.ready().notify(0).settle();
  expect(early.used(0)).toEqual([[0, 1]]);
});

test("output that nobody drains stops the machine; a flood breaks the queue", () => {
  driver.offer(1, [{ at: 0, length: OUTPUT_BYTES_MAX }]);
  driver.notify(1).settle();
  expect(board.stop).toEqual({ kind: "drain" });
  driver.offer(1, [{ at: 0, length: OUTPUT_BYTES_MAX + 1 }]);
  driver.notify(1).settle();
  expect([driver.status & STATUS.NEEDS_RESET, board.console.length]).toEqual([64, OUTPUT_BYTES_MAX]);
});
