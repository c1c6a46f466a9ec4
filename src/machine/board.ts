/**
 * One machine's linear memory as the JavaScript half sees it, and the few accessors that everything
 * in `hart/` and `device/` uses. All guest-visible state is in `words`; what stands beside it
 * (output, results, the reason to stop) is what leaves the machine and never comes back into it.
 *
 * 64-bit fields are two words, low first. Clocks are read as JavaScript numbers: exact up to 2^53
 * cycles (104 days).
 */
import { HART, HART_BASE, HART_STRIDE, MACHINE_WORD } from "./memory/layout.ts";
import type { Costs } from "./timing/constants.ts";
import type { Model } from "./device/virtio/model.ts";
import type { LabResult, Stop } from "./types.ts";

export interface Board {
  /** The whole of linear memory. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly harts: number;
  /** Where guest RAM starts in linear memory, and its size. */
  readonly ramOffset: number;
  readonly ramBytes: number;
  readonly hasLab: boolean;
  /** What device accesses cost in cycle mode. */
  readonly costs: Costs;
  /** Cycles until a line raised by one hart reaches another one. */
  readonly interruptLatency: number;
  /** What is plugged into the virtio slots, and the disks among it. */
  readonly disks: readonly DiskPlace[];
  readonly virtio: readonly (Model | null)[];
  /**
   * Why the machine must stop at the end of the running instruction (`requestStop`); null: it need
   * not.
   */
  stop: Stop | null;
  /** Sent by the UART, not yet drained. */
  readonly console: ByteQueue;
  readonly labResults: LabResult[];
  /** The largest clock of all harts. */
  now(): number;
  /**
   * A device or loader wrote these bytes of guest RAM (`offset` from its start) or of the disks
   * behind it: always say so, see engine/contract.ts. DMA is coherent and costs harts nothing.
   */
  wroteRam(offset: number, length: number): void;
  /** Appends a mark record of the machine itself. */
  emitRecord(hart: number, event: number, pc: number, a: number, b: number, c: number): void;
}

/** A disk's place in linear memory, behind guest RAM. */
export interface DiskPlace {
  readonly at: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly id: string;
}

/** A growing byte buffer that is emptied as a whole. */
export class ByteQueue {
  private bytes = new Uint8Array(1024);
  private used = 0;

  get length(): number {
    return this.used;
  }

  push(byte: number): void {
    if (this.used === this.bytes.length) {
      const larger = new Uint8Array(this.used * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.used++] = byte;
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  drain(): Uint8Array {
    const all = this.copy();
    this.used = 0;
    return all;
  }

  /** Holds these bytes instead of its own. */
  replace(bytes: Uint8Array): void {
    this.used = 0;
    for (const byte of bytes) this.push(byte);
  }
}

/** Index into `words` of a field of a hart's block. */
export function hartWord(hart: number, offset: number): number {
  return (HART_BASE + hart * HART_STRIDE + offset) >>> 2;
}

export function getHart(board: Board, hart: number, offset: number): number {
  return board.words[hartWord(hart, offset)]!;
}

export function setHart(board: Board, hart: number, offset: number, value: number): void {
  board.words[hartWord(hart, offset)] = value;
}

/** A u64 field as a number. */
export function getHart64(board: Board, hart: number, offset: number): number {
  const at = hartWord(hart, offset);
  return (board.words[at]! >>> 0) + (board.words[at + 1]! >>> 0) * 0x1_0000_0000;
}

export function setHart64(board: Board, hart: number, offset: number, value: number): void {
  const at = hartWord(hart, offset);
  board.words[at] = (value % 0x1_0000_0000) | 0;
  board.words[at + 1] = Math.floor(value / 0x1_0000_0000) | 0;
}

/** All ones: "never" or "does not count". */
export function setHartNever(board: Board, hart: number, offset: number): void {
  const at = hartWord(hart, offset);
  board.words[at] = -1;
  board.words[at + 1] = -1;
}

export function isHartNever(board: Board, hart: number, offset: number): boolean {
  const at = hartWord(hart, offset);
  return board.words[at] === -1 && board.words[at + 1] === -1;
}

export function clockOf(board: Board, hart: number): number {
  return getHart64(board, hart, HART.CLOCK);
}

/** Ends `run` after this instruction; the first reason counts. */
export function requestStop(board: Board, stop: Stop): void {
  board.stop ??= stop;
  board.words[MACHINE_WORD.STOP >>> 2] = 1;
}

/** A general register; x0 reads zero. */
export function getX(board: Board, hart: number, index: number): number {
  return index === 0 ? 0 : getHart(board, hart, HART.X + 4 * index);
}

export function setX(board: Board, hart: number, index: number, value: number): void {
  if (index !== 0) setHart(board, hart, HART.X + 4 * index, value);
}
