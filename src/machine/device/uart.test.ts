import { beforeEach, expect, test } from "vitest";
import { setHart64 } from "../board.ts";
import { BOARD, HART, IRQ } from "../memory/layout.ts";
import { createTestBoard, type TestBoard } from "../test-board.ts";
import { nextDeviceEvent, runDeviceEvents } from "./agenda.ts";
import { loadDevice, storeDevice } from "./bus.ts";
import { isWireUp } from "./plic.ts";
import { receive, UART_RING_BYTES } from "./uart.ts";

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard(1);
});

const load = (offset: number): number | null => loadDevice(board, 0, BOARD.UART + offset, 1);
const store = (offset: number, value: number): boolean =>
  storeDevice(board, 0, BOARD.UART + offset, 1, value);
const type = (text: string): number => receive(board, new TextEncoder().encode(text));
const pending = (): number => (isWireUp(board, IRQ.UART) ? 1 : 0);

test("sends while LSR says empty, and hands over all at once", () => {
  for (const letter of "hello") {
    expect(load(5)).toBe(0x60);
    store(0, letter.charCodeAt(0));
  }
  expect(new TextDecoder().decode(board.console.drain())).toBe("hello");
  expect(board.console.length).toBe(0);
});

test("receives in order, LSR shows data", () => {
  type("ok");
  expect([load(5), load(0), load(0), load(5)]).toEqual([0x61, 0x6f, 0x6b, 0x60]);
  // Without the FIFO the last character stays in the register.
  expect(load(0)).toBe(0x6b);
  store(2, 1);
  expect(load(0)).toBe(0);
});

test("interrupts: received data by trigger level, the empty transmitter until it is seen", () => {
  store(2, 0x41);
  expect([load(2), pending()]).toEqual([0xc1, 0]);
  store(1, 3);
  expect([pending(), load(2), pending(), load(2)]).toEqual([1, 0xc2, 0, 0xc1]);
  store(0, 65);
  expect([load(2), load(2)]).toEqual([0xc2, 0xc1]);
  type("abc");
  expect([pending(), load(2)]).toEqual([0, 0xc1]);
  type("d");
  expect(load(2)).toBe(0xc4);
  for (let i = 0; i < 4; i++) load(0);
  expect([pending(), load(2)]).toEqual([0, 0xc1]);
  store(2, 0);
  expect([load(2), load(2)]).toEqual([2, 1]);
});

test("characters below the trigger level: a timeout four of them after the last", () => {
  const four = 4 * 12 * 43_403;
  store(2, 0xc1);
  store(1, 1);
  setHart64(board, 0, HART.CLOCK, 1000);
  type("abc");
  expect([nextDeviceEvent(board), load(2)]).toEqual([1000 + four, 0xc1]);
  setHart64(board, 0, HART.CLOCK, 5000);
  expect([load(0), nextDeviceEvent(board)]).toEqual([0x61, 5000 + four]);
  runDeviceEvents(board, 5000 + four);
  expect([pending(), load(2), load(2), nextDeviceEvent(board)]).toEqual([1, 0xcc, 0xcc, Infinity]);
  expect([load(0), load(2)]).toEqual([0x62, 0xc1]);
  expect([load(0), nextDeviceEvent(board)]).toEqual([0x63, Infinity]);
  type("d");
  store(2, 3);
  expect([nextDeviceEvent(board), load(5)]).toEqual([Infinity, 0x60]);
});

test("emptying the transmitter's FIFO reports it empty, switching its interrupt off forgets it", () => {
  store(1, 2);
  expect([load(2), load(2)]).toEqual([2, 1]);
  store(2, 4);
  expect([load(2), load(2)]).toEqual([2, 1]);
  store(0, 65);
  store(1, 0);
  store(1, 4);
  expect(load(2)).toBe(1);
});

test("the divisor latch hides data and interrupt enable", () => {
  store(3, 0x83);
  store(0, 0x12);
  store(1, 0x34);
  expect([load(0), load(1), load(3)]).toEqual([0x12, 0x34, 0x83]);
  store(3, 3);
  expect([load(1), board.console.length]).toEqual([0, 0]);
});

test("loopback returns what is sent and the modem lines", () => {
  expect(load(6)).toBe(0xb0);
  store(4, 0x1a);
  store(0, 0x55);
  expect([load(6), load(0), board.console.length]).toEqual([0x90, 0x55, 0]);
});

test("loopback overruns: the FIFO keeps what it has, the single register the last", () => {
  store(4, 0x10);
  store(0, 1);
  store(0, 2);
  expect([load(5), load(5), load(0)]).toEqual([0x63, 0x61, 2]);
  store(2, 1);
  for (let i = 0; i < 17; i++) store(0, i);
  expect([load(5), load(5)]).toEqual([0x63, 0x61]);
  for (let i = 0; i < 16; i++) expect(load(0)).toBe(i);
  expect(load(5)).toBe(0x60);
});

test("what the ring cannot take stays outside; the FIFO is its front", () => {
  expect(receive(board, new Uint8Array(UART_RING_BYTES + 1).fill(7))).toBe(UART_RING_BYTES);
  expect([receive(board, Uint8Array.of(1)), load(5)]).toEqual([0, 0x61]);
  store(2, 3);
  for (let i = 0; i < UART_RING_BYTES - 16; i++) expect(load(0)).toBe(7);
  expect(load(5)).toBe(0x60);
});

test("a word reads the register at its address; behind the eight registers nothing answers", () => {
  store(7, 0x5a);
  expect([loadDevice(board, 0, BOARD.UART + 4, 4), load(7), load(8)]).toEqual([8, 0x5a, null]);
});

test("output that nobody drains stops the machine", () => {
  for (let i = 0; i < 0x1_0000; i++) store(0, 46);
  expect(board.stop).toEqual({ kind: "drain" });
});
