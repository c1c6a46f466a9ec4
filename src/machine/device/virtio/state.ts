/**
 * What a virtio-mmio slot remembers: 128 words a slot in the device section, all of it in snapshots and hashes. The
 * rest (which device is plugged in, its features) follows from the machine's configuration.
 */
import type { Board } from "../../board.ts";
import { DEVICE } from "../../memory/layout.ts";

export const SLOTS = 8;
export const QUEUES_MAX = 2;
/** Largest queue, and the longest chain of descriptors. */
export const QUEUE_SIZE_MAX = 1024;

/** Words of a slot. */
export const WORD = {
  STATUS: 0,
  DEVICE_FEATURES_SEL: 1,
  DRIVER_FEATURES_SEL: 2,
  /** Two words: features that the driver accepted. */
  DRIVER_FEATURES: 3,
  QUEUE_SEL: 5,
  INTERRUPT_STATUS: 6,
  /** Clock at which the device does its next step, u64; all ones: it is idle. */
  EVENT: 8,
  /** Queue whose request is being worked on, + 1; 0: the next step is to look for one. */
  WORKING: 10,
  /** Queues, QUEUE_WORDS apart. */
  QUEUES: 16,
} as const;

export const QUEUE_WORDS = 16;
/** Words of a queue; addresses are u64. */
export const QUEUE = {
  SIZE: 0,
  READY: 1,
  DESCRIPTORS: 2,
  /** The ring of available buffers: the driver area. */
  AVAILABLE: 4,
  /** The ring of used buffers: the device area. */
  USED: 6,
  /** How many available and used buffers the device has counted, modulo 2^16. */
  AVAILABLE_SEEN: 8,
  USED_COUNT: 9,
} as const;

export const STATUS = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** Bits of InterruptStatus. */
export const INTERRUPT = { USED_BUFFER: 1, CONFIGURATION: 2 } as const;

const SLOT_WORDS = 128;

/** Index into `words` of a word of a slot. */
export function slotWord(slot: number, word: number): number {
  return (DEVICE.VIRTIO >>> 2) + slot * SLOT_WORDS + word;
}

export function queueWord(slot: number, queue: number, word: number): number {
  return slotWord(slot, WORD.QUEUES + queue * QUEUE_WORDS + word);
}

export function getSlot(board: Board, slot: number, word: number): number {
  return board.words[slotWord(slot, word)]!;
}

export function setSlot(board: Board, slot: number, word: number, value: number): void {
  board.words[slotWord(slot, word)] = value;
}

export function getQueue(board: Board, slot: number, queue: number, word: number): number {
  return board.words[queueWord(slot, queue, word)]!;
}

export function setQueue(
  board: Board,
  slot: number,
  queue: number,
  word: number,
  value: number,
): void {
  board.words[queueWord(slot, queue, word)] = value;
}

/** Everything as after power-on; the event clock says idle. */
export function clearSlot(board: Board, slot: number): void {
  const from = slotWord(slot, 0);
  board.words.fill(0, from, from + SLOT_WORDS);
  board.words.fill(-1, slotWord(slot, WORD.EVENT), slotWord(slot, WORD.EVENT) + 2);
}

/** Whether slots from outside can be those of a board: queues within their limits, work on one that exists. */
export function areSlotsSound(words: Int32Array): boolean {
  return Array.from({ length: SLOTS }, (_, slot) => slot).every((slot) => {
    if (words[slotWord(slot, WORD.WORKING)]! >>> 0 > QUEUES_MAX) return false;
    return Array.from({ length: QUEUES_MAX }, (_, queue) => queue).every((queue) => {
      const at = (word: number): number => words[queueWord(slot, queue, word)]! >>> 0;
      const size = at(QUEUE.SIZE);
      const legal = size > 0 && size <= QUEUE_SIZE_MAX && (size & (size - 1)) === 0;
      return (at(QUEUE.READY) === 0 || legal) && at(QUEUE.AVAILABLE_SEEN) <= 0xffff && at(QUEUE.USED_COUNT) <= 0xffff;
    });
  });
}
