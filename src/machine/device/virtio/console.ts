/**
 * virtio-console with one port (virtio 1.2, section 5.3): queue 0 receives what `sendConsole` was given, queue 1 sends
 * to the same stream as the UART. No features, so no size, no more ports, and buffers may be used as soon as
 * DRIVER_OK is set. Section: head and count of a ring of input, then the ring.
 */
import { requestStop, type Board } from "../../board.ts";
import { DEVICE } from "../../memory/layout.ts";
import { CONSOLE_BYTES_MAX } from "../uart.ts";
import type { Model } from "./model.ts";
import { BROKEN, scatter, totalBytes } from "./queue.ts";

const HEAD = DEVICE.VIRTIO_CONSOLE >>> 2;
const COUNT = HEAD + 1;
const RING = DEVICE.VIRTIO_CONSOLE + 0x100;
export const INPUT_BYTES = 0x800;
/** A longer buffer breaks the queue: one request of a guest must not flood the host. */
export const OUTPUT_BYTES_MAX = 0x1_0000;
const INDIRECT = 1 << 28;

/** Whether a section from outside can be this device's. */
export function isConsoleSound(words: Int32Array): boolean {
  return words[HEAD]! >>> 0 < INPUT_BYTES && words[COUNT]! >>> 0 <= INPUT_BYTES;
}

/** Queues input for the guest; how many bytes were taken. */
export function enqueueInput(board: Board, bytes: Uint8Array): number {
  const { words } = board;
  const taken = Math.min(bytes.length, INPUT_BYTES - words[COUNT]!);
  for (let i = 0; i < taken; i++)
    board.bytes[RING + ((words[HEAD]! + words[COUNT]! + i) % INPUT_BYTES)] = bytes[i]!;
  words[COUNT]! += taken;
  return taken;
}

/** Input that the guest has not taken yet, in bytes. */
export function queuedInput(board: Board): number {
  return board.words[COUNT]!;
}

function dequeueInput(board: Board, most: number): Uint8Array {
  const { words } = board;
  const bytes = new Uint8Array(Math.min(most, words[COUNT]!));
  for (let i = 0; i < bytes.length; i++) bytes[i] = board.bytes[RING + ((words[HEAD]! + i) % INPUT_BYTES)]!;
  words[HEAD] = (words[HEAD]! + bytes.length) % INPUT_BYTES;
  words[COUNT]! -= bytes.length;
  return bytes;
}

export const CONSOLE_MODEL: Model = {
  deviceId: 3,
  features: INDIRECT,
  queues: 2,
  /** cols, rows, max_nr_ports, emerg_wr: none of them without its feature. */
  configuration: new Uint8Array(12),
  wants: (board, queue) => queue === 1 || board.words[COUNT]! > 0,
  cycles(board, queue, chain) {
    const bytes = queue === 0 ? board.words[COUNT]! : totalBytes(chain.readable);
    return board.costs.consoleBuffer + Math.min(bytes, OUTPUT_BYTES_MAX) * board.costs.consoleByte;
  },
  perform(board, queue, chain) {
    if (queue === 0) {
      return scatter(board, chain.writable, dequeueInput(board, totalBytes(chain.writable)));
    }
    if (totalBytes(chain.readable) > OUTPUT_BYTES_MAX) return BROKEN;
    for (const { at, length } of chain.readable)
      for (let i = 0; i < length; i++) board.console.push(board.bytes[at + i]!);
    if (board.console.length >= CONSOLE_BYTES_MAX) requestStop(board, { kind: "drain" });
    return 0;
  },
};
