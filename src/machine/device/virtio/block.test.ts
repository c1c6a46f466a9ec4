import { beforeEach, expect, test } from "vitest";
import { getHart64, setHart } from "../../board.ts";
import { IP } from "../../hart/bits.ts";
import { BOARD, HART } from "../../memory/layout.ts";
import { createTestBoard, type TestBoard } from "../../test-board.ts";
import { nextDeviceEvent } from "../agenda.ts";
import { storeDevice } from "../bus.ts";
import { STATUS } from "./state.ts";
import { FLAG, PLACE, drive, type Piece, type TestDriver } from "./testing.ts";
import { REGISTER } from "./transport.ts";

const SECTORS = 16;
const HEADER = PLACE.DATA;
const BUFFER = PLACE.DATA + 0x1000;
const STATUS_BYTE = PLACE.DATA + 0x800;
const TYPE = { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, DISCARD: 11, WRITE_ZEROES: 13 } as const;

let board: TestBoard;
let driver: TestDriver;

function start(readOnly = false): void {
  const bytes = Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (i >>> 9) + 1);
  board = createTestBoard(2, { ramBytes: 0x10_0000, disks: [{ bytes, readOnly }] });
  driver = drive(board, 1);
}
beforeEach(() => start());

/** A request with `data` between header and status; its status byte, or -1 when it was not answered. */
function request(type: number, sector: number, data: readonly Piece[] = []): number {
  driver.view.setUint32(HEADER, type, true);
  driver.view.setUint32(HEADER + 8, sector, true);
  driver.view.setUint32(HEADER + 12, 0, true);
  driver.view.setUint8(STATUS_BYTE, 0xff);
  driver.offer(0, [
    { at: HEADER, length: 16 },
    ...data,
    { at: STATUS_BYTE, length: 1, flags: FLAG.WRITE },
  ]);
  driver.notify(0).settle();
  return driver.view.getInt8(STATUS_BYTE);
}

const input = (length: number, at = BUFFER): Piece => ({ at, length, flags: FLAG.WRITE });
const output = (length: number, at = BUFFER): Piece => ({ at, length });
const disk = (from: number, to: number): number[] => {
  const { at } = board.disks[0]!;
  return [...board.bytes.subarray(at + from, at + to)];
};

test("reads and writes whole sectors, tells how much it gave", () => {
  expect(request(TYPE.IN, 3, [input(1024)])).toBe(0);
  expect([driver.view.getUint8(BUFFER), driver.view.getUint8(BUFFER + 1023)]).toEqual([4, 5]);
  driver.view.setUint8(BUFFER, 99);
  expect(request(TYPE.OUT, 15, [output(512)])).toBe(0);
  expect([disk(15 * 512, 15 * 512 + 2), disk(15 * 512 - 1, 15 * 512)]).toEqual([[99, 4], [15]]);
  expect(driver.used(0)).toEqual([
    [0, 1025],
    [3, 1],
  ]);
});

test("framing is free: header, data and status cut anyhow", () => {
  driver.view.setUint32(HEADER, TYPE.IN, true);
  driver.view.setUint32(HEADER + 8, 7, true);
  driver.offer(0, [
    { at: HEADER, length: 5 },
    { at: HEADER + 5, length: 0 },
    { at: HEADER + 5, length: 11 },
    input(100),
    input(413, BUFFER + 100),
  ]);
  driver.notify(0).settle();
  expect([...board.bytes.subarray(board.ramOffset + BUFFER + 510, board.ramOffset + BUFFER + 513)]).toEqual([8, 8, 0]);
  expect(driver.used(0)).toEqual([[0, 513]]);
});

test("the disk's end, halves of sectors and unknown types are a status and change nothing", () => {
  const before = disk(0, SECTORS * 512);
  expect(request(TYPE.IN, 15, [input(1024)])).toBe(1);
  expect(request(TYPE.OUT, 16, [output(512)])).toBe(1);
  expect(request(TYPE.OUT, 0xffff_ffff, [output(512)])).toBe(1);
  expect(request(TYPE.IN, 0, [input(100)])).toBe(1);
  expect(request(77, 0, [input(512)])).toBe(2);
  expect([disk(0, SECTORS * 512), driver.status & STATUS.NEEDS_RESET]).toEqual([before, 0]);
});

test("a read-only disk says so and refuses to be written", () => {
  start(true);
  expect(driver.load(REGISTER.DEVICE_FEATURES)! & (1 << 5)).not.toBe(0);
  expect(request(TYPE.OUT, 0, [output(512)])).toBe(1);
  expect(request(TYPE.WRITE_ZEROES, 0, [output(16)])).toBe(1);
  expect(request(TYPE.IN, 0, [input(512)])).toBe(0);
  expect(disk(0, 1)).toEqual([1]);
});

test("flush, id, discard and write-zeroes", () => {
  expect(request(TYPE.FLUSH, 0)).toBe(0);
  expect(request(TYPE.GET_ID, 0, [input(20)])).toBe(0);
  const id = board.bytes.subarray(board.ramOffset + BUFFER, board.ramOffset + BUFFER + 20);
  expect(new TextDecoder().decode(id).replaceAll("\0", "")).toBe("disk0");
  const range = (sector: number, count: number, flags: number): Piece => {
    for (const [i, word] of [sector, 0, count, flags].entries())
      driver.view.setUint32(BUFFER + 4 * i, word, true);
    return output(16);
  };
  expect(request(TYPE.WRITE_ZEROES, 0, [range(2, 2, 1)])).toBe(0);
  expect([disk(1023, 1025), disk(2047, 2049)]).toEqual([[2, 0], [0, 5]]);
  expect(request(TYPE.DISCARD, 0, [range(0, 1, 0)])).toBe(0);
  expect(disk(511, 513)).toEqual([0, 2]);
  expect(request(TYPE.DISCARD, 0, [range(0, 1, 1)])).toBe(2);
  expect(request(TYPE.WRITE_ZEROES, 0, [range(15, 2, 0)])).toBe(1);
  expect(request(TYPE.WRITE_ZEROES, 0, [range(0, 0xffff_ffff, 0)])).toBe(1);
});

test("the configuration: capacity, block size, limits, by every width", () => {
  expect([driver.load(0x100), driver.load(0x104), driver.load(0x114)]).toEqual([SECTORS, 0, 512]);
  expect([driver.load(0x114, 1), driver.load(0x115, 1), driver.load(0x114, 2)]).toEqual([0, 2, 512]);
  expect([driver.load(0x10c), driver.load(0x13c), driver.load(0x13c, 2)]).toEqual([1022, -1, 0xffff]);
});

test("requests end in order, each at its clock: doorbell, request, sectors", () => {
  const { blockRequest, blockSector } = board.costs;
  const doorbell = Math.max(board.costs.doorbell, board.interruptLatency);
  setHart(board, 1, HART.MIE, IP.MEIP);
  storeDevice(board, 0, BOARD.PLIC + 4 * 8, 4, 1);
  storeDevice(board, 0, BOARD.PLIC + 0x2000 + 0x80 * 2, 4, 1 << 8);
  driver.view.setUint32(HEADER, TYPE.IN, true);
  for (const sectors of [1, 8]) {
    driver.offer(0, [{ at: HEADER, length: 16 }, input(512 * sectors), input(1, STATUS_BYTE)]);
    driver.notify(0);
  }
  const step = (): [number, number, boolean] => {
    expect(driver.settle(1)).toBe(1);
    return [driver.clock, driver.used(0).length, driver.wire];
  };
  const first = doorbell + blockRequest + blockSector;
  expect(step()).toEqual([doorbell, 0, false]);
  expect(step()).toEqual([first, 1, true]);
  expect(getHart64(board, 1, HART.EVENT_CLOCK)).toBe(0);
  expect(driver.load(REGISTER.INTERRUPT_STATUS)).toBe(1);
  driver.store(REGISTER.INTERRUPT_ACK, 1);
  expect(driver.wire).toBe(false);
  expect(step()).toEqual([first + blockRequest + 8 * blockSector, 2, true]);
  expect(nextDeviceEvent(board)).toBe(Infinity);
});

test("no interrupt when the driver does not want one", () => {
  driver.view.setUint16(driver.rings(0).available, 1, true);
  expect(request(TYPE.FLUSH, 0)).toBe(0);
  expect([driver.wire, driver.used(0).length]).toEqual([false, 1]);
});

test("indirect descriptors, a longer table than the queue among them", () => {
  driver.view.setUint32(HEADER, TYPE.IN, true);
  driver.view.setUint32(HEADER + 8, 4, true);
  const table = PLACE.DATA + 0x4000;
  const count = 34;
  driver.descriptor(table, { at: HEADER, length: 16, flags: FLAG.NEXT }, 1);
  for (let i = 1; i < count - 1; i++) {
    driver.descriptor(table + 16 * i, { ...input(16, BUFFER + 16 * i), flags: FLAG.WRITE | FLAG.NEXT }, i + 1);
  }
  driver.descriptor(table + 16 * (count - 1), input(1, STATUS_BYTE), 0);
  driver.offer(0, [{ at: table, length: 16 * count, flags: FLAG.INDIRECT }]);
  driver.notify(0).settle();
  expect([driver.used(0), driver.view.getUint8(BUFFER + 16 * 32)]).toEqual([[[0, 513]], 5]);
});
