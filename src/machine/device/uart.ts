/**
 * NS16550A, as QEMU `virt` has it: byte registers at stride 1, wired to PLIC source 10.
 *
 *   0 RBR/THR (DLL)  1 IER (DLM)  2 IIR/FCR  3 LCR  4 MCR  5 LSR  6 MSR  7 SCR
 *
 * Sending takes no time, so THRE and TEMT are always set. Receiving: the world's bytes queue in a
 * ring, of which the FIFO is the front; the world holds back what the ring cannot take, so only
 * loopback overruns. Characters below the trigger level report a timeout four character times
 * (10 bits at the divisor's rate) after the last one came or was read: a device event. The modem
 * lines never change. Breaks, parity and framing errors do not happen.
 */
import { clockOf, requestStop, type Board } from "../board.ts";
import { BOARD, DEVICE, IRQ } from "../memory/layout.ts";
import { BY_DEVICE } from "../hart/interrupt.ts";
import { NO_ANSWER, type Device } from "./device.ts";
import { cancelEvent, scheduleEvent } from "./event.ts";
import { setSource } from "./plic.ts";

/** Word indices of the section; the ring is bytes behind them. */
const BASE = DEVICE.UART >>> 2;
const REG = {
  IER: BASE,
  FCR: BASE + 1,
  LCR: BASE + 2,
  MCR: BASE + 3,
  SCR: BASE + 4,
  DLL: BASE + 5,
  DLM: BASE + 6,
  /** Non-zero: the transmitter-empty interrupt waits to be seen. */
  THR_PENDING: BASE + 7,
  OVERRUN: BASE + 8,
  RING_HEAD: BASE + 9,
  RING_COUNT: BASE + 10,
  /** Non-zero: characters have waited below the trigger level for the time of four. */
  TIMEOUT: BASE + 11,
  /** Last byte read while the FIFO was off: what reading on gives. */
  LAST: BASE + 12,
} as const;
/** u64 clock at which TIMEOUT will be set; all ones: it will not. */
export const UART_EVENT = BASE + 14;
const RING = DEVICE.UART + 0x1000;
export const UART_RING_BYTES = 0x1000;
const FIFO_BYTES = 16;
/** Divisor of the rate after reset, as in QEMU. */
const RESET_DIVISOR = 12;
/** A character is 10 bits of 16 clocks of 3.6864 MHz (board-tree.ts), times the divisor. */
const CHARACTER_CYCLES = 43_403;
const TIMEOUT_CHARACTERS = 4;
/** Output that waits this long to be drained stops the machine. */
export const CONSOLE_BYTES_MAX = 0x1_0000;

const IER = { RX: 1, TX: 2, LINE: 4, MODEM: 8 } as const;
const IIR = { NONE: 1, TX: 2, RX: 4, LINE: 6, TIMEOUT: 12, FIFO: 0xc0 } as const;
const LSR = { DATA: 1, OVERRUN: 2, THRE: 0x20, TEMT: 0x40 } as const;
const LCR_DLAB = 0x80;
const MCR_LOOP = 0x10;
/** Set after reset, as in QEMU. */
const MCR_OUT2 = 8;
/** Carrier, data set ready, clear to send: a cable that is always plugged in. */
const MSR_CONNECTED = 0xb0;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

function fifoOn(board: Board): boolean {
  return (board.words[REG.FCR]! & 1) !== 0;
}

/**
 * The interrupt identification without its FIFO bits; the lowest code with the highest priority
 * wins.
 */
function identify(board: Board): number {
  const { words } = board;
  const enabled = words[REG.IER]!;
  if ((enabled & IER.LINE) !== 0 && words[REG.OVERRUN] !== 0) return IIR.LINE;
  const waiting = words[REG.RING_COUNT]!;
  if ((enabled & IER.RX) !== 0 && waiting > 0) {
    if (words[REG.TIMEOUT] !== 0) return IIR.TIMEOUT;
    const trigger = TRIGGER_LEVELS[(words[REG.FCR]! >>> 6) & 3]!;
    if (!fifoOn(board) || waiting >= trigger) return IIR.RX;
  }
  return (enabled & IER.TX) !== 0 && words[REG.THR_PENDING] !== 0 ? IIR.TX : IIR.NONE;
}

function update(board: Board, by: number): void {
  setSource(board, IRQ.UART, identify(board) !== IIR.NONE, by);
}

/** A character came or went at `clock`: the time until the timeout starts anew, if any waits. */
function restartTimeout(board: Board, clock: number): void {
  const { words } = board;
  words[REG.TIMEOUT] = 0;
  if (!fifoOn(board) || words[REG.RING_COUNT] === 0) return cancelEvent(board, UART_EVENT);
  const divisor = Math.max(1, words[REG.DLL]! | (words[REG.DLM]! << 8));
  const cycles = TIMEOUT_CHARACTERS * CHARACTER_CYCLES * divisor;
  scheduleEvent(board, UART_EVENT, clock + cycles);
}

/** The event of UART_EVENT. */
export function receiveTimeout(board: Board): void {
  cancelEvent(board, UART_EVENT);
  board.words[REG.TIMEOUT] = 1;
  update(board, BY_DEVICE);
}

export function resetUart(board: Board): void {
  board.words[REG.MCR] = MCR_OUT2;
  board.words[REG.DLL] = RESET_DIVISOR;
  cancelEvent(board, UART_EVENT);
}

/** Whether a section from outside can be this device's. */
export function isUartSound(words: Int32Array): boolean {
  return words[REG.RING_HEAD]! >>> 0 < UART_RING_BYTES && words[REG.RING_COUNT]! >>> 0 <= UART_RING_BYTES;
}

function enqueue(board: Board, byte: number): void {
  const { words } = board;
  const count = words[REG.RING_COUNT]!;
  board.bytes[RING + ((words[REG.RING_HEAD]! + count) & (UART_RING_BYTES - 1))] = byte;
  words[REG.RING_COUNT] = count + 1;
}

function dequeue(board: Board): number {
  const { words } = board;
  if (words[REG.RING_COUNT] === 0) return 0;
  const head = words[REG.RING_HEAD]!;
  words[REG.RING_HEAD] = (head + 1) & (UART_RING_BYTES - 1);
  words[REG.RING_COUNT]! -= 1;
  return board.bytes[RING + head]!;
}

/** Bytes from the world outside; how many of them were taken. */
export function receive(board: Board, bytes: Uint8Array): number {
  const taken = Math.min(bytes.length, UART_RING_BYTES - board.words[REG.RING_COUNT]!);
  for (const byte of bytes.subarray(0, taken)) enqueue(board, byte);
  if (taken > 0) restartTimeout(board, board.now());
  update(board, -1);
  return taken;
}

/** A byte that comes back from the own transmitter; the receiver has no room but its own. */
function loopBack(board: Board, byte: number, hart: number): void {
  const { words } = board;
  if (words[REG.RING_COUNT]! >= (fifoOn(board) ? FIFO_BYTES : 1)) {
    words[REG.OVERRUN] = 1;
    if (!fifoOn(board)) board.bytes[RING + words[REG.RING_HEAD]!] = byte;
    return;
  }
  enqueue(board, byte);
  restartTimeout(board, clockOf(board, hart));
}

function readReceiver(board: Board, hart: number): number {
  const { words } = board;
  const waiting = words[REG.RING_COUNT]! > 0;
  if (!waiting) return fifoOn(board) ? 0 : words[REG.LAST]!;
  const byte = dequeue(board);
  if (!fifoOn(board)) words[REG.LAST] = byte;
  restartTimeout(board, clockOf(board, hart));
  update(board, hart);
  return byte;
}

/** Bytes received and not read yet. */
export function waitingInput(board: Board): number {
  return board.words[REG.RING_COUNT]!;
}

function modemStatus(board: Board): number {
  const mcr = board.words[REG.MCR]!;
  if ((mcr & MCR_LOOP) === 0) return MSR_CONNECTED;
  return ((mcr & 0x0c) << 4) | ((mcr & 2) << 3) | ((mcr & 1) << 5);
}

function loadRegister(board: Board, hart: number, offset: number): number {
  const { words } = board;
  const latch = (words[REG.LCR]! & LCR_DLAB) !== 0;
  switch (offset) {
    case 0:
      return latch ? words[REG.DLL]! : readReceiver(board, hart);
    case 1:
      return latch ? words[REG.DLM]! : words[REG.IER]!;
    case 2: {
      const id = identify(board);
      if (id === IIR.TX) {
        words[REG.THR_PENDING] = 0;
        update(board, hart);
      }
      return id | (fifoOn(board) ? IIR.FIFO : 0);
    }
    case 3:
      return words[REG.LCR]!;
    case 4:
      return words[REG.MCR]!;
    case 5: {
      const data = words[REG.RING_COUNT]! > 0 ? LSR.DATA : 0;
      const overrun = words[REG.OVERRUN] !== 0 ? LSR.OVERRUN : 0;
      words[REG.OVERRUN] = 0;
      if (overrun !== 0) update(board, hart);
      return LSR.THRE | LSR.TEMT | data | overrun;
    }
    case 6:
      return modemStatus(board);
    default:
      return words[REG.SCR]!;
  }
}

function transmit(board: Board, byte: number, hart: number): void {
  if ((board.words[REG.MCR]! & MCR_LOOP) !== 0) loopBack(board, byte, hart);
  else {
    board.console.push(byte);
    if (board.console.length >= CONSOLE_BYTES_MAX) requestStop(board, { kind: "drain" });
  }
  board.words[REG.THR_PENDING] = 1;
}

/** FCR: bit 0 FIFO on, bits 1 and 2 empty the receiver's and the transmitter's, 7:6 trigger level. */
function controlFifo(board: Board, value: number, hart: number): void {
  const { words } = board;
  const switched = ((words[REG.FCR]! ^ value) & 1) !== 0;
  if (switched || (value & 2) !== 0) {
    for (let i = 0; i < FIFO_BYTES; i++) dequeue(board);
  }
  if (switched || (value & 4) !== 0) words[REG.THR_PENDING] = 1;
  words[REG.FCR] = value & 0xc9;
  restartTimeout(board, clockOf(board, hart));
}

function storeRegister(board: Board, hart: number, offset: number, value: number): void {
  const { words } = board;
  const latch = (words[REG.LCR]! & LCR_DLAB) !== 0;
  switch (offset) {
    case 0:
      if (latch) words[REG.DLL] = value;
      else transmit(board, value, hart);
      break;
    case 1:
      if (latch) {
        words[REG.DLM] = value;
      } else {
        if (((value ^ words[REG.IER]!) & IER.TX) !== 0) words[REG.THR_PENDING] = value & IER.TX;
        words[REG.IER] = value & 0x0f;
      }
      break;
    case 2:
      controlFifo(board, value, hart);
      break;
    case 3:
      words[REG.LCR] = value;
      break;
    case 4:
      words[REG.MCR] = value & 0x1f;
      break;
    case 7:
      words[REG.SCR] = value;
      break;
    default:
      break;
  }
}

export const UART: Device = {
  name: "uart",
  base: BOARD.UART,
  size: 8,

  load(board, hart, offset, size) {
    return offset + size > 8 ? NO_ANSWER : loadRegister(board, hart, offset);
  },

  store(board, hart, offset, size, value) {
    if (offset + size > 8) return false;
    storeRegister(board, hart, offset, value & 0xff);
    update(board, hart);
    return true;
  },
};
