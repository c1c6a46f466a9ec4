/**
 * virtio over MMIO, version 2 (virtio 1.2, section 4.2), in QEMU virt's eight slots: slot n at 0x1000_1000 + 0x1000 n,
 * interrupt 1 + n. An empty slot answers with device id 0. Registers are words; a narrower access reads 0 and writes
 * nothing (an empty slot gives the low bytes), as in QEMU. The configuration space takes every width.
 *
 * Work. QueueNotify wakes the device `doorbell` cycles later (an event, event.ts). Awake, it takes the first
 * queue with a buffer it has use for, works on it for `cycles`, then does it all at once and looks for the next; so
 * requests complete in order, one at a time, and a slot needs no state but the clock and the queue. Descriptors are
 * read again at the end: a driver that changes them meanwhile gets what it then says.
 *
 * Misuse of a queue ends as DEVICE_NEEDS_RESET with a configuration interrupt; the device does nothing more until
 * STATUS is written 0. Registers written in a state where they are not due keep their value. Not offered: EVENT_IDX,
 * packed rings, queue reset, shared memory.
 */
import { clockOf, type Board } from "../../board.ts";
import { BY_DEVICE } from "../../hart/interrupt.ts";
import { BOARD, IRQ } from "../../memory/layout.ts";
import { NO_ANSWER, type Device } from "../device.ts";
import { cancelEvent, scheduleEvent } from "../event.ts";
import { setSource } from "../plic.ts";
import type { Model } from "./model.ts";
import { BROKEN, finishChain, peekChain, waitingBuffers } from "./queue.ts";
import {
  INTERRUPT,
  QUEUE,
  QUEUE_SIZE_MAX,
  SLOTS,
  STATUS,
  WORD,
  clearSlot,
  getQueue,
  getSlot,
  setQueue,
  setSlot,
  slotWord,
} from "./state.ts";

export const REGISTER = {
  MAGIC: 0x000,
  VERSION: 0x004,
  DEVICE_ID: 0x008,
  VENDOR_ID: 0x00c,
  DEVICE_FEATURES: 0x010,
  DEVICE_FEATURES_SEL: 0x014,
  DRIVER_FEATURES: 0x020,
  DRIVER_FEATURES_SEL: 0x024,
  QUEUE_SEL: 0x030,
  QUEUE_SIZE_MAX: 0x034,
  QUEUE_SIZE: 0x038,
  QUEUE_READY: 0x044,
  QUEUE_NOTIFY: 0x050,
  INTERRUPT_STATUS: 0x060,
  INTERRUPT_ACK: 0x064,
  STATUS: 0x070,
  QUEUE_DESCRIPTORS: 0x080,
  QUEUE_AVAILABLE: 0x090,
  QUEUE_USED: 0x0a0,
  SHARED_MEMORY_LENGTH: 0x0b0,
  CONFIG_GENERATION: 0x0fc,
  CONFIG: 0x100,
} as const;

const MAGIC = 0x7472_6976;
const VERSION = 2;
/** "HLAB". */
const VENDOR = 0x4241_4c48;
/** Bit 32: the only one of features 32..63 that is offered, and must be accepted. */
const VERSION_1 = 1;
const SLOT_BYTES = 0x1000;
const REGISTERS_BYTES = 0x200;

const u64Word = (offset: number, register: number, word: number): number =>
  offset === register ? word : offset === register + 4 ? word + 1 : -1;

/** The queue word that holds a half of one of the three addresses, or -1. */
function addressWord(offset: number): number {
  return Math.max(
    u64Word(offset, REGISTER.QUEUE_DESCRIPTORS, QUEUE.DESCRIPTORS),
    u64Word(offset, REGISTER.QUEUE_AVAILABLE, QUEUE.AVAILABLE),
    u64Word(offset, REGISTER.QUEUE_USED, QUEUE.USED),
  );
}

/** Raises bits of InterruptStatus (0: none); the wire is up while any is. `by` as for setSource. */
function interrupt(board: Board, slot: number, raise: number, acknowledge: number, by: number): void {
  const bits = (getSlot(board, slot, WORD.INTERRUPT_STATUS) | raise) & ~acknowledge;
  setSlot(board, slot, WORD.INTERRUPT_STATUS, bits);
  setSource(board, IRQ.VIRTIO + slot, bits !== 0, by);
}

function isWorking(board: Board, slot: number): boolean {
  const status = getSlot(board, slot, WORD.STATUS);
  return (status & (STATUS.DRIVER_OK | STATUS.NEEDS_RESET)) === STATUS.DRIVER_OK;
}

/** The driver has broken the rules: nothing happens any more until it resets the device. */
function needsReset(board: Board, slot: number, by: number): void {
  const status = getSlot(board, slot, WORD.STATUS);
  setSlot(board, slot, WORD.STATUS, status | STATUS.NEEDS_RESET);
  cancelEvent(board, slotWord(slot, WORD.EVENT));
  if ((status & STATUS.DRIVER_OK) !== 0) interrupt(board, slot, INTERRUPT.CONFIGURATION, 0, by);
}

function isIdle(board: Board, slot: number): boolean {
  const event = slotWord(slot, WORD.EVENT);
  return board.words[event] === -1 && board.words[event + 1] === -1;
}

/** Has the device look at its queues, unless it is at work and will anyway. `clock` is that of the doorbell. */
export function wake(board: Board, slot: number, clock: number): void {
  if (!isWorking(board, slot) || !isIdle(board, slot)) return;
  setSlot(board, slot, WORD.WORKING, 0);
  scheduleEvent(board, slotWord(slot, WORD.EVENT), clock + Math.max(board.costs.doorbell, board.interruptLatency));
}

/** Starts on the first buffer that the device has use for, or goes idle. */
function startNext(board: Board, slot: number, model: Model, clock: number): void {
  cancelEvent(board, slotWord(slot, WORD.EVENT));
  for (let queue = 0; queue < model.queues; queue++) {
    if (getQueue(board, slot, queue, QUEUE.READY) === 0 || !model.wants(board, queue)) continue;
    const waiting = waitingBuffers(board, slot, queue);
    if (waiting === 0) continue;
    const chain = waiting === BROKEN ? BROKEN : peekChain(board, slot, queue);
    if (chain === BROKEN) return needsReset(board, slot, BY_DEVICE);
    setSlot(board, slot, WORD.WORKING, 1 + queue);
    const end = clock + model.cycles(board, queue, chain);
    scheduleEvent(board, slotWord(slot, WORD.EVENT), end);
    return;
  }
}

/** Completes what was worked on; false: the queue is broken. */
function finishRequest(board: Board, slot: number, model: Model, queue: number): boolean {
  if (getQueue(board, slot, queue, QUEUE.READY) === 0) return true;
  const waiting = waitingBuffers(board, slot, queue);
  if (waiting === 0) return true;
  const chain = waiting === BROKEN ? BROKEN : peekChain(board, slot, queue);
  const written = chain === BROKEN ? BROKEN : model.perform(board, queue, chain);
  if (chain === BROKEN || written === BROKEN) return false;
  const notify = finishChain(board, slot, queue, chain, written);
  if (notify === BROKEN) return false;
  if (notify) interrupt(board, slot, INTERRUPT.USED_BUFFER, 0, BY_DEVICE);
  return true;
}

/** The slot's event at `clock`. */
export function runSlot(board: Board, slot: number, clock: number): void {
  const model = board.virtio[slot];
  const working = getSlot(board, slot, WORD.WORKING);
  setSlot(board, slot, WORD.WORKING, 0);
  if (!model) return;
  if (working === 0 || finishRequest(board, slot, model, working - 1)) startNext(board, slot, model, clock);
  else needsReset(board, slot, BY_DEVICE);
}

function offered(model: Model, word: number): number {
  return word === 0 ? model.features : word === 1 ? VERSION_1 : 0;
}

function featuresFit(board: Board, slot: number, model: Model): boolean {
  const low = getSlot(board, slot, WORD.DRIVER_FEATURES);
  return (low & ~model.features) === 0 && getSlot(board, slot, WORD.DRIVER_FEATURES + 1) === VERSION_1;
}

function resetSlot(board: Board, slot: number, by: number): void {
  clearSlot(board, slot);
  setSource(board, IRQ.VIRTIO + slot, false, by);
}

function writeStatus(board: Board, slot: number, model: Model, value: number, hart: number): void {
  if (value === 0) return resetSlot(board, slot, hart);
  const old = getSlot(board, slot, WORD.STATUS);
  const written = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.DRIVER_OK | STATUS.FEATURES_OK | STATUS.FAILED;
  let status = (value & written) | (old & STATUS.NEEDS_RESET);
  const settled = (old & STATUS.FEATURES_OK) !== 0;
  if (!settled && !featuresFit(board, slot, model)) status &= ~STATUS.FEATURES_OK;
  const early = (status & STATUS.DRIVER_OK) !== 0 && (status & STATUS.FEATURES_OK) === 0;
  setSlot(board, slot, WORD.STATUS, early ? status & ~STATUS.DRIVER_OK : status);
  if (early) needsReset(board, slot, hart);
}

function writeQueueReady(board: Board, slot: number, queue: number, value: number, hart: number): void {
  const size = getQueue(board, slot, queue, QUEUE.SIZE);
  const legal = size > 0 && size <= QUEUE_SIZE_MAX && (size & (size - 1)) === 0;
  if ((value & 1) !== 0 && !legal) return needsReset(board, slot, hart);
  setQueue(board, slot, queue, QUEUE.READY, value & 1);
  if ((value & 1) === 0) {
    setQueue(board, slot, queue, QUEUE.AVAILABLE_SEEN, 0);
    setQueue(board, slot, queue, QUEUE.USED_COUNT, 0);
  }
}

/** The selected queue, or -1 when the device has none of that number. */
function selectedQueue(board: Board, slot: number, model: Model): number {
  const queue = getSlot(board, slot, WORD.QUEUE_SEL) >>> 0;
  return queue < model.queues ? queue : -1;
}

/** What an empty slot has as well. */
function loadIdentity(offset: number): number {
  if (offset === REGISTER.MAGIC) return MAGIC;
  if (offset === REGISTER.VERSION) return VERSION;
  return offset === REGISTER.VENDOR_ID ? VENDOR : 0;
}

function loadRegister(board: Board, slot: number, model: Model, offset: number): number {
  const queue = selectedQueue(board, slot, model);
  switch (offset) {
    case REGISTER.DEVICE_ID:
      return model.deviceId;
    case REGISTER.DEVICE_FEATURES:
      return offered(model, getSlot(board, slot, WORD.DEVICE_FEATURES_SEL));
    case REGISTER.QUEUE_SIZE_MAX:
      return queue < 0 ? 0 : QUEUE_SIZE_MAX;
    case REGISTER.QUEUE_READY:
      return queue < 0 ? 0 : getQueue(board, slot, queue, QUEUE.READY);
    case REGISTER.INTERRUPT_STATUS:
      return getSlot(board, slot, WORD.INTERRUPT_STATUS);
    case REGISTER.STATUS:
      return getSlot(board, slot, WORD.STATUS);
    case REGISTER.SHARED_MEMORY_LENGTH:
    case REGISTER.SHARED_MEMORY_LENGTH + 4:
      return -1;
    default:
      return 0;
  }
}

/** Registers of the selected queue; they rest while it is ready. */
function storeQueueRegister(board: Board, slot: number, queue: number, offset: number, value: number, hart: number): void {
  if (offset === REGISTER.QUEUE_READY) return writeQueueReady(board, slot, queue, value, hart);
  if (getQueue(board, slot, queue, QUEUE.READY) !== 0) return;
  const word = offset === REGISTER.QUEUE_SIZE ? QUEUE.SIZE : addressWord(offset);
  if (word >= 0) setQueue(board, slot, queue, word, value);
}

function storeRegister(board: Board, slot: number, model: Model, offset: number, value: number, hart: number): void {
  const queue = selectedQueue(board, slot, model);
  switch (offset) {
    case REGISTER.DEVICE_FEATURES_SEL:
      return setSlot(board, slot, WORD.DEVICE_FEATURES_SEL, value);
    case REGISTER.DRIVER_FEATURES_SEL:
      return setSlot(board, slot, WORD.DRIVER_FEATURES_SEL, value);
    case REGISTER.DRIVER_FEATURES: {
      const word = getSlot(board, slot, WORD.DRIVER_FEATURES_SEL);
      const settled = (getSlot(board, slot, WORD.STATUS) & STATUS.FEATURES_OK) !== 0;
      if (word >>> 0 < 2 && !settled) setSlot(board, slot, WORD.DRIVER_FEATURES + word, value);
      return;
    }
    case REGISTER.QUEUE_SEL:
      return setSlot(board, slot, WORD.QUEUE_SEL, value);
    case REGISTER.QUEUE_NOTIFY:
      if (value >>> 0 < model.queues) wake(board, slot, clockOf(board, hart));
      return;
    case REGISTER.INTERRUPT_ACK:
      return interrupt(board, slot, 0, value, hart);
    case REGISTER.STATUS:
      return writeStatus(board, slot, model, value & 0xff, hart);
    default:
      if (queue >= 0) storeQueueRegister(board, slot, queue, offset, value, hart);
  }
}

/** Little-endian bytes of the configuration; all ones behind its end, as in QEMU. */
function loadConfiguration({ configuration }: Model, offset: number, size: number): number {
  if (offset + size > configuration.length) return size === 4 ? -1 : (1 << (8 * size)) - 1;
  let value = 0;
  for (let i = 0; i < size; i++) value |= configuration[offset + i]! << (8 * i);
  return value;
}

function slotDevice(slot: number): Device {
  return {
    name: `virtio${slot}`,
    base: BOARD.VIRTIO + slot * SLOT_BYTES,
    size: REGISTERS_BYTES,

    load(board, _hart, offset, size) {
      if ((offset & (size - 1)) !== 0) return NO_ANSWER;
      const model = board.virtio[slot];
      if (model && offset >= REGISTER.CONFIG) return loadConfiguration(model, offset - REGISTER.CONFIG, size);
      if (model && size !== 4) return 0;
      const identity = loadIdentity(offset);
      if (identity !== 0) return size === 4 ? identity : identity & ((1 << (8 * size)) - 1);
      return model ? loadRegister(board, slot, model, offset) : 0;
    },

    store(board, hart, offset, size, value) {
      if ((offset & (size - 1)) !== 0) return false;
      const model = board.virtio[slot];
      if (model && size === 4) storeRegister(board, slot, model, offset, value, hart);
      return true;
    },
  };
}

export const VIRTIO_SLOTS: readonly Device[] = Array.from({ length: SLOTS }, (_, slot) => slotDevice(slot));

export function resetVirtio(board: Board): void {
  for (let slot = 0; slot < SLOTS; slot++) clearSlot(board, slot);
}
