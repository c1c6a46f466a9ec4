/**
 * A guest that does anything to a virtio device: random registers, widths and values, random memory where the rings and
 * descriptors are. The device ends what it began, writes nowhere but RAM and its disk (the test board checks), and its
 * state stays legal.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTestBoard } from "../../test-board.ts";
import { nextDeviceEvent } from "../agenda.ts";
import { OUTPUT_BYTES_MAX } from "./console.ts";
import { STATUS } from "./state.ts";
import { FLAG, PLACE, TestDriver } from "./testing.ts";
import { REGISTER } from "./transport.ts";

const RAM_BYTES = 0x2_0000;
const DISK_SECTORS = 40;
const EVENTS_MAX = 4000;

/** Values that code gets wrong: small, near a power of two, in RAM, near its ends. */
const word = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(-1, 0x7fff_ffff, 0x8000_0000, 0xffff, 0x1_0000, 1024, 1025, 512, 16, 3),
  fc.integer({ min: 0, max: RAM_BYTES + 64 }).map((offset) => (0x8000_0000 + offset) | 0),
  fc.integer(),
);

interface Step {
  readonly offset: number;
  readonly value: number;
  readonly size: number;
}

const REGISTERS = Object.values(REGISTER).flatMap((offset) => [offset, offset + 4]);
const step: fc.Arbitrary<Step> = fc.record({
  offset: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...REGISTERS) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x1ff }) },
  ),
  value: fc.oneof(word, fc.constantFrom(0, 1, 3, 11, 15)),
  size: fc.constantFrom(4, 4, 4, 4, 2, 1),
});

function board() {
  const bytes = new Uint8Array(DISK_SECTORS * 512).fill(0x5a);
  return createTestBoard(2, { ramBytes: RAM_BYTES, disks: [{ bytes, readOnly: false }], virtioConsole: true });
}

/** Slot 7 is the disk, slot 6 the console. */
const slot = fc.constantFrom(7, 6);

test("any access of any width to any register", () => {
  const property = fc.property(slot, fc.array(step, { maxLength: 80 }), (number, steps) => {
    const driver = new TestDriver(board(), number);
    for (const { offset, value, size } of steps) {
      const before = driver.status;
      driver.store(offset, value, size);
      const answer = driver.load(offset & ~(size - 1), size);
      expect(Number.isInteger(answer)).toBe(true);
      if (size < 4 && offset < REGISTER.CONFIG) expect([answer, driver.status]).toEqual([0, before]);
      driver.settle(20);
    }
    driver.store(REGISTER.STATUS, 0);
    expect([driver.status, driver.wire, nextDeviceEvent(driver.board)]).toEqual([0, false, Infinity]);
  });
  fc.assert(property, { numRuns: 400 });
});

const flags = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 0xffff }));
interface Descriptor {
  readonly at: number;
  readonly high: number;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}
const wild: fc.Arbitrary<Descriptor> = fc.record({
  at: fc.oneof(fc.integer({ min: 0, max: RAM_BYTES }), fc.constantFrom(PLACE.DATA, PLACE.DATA + 16, 0x4000)),
  high: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: word }),
  length: fc.oneof(fc.constantFrom(0, 1, 16, 17, 32, 512, 513, 1024), word),
  flags,
  next: fc.oneof(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 0xffff })),
});
/** What a driver would say, with the place in its table as `next`. */
const tame = (length: number, bits: number): ((index: number) => Descriptor) =>
  (index) => ({ at: PLACE.DATA, high: 0, length, flags: bits, next: index + 1 });
const HEADER = tame(16, FLAG.NEXT);
const usual = fc.constantFrom(HEADER, tame(512, FLAG.NEXT | FLAG.WRITE), tame(1, FLAG.WRITE), tame(512, FLAG.NEXT));
const descriptor = fc.oneof(
  { weight: 4, arbitrary: usual },
  { weight: 1, arbitrary: wild.map((one) => () => one) },
);
const REQUESTS = [0, 1, 4, 8, 11, 13, 99];
const chaos = fc.record({
  number: slot,
  queue: fc.constantFrom(0, 1),
  size: fc.constantFrom(1, 2, 16, 1024),
  descriptors: fc.array(descriptor, { minLength: 1, maxLength: 40 }),
  indirect: fc.array(descriptor, { maxLength: 8 }),
  heads: fc.array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) }), { maxLength: 16 }),
  index: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 0xffff })),
  header: fc.tuple(fc.oneof(fc.constantFrom(...REQUESTS), word), word, fc.oneof(fc.integer({ min: 0, max: 50 }), word), fc.constantFrom(0, 0, 0, 1)),
});

test("any descriptors, rings and requests", () => {
  let reset = 0;
  let served = 0;
  const property = fc.property(chaos, (attack) => {
    const driver = new TestDriver(board(), attack.number);
    const { view } = driver;
    const queue = attack.number === 7 ? 0 : attack.queue;
    driver.negotiate(0).queue(queue, attack.size).ready();
    const put = (at: number, list: typeof attack.descriptors): void =>
      list.forEach((make, i) => {
        const one = make(i);
        driver.descriptor(at + 16 * i, one, one.next);
        view.setUint32(at + 16 * i + 4, one.high, true);
      });
    const { table, available, used } = driver.rings(queue);
    put(table, [HEADER, ...attack.descriptors]);
    put(0x4000, attack.indirect);
    attack.header.forEach((value, i) => view.setUint32(PLACE.DATA + 4 * i, value, true));
    attack.heads.forEach((head, i) => view.setUint16(available + 4 + 2 * i, head, true));
    view.setUint16(available + 2, attack.index, true);
    const before = driver.board.console.length;
    const events = driver.notify(queue).settle(EVENTS_MAX);
    expect(events).toBeLessThan(EVENTS_MAX);
    expect(driver.board.console.length - before).toBeLessThanOrEqual(attack.size * OUTPUT_BYTES_MAX);
    if ((driver.status & STATUS.NEEDS_RESET) !== 0) reset++;
    if (view.getUint16(used + 2, true) > 0) served++;
  });
  fc.assert(property, { numRuns: 1500 });
  // Both kinds must have been met, else this saw nothing.
  expect(Math.min(reset, served)).toBeGreaterThan(20);
});

test.each([
  ["a loop", [{ at: PLACE.DATA, length: 16, flags: FLAG.NEXT, next: 0 }]],
  ["an index behind the table", [{ at: PLACE.DATA, length: 16, flags: FLAG.NEXT, next: 16 }]],
  ["memory outside RAM", [{ at: RAM_BYTES - 8, length: 16, flags: 0, next: 0 }]],
  ["readable after writable", [
    { at: PLACE.DATA, length: 16, flags: FLAG.NEXT | FLAG.WRITE, next: 1 },
    { at: PLACE.DATA, length: 16, flags: 0, next: 0 },
  ]],
  ["no status byte", [{ at: PLACE.DATA, length: 16, flags: 0, next: 0 }]],
  ["half a header", [
    { at: PLACE.DATA, length: 15, flags: FLAG.NEXT, next: 1 },
    { at: PLACE.DATA, length: 1, flags: FLAG.WRITE, next: 0 },
  ]],
  ["an empty indirect table", [{ at: PLACE.DATA, length: 0, flags: FLAG.INDIRECT, next: 0 }]],
  ["an indirect table inside another", [{ at: 0x4000, length: 16, flags: FLAG.INDIRECT, next: 0 }]],
  ["an indirect table in the middle of a chain", [{ at: 0x4000, length: 16, flags: FLAG.INDIRECT | FLAG.NEXT, next: 1 }]],
] as const)("%s needs a reset, with its interrupt, and after one all is well", (_, descriptors) => {
  const driver = new TestDriver(board(), 7).negotiate(0).queue(0).ready();
  const { table, available } = driver.rings(0);
  descriptors.forEach((one, i) => driver.descriptor(table + 16 * i, one, one.next));
  driver.descriptor(0x4000, { at: 0x4000, length: 16, flags: FLAG.INDIRECT }, 0);
  driver.view.setUint16(available + 2, 1, true);
  driver.notify(0).settle();
  expect([driver.status & STATUS.NEEDS_RESET, driver.load(REGISTER.INTERRUPT_STATUS), driver.wire]).toEqual([64, 2, true]);
  driver.notify(0);
  expect(driver.settle()).toBe(0);
  driver.negotiate(0).queue(0).ready();
  driver.descriptor(table, { at: PLACE.DATA, length: 16, flags: FLAG.NEXT }, 1);
  driver.descriptor(table + 16, { at: PLACE.DATA + 32, length: 1, flags: FLAG.WRITE }, 0);
  driver.notify(0).settle();
  expect([driver.status & STATUS.NEEDS_RESET, driver.used(0)]).toEqual([0, [[0, 1]]]);
});

test("queues of a wrong size, misplaced rings, too many buffers, DRIVER_OK without features", () => {
  const fresh = (): TestDriver => new TestDriver(board(), 7).negotiate(0);
  const needsReset = (driver: TestDriver): boolean => {
    driver.settle();
    return (driver.status & STATUS.NEEDS_RESET) !== 0;
  };
  for (const size of [0, 3, 2048, -1]) expect(needsReset(fresh().queue(0, size).ready().notify(0))).toBe(true);
  const moved = (register: number, value: number): TestDriver => {
    const driver = fresh().queue(0);
    driver.store(REGISTER.QUEUE_READY, 0);
    driver.store(register, value);
    driver.store(REGISTER.QUEUE_READY, 1);
    driver.view.setUint16(driver.rings(0).available + 2, 1, true);
    return driver.ready().notify(0);
  };
  for (const register of [REGISTER.QUEUE_DESCRIPTORS, REGISTER.QUEUE_AVAILABLE, REGISTER.QUEUE_USED]) {
    expect(needsReset(moved(register, 0x8000_0001 | 0))).toBe(true);
    expect(needsReset(moved(register, (0x8000_0000 + RAM_BYTES - 16) | 0))).toBe(true);
    expect(needsReset(moved(register + 4, 1))).toBe(true);
  }
  const flooded = fresh().queue(0).ready();
  flooded.view.setUint16(flooded.rings(0).available + 2, 17, true);
  expect(needsReset(flooded.notify(0))).toBe(true);
  const early = new TestDriver(board(), 7);
  early.store(REGISTER.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.DRIVER_OK);
  expect(needsReset(early)).toBe(true);
});

test("features that are not offered, or no VERSION_1, are not accepted", () => {
  const driver = new TestDriver(board(), 7);
  expect(driver.negotiate(1 << 28).status).toBe(11);
  expect(driver.negotiate(1 << 29).status).toBe(3);
  expect(driver.negotiate(0, 0).status).toBe(3);
  expect(driver.negotiate(0, 3).status).toBe(3);
});

test("an empty slot has a name and nothing else", () => {
  const driver = new TestDriver(board(), 0);
  expect([driver.load(0), driver.load(4), driver.load(8)]).toEqual([0x7472_6976, 2, 0]);
  driver.negotiate(0).queue(0).ready().notify(0);
  expect([driver.status, driver.load(REGISTER.QUEUE_SIZE_MAX), driver.load(0x100, 1), driver.settle()]).toEqual([0, 0, 0, 0]);
  expect(driver.load(0x200)).toBeNull();
});
