import { beforeEach, expect, test } from "vitest";
import { getHart, getHart64, isHartNever, setHart, setHart64 } from "../board.ts";
import { IP } from "../hart/bits.ts";
import { attend } from "../hart/trap.ts";
import { BOARD, HART } from "../memory/layout.ts";
import { createTestBoard, readCsrOn, type TestBoard, INTERRUPT_LATENCY } from "../test-board.ts";
import { nextDeviceEvent, runDeviceEvents } from "./agenda.ts";
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

test("mtime that is set: the own hart at once, the others a latency later, timers along with it", () => {
  const time = (hart: number): (number | null)[] => [
    load(0xbff8, hart),
    load(0xbffc, hart),
    readCsrOn(board, hart, "time"),
    readCsrOn(board, hart, "timeh"),
  ];
  const armed = (): number[] => [0, 1, 2].map((hart) => getHart64(board, hart, HART.TIMER_CLOCK));
  for (let hart = 0; hart < 3; hart++) setHart64(board, hart, HART.CLOCK, 1000);
  store(0x400c, 3);
  store(0x4008, 0x100);
  store(0xbffc, 3);
  store(0xbff8, 0x80);
  expect([time(0), time(1)]).toEqual([
    [0x80, 3, 0x80, 3],
    [10, 0, 10, 0],
  ]);
  const shared = 1000 + INTERRUPT_LATENCY;
  expect(nextDeviceEvent(board)).toBe(shared);
  for (let hart = 0; hart < 3; hart++) setHart64(board, hart, HART.CLOCK, shared);
  runDeviceEvents(board, shared);
  expect([time(1), time(2)]).toEqual([
    [0x86, 3, 0x86, 3],
    [0x86, 3, 0x86, 3],
  ]);
  expect(armed()[1]).toBe((10 + 0x80) * 100);
  expect([isHartNever(board, 0, HART.TIMER_CLOCK), nextDeviceEvent(board)]).toEqual([true, Infinity]);
  store(0xbffc, 4, 2);
  runDeviceEvents(board, shared + INTERRUPT_LATENCY);
  expect(readCsrOn(board, 1, "mip")).toBe(IP.MTIP);
  // Back to before: the timer is far again.
  store(0xbffc, 0, 1);
  expect([readCsrOn(board, 1, "mip"), load(0xbff8, 1), load(0xbffc, 1)]).toEqual([0, 0x86, 0]);
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
