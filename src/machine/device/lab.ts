/**
 * The lab device: requests from outside the guest, one at a time, through PLIC source 40 (ABI.md
 * section 5). The register offsets are those of kernel/abi/lab-device.ts; a test keeps the two
 * together.
 *
 *   0 MAGIC  4 VERSION  8 STATUS (requests waiting)  12 OP  16 ARG  20 SEQ  24 ACK  28 RESULT
 *
 * OP, ARG and SEQ show the head of a queue of 64, 0 when it is empty. The guest writes RESULT, then
 * SEQ to ACK; another number in ACK changes nothing. The wire is up while a request waits. Words
 * only.
 */
import { clockOf, type Board } from "../board.ts";
import { BOARD, DEVICE, IRQ } from "../memory/layout.ts";
import { NO_ANSWER, type Device } from "./device.ts";
import { setSource } from "./plic.ts";

export const LAB_REGISTER = {
  MAGIC: 0,
  VERSION: 4,
  STATUS: 8,
  OP: 12,
  ARG: 16,
  SEQ: 20,
  ACK: 24,
  RESULT: 28,
} as const;
export const LAB_MAGIC = 0x42414c48;
export const LAB_VERSION = 1;
export const LAB_QUEUE = 64;

const BASE = DEVICE.LAB >>> 2;
const HEAD = BASE;
const COUNT = BASE + 1;
/** Sequence number of the next request; they start at 1. */
const NEXT_SEQ = BASE + 2;
const RESULT = BASE + 3;
/** 64 entries of op, arg, sequence. */
const ENTRIES = BASE + 0x10;

export function resetLab(board: Board): void {
  board.words[NEXT_SEQ] = 1;
}

/** Whether a section from outside can be this device's. */
export function isLabSound(words: Int32Array): boolean {
  return words[HEAD]! >>> 0 < LAB_QUEUE && words[COUNT]! >>> 0 <= LAB_QUEUE;
}

/** Queues a request; its sequence number, or null when 64 already wait. */
export function queueRequest(board: Board, op: number, arg: number): number | null {
  const { words } = board;
  const count = words[COUNT]!;
  if (count === LAB_QUEUE) return null;
  const sequence = words[NEXT_SEQ]!;
  const at = ENTRIES + 3 * ((words[HEAD]! + count) % LAB_QUEUE);
  words[at] = op;
  words[at + 1] = arg;
  words[at + 2] = sequence;
  words[NEXT_SEQ] = sequence + 1;
  words[COUNT] = count + 1;
  setSource(board, IRQ.LAB, true, -1);
  return sequence;
}

/** A word of the request at the head: 0 op, 1 arg, 2 sequence. */
function headWord(board: Board, index: number): number {
  return board.words[COUNT] === 0 ? 0 : board.words[ENTRIES + 3 * board.words[HEAD]! + index]!;
}

function acknowledge(board: Board, hart: number, sequence: number): void {
  const { words } = board;
  if (words[COUNT] === 0 || headWord(board, 2) !== sequence) return;
  board.labResults.push({
    sequence,
    op: headWord(board, 0),
    arg: headWord(board, 1) >>> 0,
    cycle: clockOf(board, hart),
    result: words[RESULT]!,
  });
  words[HEAD] = (words[HEAD]! + 1) % LAB_QUEUE;
  words[COUNT]! -= 1;
  words[RESULT] = 0;
  if (words[COUNT] === 0) setSource(board, IRQ.LAB, false, hart);
}

export const LAB_DEVICE: Device = {
  name: "lab",
  base: BOARD.LAB,
  size: 0x1000,

  load(board, _hart, offset, size) {
    if (size !== 4 || (offset & 3) !== 0) return NO_ANSWER;
    switch (offset) {
      case LAB_REGISTER.MAGIC:
        return LAB_MAGIC;
      case LAB_REGISTER.VERSION:
        return LAB_VERSION;
      case LAB_REGISTER.STATUS:
        return board.words[COUNT]!;
      case LAB_REGISTER.OP:
        return headWord(board, 0);
      case LAB_REGISTER.ARG:
        return headWord(board, 1);
      case LAB_REGISTER.SEQ:
        return headWord(board, 2);
      case LAB_REGISTER.RESULT:
        return board.words[RESULT]!;
      default:
        return 0;
    }
  },

  store(board, hart, offset, size, value) {
    if (size !== 4 || (offset & 3) !== 0) return false;
    if (offset === LAB_REGISTER.RESULT) board.words[RESULT] = value;
    else if (offset === LAB_REGISTER.ACK) acknowledge(board, hart, value);
    return true;
  },
};
