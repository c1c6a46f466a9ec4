/**
 * A small virtio driver over a test board: one queue set up by the book, descriptors put anywhere, device events run to
 * their end. For tests only.
 */
import { setHart64 } from "../../board.ts";
import { BOARD, HART, IRQ } from "../../memory/layout.ts";
import type { TestBoard } from "../../test-board.ts";
import { nextDeviceEvent, runDeviceEvents } from "../agenda.ts";
import { loadDevice, storeDevice } from "../bus.ts";
import { isWireUp } from "../plic.ts";
import { STATUS } from "./state.ts";
import { REGISTER } from "./transport.ts";

export const FLAG = { NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
/** Where the driver keeps things, as offsets in RAM; a queue's areas are 0x1000 apart. */
export const PLACE = { RINGS: 0x1000, DATA: 0x1_0000 } as const;

export interface Piece {
  readonly at: number;
  readonly length: number;
  readonly flags?: number;
}

export class TestDriver {
  readonly board: TestBoard;
  readonly slot: number;
  /** Clock of hart 0, which drives. */
  clock = 0;
  private nextDescriptor = 0;

  constructor(board: TestBoard, slot: number) {
    this.board = board;
    this.slot = slot;
  }

  load(offset: number, size = 4): number | null {
    return loadDevice(this.board, 0, BOARD.VIRTIO + 0x1000 * this.slot + offset, size);
  }

  store(offset: number, value: number, size = 4): void {
    storeDevice(this.board, 0, BOARD.VIRTIO + 0x1000 * this.slot + offset, size, value);
  }

  get status(): number {
    return this.load(REGISTER.STATUS)!;
  }

  get view(): DataView {
    return new DataView(this.board.bytes.buffer, this.board.ramOffset, this.board.ramBytes);
  }

  /** Wire of the slot at the PLIC. */
  get wire(): boolean {
    return isWireUp(this.board, IRQ.VIRTIO + this.slot);
  }

  /** Up to FEATURES_OK with these features (low word). */
  negotiate(features: number, high = 1): this {
    this.store(REGISTER.STATUS, 0);
    this.store(REGISTER.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    this.store(REGISTER.DRIVER_FEATURES_SEL, 0);
    this.store(REGISTER.DRIVER_FEATURES, features);
    this.store(REGISTER.DRIVER_FEATURES_SEL, 1);
    this.store(REGISTER.DRIVER_FEATURES, high);
    this.store(REGISTER.STATUS, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK);
    return this;
  }

  rings(queue: number): { table: number; available: number; used: number } {
    const base = PLACE.RINGS + queue * 0x4000;
    return { table: base, available: base + 0x1000, used: base + 0x2000 };
  }

  queue(queue: number, size = 16): this {
    const { table, available, used } = this.rings(queue);
    this.store(REGISTER.QUEUE_SEL, queue);
    this.store(REGISTER.QUEUE_SIZE, size);
    const areas: [number, number][] = [
      [REGISTER.QUEUE_DESCRIPTORS, table],
      [REGISTER.QUEUE_AVAILABLE, available],
      [REGISTER.QUEUE_USED, used],
    ];
    for (const [register, at] of areas) {
      this.store(register, BOARD.RAM + at);
      this.store(register + 4, 0);
    }
    this.store(REGISTER.QUEUE_READY, 1);
    return this;
  }

  ready(): this {
    this.store(REGISTER.STATUS, this.status | STATUS.DRIVER_OK);
    return this;
  }

  descriptor(at: number, piece: Piece, next: number): void {
    const { view } = this;
    view.setUint32(at, BOARD.RAM + piece.at, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, piece.length, true);
    view.setUint16(at + 12, piece.flags ?? 0, true);
    view.setUint16(at + 14, next, true);
  }

  /** Puts a chain into the table and makes it available; its head. */
  offer(queue: number, pieces: readonly Piece[], size = 16): number {
    const { table, available } = this.rings(queue);
    const head = this.nextDescriptor % size;
    pieces.forEach((piece, i) => {
      const index = this.nextDescriptor++ % size;
      const more = i + 1 < pieces.length;
      const flags = (piece.flags ?? 0) | (more ? FLAG.NEXT : 0);
      this.descriptor(table + 16 * index, { ...piece, flags }, (index + 1) % size);
    });
    const { view } = this;
    const index = view.getUint16(available + 2, true);
    view.setUint16(available + 4 + 2 * (index % size), head, true);
    view.setUint16(available + 2, (index + 1) & 0xffff, true);
    return head;
  }

  notify(queue: number): this {
    this.store(REGISTER.QUEUE_NOTIFY, queue);
    return this;
  }

  /** Runs device events until none is left; how many there were, at most `most`. */
  settle(most = 1000): number {
    let events = 0;
    for (let next = nextDeviceEvent(this.board); next < Infinity && events < most; events++) {
      this.clock = next;
      setHart64(this.board, 0, HART.CLOCK, next);
      runDeviceEvents(this.board, next);
      next = nextDeviceEvent(this.board);
    }
    return events;
  }

  /** Used entries so far, as [head, written], of a queue that has not gone round. */
  used(queue: number): [number, number][] {
    const { used } = this.rings(queue);
    const { view } = this;
    return Array.from({ length: view.getUint16(used + 2, true) }, (_, i) => [
      view.getUint32(used + 4 + 8 * i, true),
      view.getUint32(used + 8 + 8 * i, true),
    ]);
  }
}

/** A driver of slot 7 with queues ready and DRIVER_OK. */
export function drive(board: TestBoard, queues: number, features = 0): TestDriver {
  const driver = new TestDriver(board, 7).negotiate(features);
  for (let queue = 0; queue < queues; queue++) driver.queue(queue);
  return driver.ready();
}
