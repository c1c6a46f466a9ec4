import { beforeEach, expect, test } from "vitest";
import { getHart, getHart64, isHartNever, setHart, setHart64 } from "../board.ts";
import { IP } from "../hart/bits.ts";
import { attend } from "../hart/trap.ts";
import { BOARD, HART } from "../memory/layout.ts";
import { createTestBoard, readCsrOn, type TestBoard, INTERRUPT_LATENCY } from "../test-board.ts";
import { loadDevice, storeDevice } from "./bus.ts";

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard(3);
});

const load = (offset: number, hart = 0): number | null =>
  loadDevice(board, hart, BOARD.CLINT + offset, 4);
const store = (offset: number, value: number, hart = 0): boolean =>
  storeDevice(board, hart, BOARD.CLINT + offset, 4, value);

test("mtime is the asking hart's clock in ticks of 100 cycles", () => {
  setHart64(board, 1, HART.CLOCK, 0x5_0000_0000 * 100 + 99);
  expect([load(0xbff8, 1), load(0xbffc, 1), load(0xbff8, 0)]).toEqual([0, 5, 0]);
  store(0xbff8, 77);
  expect(load(0xbff8, 0)).toBe(0);
});

test("mtimecmp sets the clock of the timer; reset and far values never come", () => {
  expect([load(0x4000), load(0x4004)]).toEqual([-1, -1]);
  expect(isHartNever(board, 0, HART.TIMER_CLOCK)).toBe(true);
  store(0x4004, 0);
  store(0x4000, 50);
  expect(getHart64(board, 0, HART.TIMER_CLOCK)).toBe(5000);
  expect(readCsrOn(board, 0, "mip")).toBe(0);
  setHart64(board, 0, HART.CLOCK, 5000);
  expect(readCsrOn(board, 0, "mip")).toBe(IP.MTIP);
  store(0x4004, 0x7fff_ffff);
  expect(isHartNever(board, 0, HART.TIMER_CLOCK)).toBe(true);
  expect(readCsrOn(board, 0, "mip")).toBe(0);
});

test("an expired timer of the own hart asks for attention at once, another's after the latency", () => {
  setHart64(board, 0, HART.CLOCK, 10_000);
  setHart(board, 0, HART.MIE, IP.MTIP);
  store(0x4004, 0);
  store(0x4000, 1);
  expect(getHart(board, 0, HART.ATTENTION)).toBe(1);
  store(0x400c, 0);
  store(0x4008, 1);
  expect(getHart64(board, 1, HART.TIMER_CLOCK)).toBe(10_000 + INTERRUPT_LATENCY);
});

test("msip wakes a sleeping hart through an event in the future and goes away when cleared", () => {
  setHart(board, 2, HART.MIE, IP.MSIP);
  setHart(board, 2, HART.WFI, 1);
  setHart64(board, 0, HART.CLOCK, 700);
  store(8, 0xff);
  expect(load(8)).toBe(1);
  expect(getHart64(board, 2, HART.EVENT_CLOCK)).toBe(700 + INTERRUPT_LATENCY);
  expect(getHart(board, 2, HART.WFI)).toBe(1);
  setHart64(board, 2, HART.CLOCK, 700 + INTERRUPT_LATENCY);
  attend(board, 2);
  expect([getHart(board, 2, HART.WFI), readCsrOn(board, 2, "mip")]).toEqual([0, IP.MSIP]);
  store(8, 0);
  expect(readCsrOn(board, 2, "mip")).toBe(0);
});

test("harts that are not there have no registers; bytes are refused", () => {
  store(12, 1);
  store(0x4018, 1);
  expect([load(12), load(0x4018), load(0xbff4), load(0xc000)]).toEqual([0, 0, 0, null]);
  expect(loadDevice(board, 0, BOARD.CLINT, 1)).toBeNull();
  expect(storeDevice(board, 0, BOARD.CLINT + 2, 4, 1)).toBe(false);
});
