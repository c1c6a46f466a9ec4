import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { getHart, getHart64, setHart, setHart64 } from "../board.ts";
import { IP } from "../hart/bits.ts";
import { BOARD, HART } from "../memory/layout.ts";
import { createTestBoard, type TestBoard, INTERRUPT_LATENCY } from "../test-board.ts";
import { loadDevice, storeDevice } from "./bus.ts";
import { PLIC_SOURCES, setSource } from "./plic.ts";

let board: TestBoard;
beforeEach(() => {
  board = createTestBoard(2);
});

const load = (offset: number, hart = 0): number | null =>
  loadDevice(board, hart, BOARD.PLIC + offset, 4);
const store = (offset: number, value: number, hart = 0): boolean =>
  storeDevice(board, hart, BOARD.PLIC + offset, 4, value);
const enable = (context: number, source: number): boolean =>
  store(0x2000 + 0x80 * context + 4 * (source >>> 5), 1 << (source & 31));
const claimAt = (context: number): number => 0x20_0004 + 0x1000 * context;
const lines = (hart: number): number => getHart(board, hart, HART.LINES);

test("a wire reaches the hart through priority, enable and threshold", () => {
  setSource(board, 40, true, -1);
  expect(lines(0)).toBe(0);
  enable(1, 40);
  expect(lines(0)).toBe(0);
  store(4 * 40, 3);
  expect(lines(0)).toBe(IP.SEIP);
  store(0x20_1000, 3);
  expect(lines(0)).toBe(0);
  store(0x20_1000, 2);
  expect([lines(0), lines(1)]).toEqual([IP.SEIP, 0]);
  enable(2, 40);
  expect(lines(1)).toBe(IP.MEIP);
});

test("claim takes the wire down, completion brings it back while the source holds it up", () => {
  store(4 * 10, 1);
  enable(1, 10);
  setSource(board, 10, true, -1);
  expect([load(0x1000), load(claimAt(1)), load(0x1000), load(claimAt(1))]).toEqual([
    1024, 10, 0, 0,
  ]);
  expect(lines(0)).toBe(0);
  store(claimAt(1), 10);
  expect(lines(0)).toBe(IP.SEIP);
  load(claimAt(1));
  setSource(board, 10, false, 0);
  store(claimAt(1), 10);
  expect([lines(0), load(claimAt(1))]).toEqual([0, 0]);
});

test("a request stays pending when its wire goes down, and is claimed; while claimed the gateway is closed", () => {
  store(4 * 10, 1);
  enable(1, 10);
  setSource(board, 10, true, -1);
  setSource(board, 10, false, -1);
  expect([load(0x1000), lines(0), load(claimAt(1))]).toEqual([1024, IP.SEIP, 10]);
  setSource(board, 10, true, -1);
  expect(load(0x1000)).toBe(0);
  setSource(board, 10, false, -1);
  store(claimAt(1), 10);
  expect([load(0x1000), lines(0)]).toEqual([0, 0]);
});

test("a completion counts from any context that has the source enabled, and from no other", () => {
  store(4 * 10, 1);
  enable(1, 10);
  setSource(board, 10, true, -1);
  expect(load(claimAt(1))).toBe(10);
  for (const [context, source] of [[0, 10], [1, 0], [1, 11], [1, 97], [1, -1], [3, 10]] as const) {
    store(claimAt(context), source);
    expect(load(0x1000)).toBe(0);
  }
  enable(3, 10);
  store(claimAt(3), 10);
  expect([load(0x1000), lines(0), lines(1)]).toEqual([1024, IP.SEIP, IP.SEIP]);
});

test("64 harts: every context has its own enables and threshold, the last as well as the first", () => {
  board = createTestBoard(64);
  store(4 * 96, 7);
  setSource(board, 96, true, -1);
  for (let context = 0; context < 128; context++) enable(context, 96);
  for (let hart = 0; hart < 64; hart++) expect(lines(hart)).toBe(IP.MEIP | IP.SEIP);
  store(0x20_0000 + 0x1000 * 127, 7);
  expect([lines(62), lines(63)]).toEqual([IP.MEIP | IP.SEIP, IP.MEIP]);
  store(0x2000 + 0x80 * 126 + 12, 0);
  expect([lines(62), lines(63)]).toEqual([IP.MEIP | IP.SEIP, 0]);
  expect([load(claimAt(127)), load(claimAt(128)), load(claimAt(124))]).toEqual([0, 0, 96]);
  for (let hart = 0; hart < 64; hart++) expect(lines(hart)).toBe(0);
});

test("registers keep legal bits; what lies between them reads zero; bytes are refused", () => {
  store(0, -1);
  store(4 * 96, -1);
  store(4 * 97, -1);
  store(0x2000, -1);
  store(0x200c, -1);
  store(0x20_3000, -1);
  expect([load(0), load(4 * 96), load(4 * 97)]).toEqual([0, 7, 0]);
  expect([load(0x2000), load(0x200c), load(0x2010)]).toEqual([-2, 1, 0]);
  expect([load(0x20_3000), load(0x20_4000), load(0x5f_fffc)]).toEqual([7, 0, 0]);
  expect(loadDevice(board, 0, BOARD.PLIC + 4, 1)).toBeNull();
  expect(storeDevice(board, 0, BOARD.PLIC + 4, 2, 1)).toBe(false);
});

test("another hart hears INTERRUPT_LATENCY later, the own one at once, from outside now", () => {
  store(4 * 10, 1);
  setHart64(board, 0, HART.CLOCK, 5000);
  setHart(board, 0, HART.MIE, IP.SEIP);
  setSource(board, 10, true, -1);
  enable(1, 10);
  expect(getHart(board, 0, HART.ATTENTION)).toBe(1);
  enable(3, 10);
  expect(getHart(board, 1, HART.ATTENTION)).toBe(0);
  expect(getHart64(board, 1, HART.EVENT_CLOCK)).toBe(5000 + INTERRUPT_LATENCY);
  store(4 * 11, 1);
  enable(2, 11);
  setSource(board, 11, true, -1);
  expect(getHart64(board, 1, HART.EVENT_CLOCK)).toBe(5000);
});

test("the best source wins: highest priority, lowest number (property)", () => {
  const source = fc.record({
    number: fc.integer({ min: 1, max: PLIC_SOURCES }),
    priority: fc.integer({ min: 0, max: 7 }),
    enabled: fc.boolean(),
    raised: fc.boolean(),
  });
  const table = fc.uniqueArray(source, { selector: (one) => one.number, maxLength: 20 });
  const property = fc.property(table, fc.integer({ min: 0, max: 7 }), (sources, threshold) => {
    board = createTestBoard(1);
    const words = [0, 0, 0, 0];
    for (const one of sources) {
      store(4 * one.number, one.priority);
      if (one.enabled) words[one.number >>> 5]! |= 1 << (one.number & 31);
      if (one.raised) setSource(board, one.number, true, -1);
    }
    for (const [index, word] of words.entries()) store(0x2000 + 4 * index, word);
    store(0x20_0000, threshold);
    const rivals = sources.filter((one) => one.enabled && one.raised && one.priority > threshold);
    rivals.sort((a, b) => b.priority - a.priority || a.number - b.number);
    for (const one of [...rivals, { number: 0 }]) {
      expect(lines(0)).toBe(one.number === 0 ? 0 : IP.MEIP);
      expect(load(claimAt(0))).toBe(one.number);
    }
  });
  fc.assert(property, { numRuns: 200 });
});
