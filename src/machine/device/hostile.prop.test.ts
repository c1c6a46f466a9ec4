/**
 * A guest that does anything to any device: random addresses near registers, every width, aligned or not, from any hart,
 * input and lab requests in between, device events at their clocks. Nothing throws, answers are words of the width asked
 * for, writes stay in the device sections, and two boards that are treated alike are equal.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { HART, BOARD, DEVICE_BASE, MACHINE } from "../memory/layout.ts";
import { setHart64 } from "../board.ts";
import { createTestBoard, type TestBoard } from "../test-board.ts";
import { nextDeviceEvent, runDeviceEvents } from "./agenda.ts";
import { loadDevice, storeDevice } from "./bus.ts";
import { queueRequest } from "./lab.ts";
import { receive } from "./uart.ts";

const RAM_BYTES = 0x1_0000;
/** Devices by first address, with the offsets where their registers are. */
const PLACES: readonly (readonly [base: number, offsets: readonly number[]])[] = [
  [BOARD.CLINT, [0, 4, 0xfc, 0x100, 0x3fff, 0x4000, 0x4004, 0x41f8, 0x4200, 0xbff8, 0xbffc, 0xc000, 0xffff]],
  [BOARD.PLIC, [0, 4, 40, 0x180, 0x184, 0x1000, 0x100c, 0x1010, 0x2000, 0x200c, 0x2010, 0x2080, 0x5f8c, 0x6000, 0x1f_fffc]],
  [BOARD.PLIC, [0x20_0000, 0x20_0004, 0x20_0008, 0x20_1000, 0x20_1004, 0x27_f004, 0x28_0000, 0x5f_fffc, 0x60_0000]],
  [BOARD.UART, [0, 1, 2, 3, 4, 5, 6, 7, 8, 0xff]],
  [BOARD.FINISHER, [0, 1, 2, 4, 0xfff, 0x1000]],
  [BOARD.LAB, [0, 4, 8, 12, 16, 20, 24, 28, 32, 0xffc]],
  ...[0, 6, 7].map((slot) => [BOARD.VIRTIO + 0x1000 * slot, [0, 0x10, 0x24, 0x30, 0x38, 0x44, 0x50, 0x64, 0x70, 0x80, 0xb4, 0xfc, 0x100, 0x13f, 0x200]] as const),
];

const address = fc.tuple(fc.constantFrom(...PLACES), fc.nat({ max: 20 }), fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 3 }))
  .map(([[base, offsets], pick, shift, odd]) => base + offsets[pick % offsets.length]! + (odd === 0 ? shift : 0));
const action = fc.record({
  kind: fc.constantFrom("load", "store", "store", "event", "input", "lab"),
  hart: fc.nat({ max: 2 }),
  address,
  size: fc.constantFrom(1, 2, 4),
  value: fc.oneof(fc.integer({ min: 0, max: 0xff }), fc.integer(), fc.constantFrom(-1, 0x5555, 0x3333, 0x7777, 15, 1)),
  later: fc.integer({ min: 0, max: 3_000_000 }),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function createBoard(): TestBoard {
  return createTestBoard(3, {
    ramBytes: RAM_BYTES,
    disks: [{ bytes: new Uint8Array(4096), readOnly: false }],
    virtioConsole: true,
  });
}

/** What the guest and the world see of one action. */
function act(board: TestBoard, one: Action, clock: number): unknown {
  const { hart, size, value } = one;
  switch (one.kind) {
    case "load":
      return loadDevice(board, hart, one.address, size);
    case "store":
      return storeDevice(board, hart, one.address, size, value & (size === 4 ? -1 : (1 << (8 * size)) - 1));
    case "event": {
      const event = nextDeviceEvent(board);
      if (event > clock) return event;
      runDeviceEvents(board, event);
      return nextDeviceEvent(board);
    }
    case "input":
      return receive(board, new Uint8Array(size).fill(value));
    default:
      return queueRequest(board, value & 7, hart);
  }
}

test("anything to any device", () => {
  let answered = 0;
  const property = fc.property(fc.array(action, { minLength: 60, maxLength: 120 }), (actions) => {
    const boards = [createBoard(), createBoard()];
    let clock = 0;
    for (const one of actions) {
      clock += one.later;
      for (const board of boards) for (let hart = 0; hart < 3; hart++) setHart64(board, hart, HART.CLOCK, clock + hart);
      const [first, second] = boards.map((board) => act(board, one, clock));
      expect(second).toBe(first);
      if (one.kind !== "load" || first === null) continue;
      answered++;
      expect(Number.isInteger(first)).toBe(true);
      if (one.size < 4) expect((first as number) >>> (8 * one.size)).toBe(0);
    }
    const state = ({ bytes }: TestBoard): Uint8Array => bytes.subarray(DEVICE_BASE, MACHINE);
    expect(Buffer.compare(state(boards[0]!), state(boards[1]!))).toBe(0);
    expect(boards[0]!.console.length).toBeLessThanOrEqual(actions.length);
  });
  fc.assert(property, { numRuns: 150 });
  expect(answered).toBeGreaterThan(1000);
});
