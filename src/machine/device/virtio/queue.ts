/**
 * Split virtqueues as the device reads them (virtio 1.2, section 2.7), indirect descriptors included.
 *
 * Everything comes from the guest, so nothing is believed: what does not lie in RAM, loops, or is longer than
 * QUEUE_SIZE_MAX descriptors is BROKEN, and the caller puts the device into DEVICE_NEEDS_RESET. Called at device events
 * only, when no hart is ahead (events.ts).
 *
 *   descriptor: u64 address, u32 length, u16 flags, u16 next      available: u16 flags, u16 index, u16 heads[size]
 *   used: u16 flags, u16 index, { u32 head, u32 written }[size]
 */
import type { Board } from "../../board.ts";
import { BOARD } from "../../memory/layout.ts";
import { QUEUE, QUEUE_SIZE_MAX, getQueue, queueWord, setQueue } from "./state.ts";

export const BROKEN = "broken";

/** A piece of guest RAM: offset in linear memory and bytes. */
export interface Segment {
  readonly at: number;
  readonly length: number;
}

export interface Chain {
  readonly head: number;
  /** What the driver gives, in order, then what the device fills. */
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
}

const FLAG = { NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
const DESCRIPTOR_BYTES = 16;
const AVAILABLE_NO_INTERRUPT = 1;

/** Offset in linear memory of [address, address + length) if that is RAM, else -1. */
export function ramRange(board: Board, low: number, high: number, length: number): number {
  const start = (low >>> 0) - BOARD.RAM;
  const inside = high === 0 && start >= 0 && start + length <= board.ramBytes;
  return inside ? board.ramOffset + start : -1;
}

function read16(board: Board, at: number): number {
  return board.bytes[at]! | (board.bytes[at + 1]! << 8);
}

function write16(board: Board, at: number, value: number): void {
  board.bytes[at] = value;
  board.bytes[at + 1] = value >>> 8;
}

/** A device wrote [at, at + length) of linear memory: guest RAM or a disk. */
export function wrote(board: Board, at: number, length: number): void {
  board.wroteRam(at - board.ramOffset, length);
}

/** A ring or table of a queue: its offset in linear memory, or -1 when it is misplaced or misaligned. */
function area(board: Board, slot: number, queue: number, word: number, bytes: number): number {
  const at = queueWord(slot, queue, word);
  const aligned = { [QUEUE.DESCRIPTORS]: 16, [QUEUE.AVAILABLE]: 2, [QUEUE.USED]: 4 }[word]!;
  const low = board.words[at]!;
  if ((low & (aligned - 1)) !== 0) return -1;
  return ramRange(board, low, board.words[at + 1]!, bytes);
}

function availableRing(board: Board, slot: number, queue: number): number {
  const size = getQueue(board, slot, queue, QUEUE.SIZE);
  return area(board, slot, queue, QUEUE.AVAILABLE, 4 + 2 * size);
}

/** How many buffers wait to be taken from a ready queue, or BROKEN. */
export function waitingBuffers(board: Board, slot: number, queue: number): number | typeof BROKEN {
  const ring = availableRing(board, slot, queue);
  if (ring < 0) return BROKEN;
  const count = read16(board, ring + 2) - getQueue(board, slot, queue, QUEUE.AVAILABLE_SEEN);
  const waiting = count & 0xffff;
  return waiting > getQueue(board, slot, queue, QUEUE.SIZE) ? BROKEN : waiting;
}

interface Walk {
  readonly readable: Segment[];
  readonly writable: Segment[];
  /** Descriptors that may still be followed. */
  left: number;
}

/** Follows a chain in a table of `count` descriptors; false: it is broken. `nested`: inside an indirect table. */
function follow(board: Board, table: number, count: number, first: number, walk: Walk, nested: boolean): boolean {
  let index = first;
  for (;;) {
    if (index >= count || walk.left-- === 0) return false;
    const at = table + DESCRIPTOR_BYTES * index;
    const word = at >>> 2;
    const length = board.words[word + 2]! >>> 0;
    const flags = read16(board, at + 12);
    const memory = ramRange(board, board.words[word]!, board.words[word + 1]!, length);
    if (memory < 0) return false;
    if ((flags & FLAG.INDIRECT) !== 0) {
      const usable = !nested && (flags & FLAG.NEXT) === 0 && (memory & 15) === 0;
      if (!usable || length === 0 || length % DESCRIPTOR_BYTES !== 0) return false;
      const inner = length / DESCRIPTOR_BYTES;
      walk.left = QUEUE_SIZE_MAX;
      return inner <= QUEUE_SIZE_MAX && follow(board, memory, inner, 0, walk, true);
    }
    const segment = { at: memory, length };
    if ((flags & FLAG.WRITE) !== 0) walk.writable.push(segment);
    else if (walk.writable.length > 0) return false;
    else walk.readable.push(segment);
    if ((flags & FLAG.NEXT) === 0) return true;
    index = read16(board, at + 14);
  }
}

/** The next waiting chain, without taking it. */
export function peekChain(board: Board, slot: number, queue: number): Chain | typeof BROKEN {
  const size = getQueue(board, slot, queue, QUEUE.SIZE);
  const ring = availableRing(board, slot, queue);
  const table = area(board, slot, queue, QUEUE.DESCRIPTORS, DESCRIPTOR_BYTES * size);
  if (ring < 0 || table < 0) return BROKEN;
  const seen = getQueue(board, slot, queue, QUEUE.AVAILABLE_SEEN);
  const head = read16(board, ring + 4 + 2 * (seen & (size - 1)));
  const walk: Walk = { readable: [], writable: [], left: size };
  if (!follow(board, table, size, head, walk, false)) return BROKEN;
  return { head, readable: walk.readable, writable: walk.writable };
}

/**
 * Takes the chain that `peekChain` showed and hands it back as used, `written` bytes of it filled. Whether the driver
 * wants an interrupt for it, or BROKEN.
 */
export function finishChain(
  board: Board,
  slot: number,
  queue: number,
  chain: Chain,
  written: number,
): boolean | typeof BROKEN {
  const size = getQueue(board, slot, queue, QUEUE.SIZE);
  const available = availableRing(board, slot, queue);
  const used = area(board, slot, queue, QUEUE.USED, 4 + 8 * size);
  if (used < 0 || available < 0) return BROKEN;
  const count = getQueue(board, slot, queue, QUEUE.USED_COUNT);
  const entry = used + 4 + 8 * (count & (size - 1));
  board.words[entry >>> 2] = chain.head;
  board.words[(entry >>> 2) + 1] = written;
  const next = (count + 1) & 0xffff;
  write16(board, used + 2, next);
  wrote(board, entry, 8);
  wrote(board, used, 4);
  setQueue(board, slot, queue, QUEUE.USED_COUNT, next);
  const seen = getQueue(board, slot, queue, QUEUE.AVAILABLE_SEEN);
  setQueue(board, slot, queue, QUEUE.AVAILABLE_SEEN, (seen + 1) & 0xffff);
  return (read16(board, available) & AVAILABLE_NO_INTERRUPT) === 0;
}

export function totalBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0);
}

/** The part [from, to) of the bytes that the segments make up. */
export function sliceSegments(segments: readonly Segment[], from: number, to: number): Segment[] {
  const result: Segment[] = [];
  let position = 0;
  for (const { at, length } of segments) {
    const start = Math.max(from, position);
    const end = Math.min(to, position + length);
    if (end > start) result.push({ at: at + start - position, length: end - start });
    position += length;
  }
  return result;
}

/** A copy of the bytes in the segments; for small ones. */
export function gather(board: Board, segments: readonly Segment[]): Uint8Array {
  const bytes = new Uint8Array(totalBytes(segments));
  let done = 0;
  for (const { at, length } of segments) {
    bytes.set(board.bytes.subarray(at, at + length), done);
    done += length;
  }
  return bytes;
}

/** Writes bytes to the segments, as many as fit; how many that were. */
export function scatter(board: Board, segments: readonly Segment[], bytes: Uint8Array): number {
  let done = 0;
  for (const { at, length } of segments) {
    const part = bytes.subarray(done, done + length);
    board.bytes.set(part, at);
    wrote(board, at, part.length);
    done += part.length;
  }
  return done;
}
