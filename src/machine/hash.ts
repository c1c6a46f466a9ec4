/**
 * The machine hash (ABI.md section 9): SHA-256 over RAM, disks, hart state, device sections and clocks.
 * Equal hashes mean that the two machines go on alike. Left out is what is rebuilt or derived
 * (caches, MIP, measuring, requests to the engine) and what left the machine already (marks,
 * console output).
 *
 * Pages of zeroes are skipped and the others preceded by their address, so that mostly empty memory
 * costs one scan.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Board } from "./board.ts";
import {
  DEVICE_BASE,
  HART,
  HART_BASE,
  HART_STRIDE,
  LAYOUT_VERSION,
  MACHINE,
} from "./memory/layout.ts";

const PAGE_BYTES = 4096;

/** Byte ranges of a hart's block that are state. */
const HART_RANGES: readonly (readonly [from: number, to: number])[] = [
  [HART.X, HART.WFI + 4],
  [HART.RESERVATION, HART.RESERVATION + 4],
  [HART.EVENT_CLOCK, HART.MARK_LATCHED + 4],
  [HART.MSTATUS, HART.MIP],
  [HART.MCOUNTINHIBIT, HART.TIME_OFFSET + 8],
  [HART.MARK_AT, HART.MARK_RUN + 4],
];

type Sha = ReturnType<typeof sha256.create>;

/**
 * Whether the page of `words` at index `from` holds nothing but zeroes; eight words a step, for
 * speed.
 */
function isZeroPage(words: Int32Array, from: number): boolean {
  const end = from + PAGE_BYTES / 4;
  for (let i = from; i < end; i += 8) {
    const low = words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!;
    const high = words[i + 4]! | words[i + 5]! | words[i + 6]! | words[i + 7]!;
    if ((low | high) !== 0) return false;
  }
  return true;
}

/** Adds [start, start + length) of linear memory; both page aligned. */
function addPages(sha: Sha, board: Board, start: number, length: number): void {
  const number = new Uint32Array(1);
  const numberBytes = new Uint8Array(number.buffer);
  for (let page = 0; page < length; page += PAGE_BYTES) {
    const from = start + page;
    if (isZeroPage(board.words, from >>> 2)) continue;
    number[0] = page;
    sha.update(numberBytes);
    sha.update(board.bytes.subarray(from, from + PAGE_BYTES));
  }
}

export function hashBoard(board: Board): string {
  const sha = sha256.create();
  sha.update(new Uint8Array(Uint32Array.of(LAYOUT_VERSION, board.harts, board.ramBytes).buffer));
  for (let hart = 0; hart < board.harts; hart++) {
    const base = HART_BASE + hart * HART_STRIDE;
    for (const [from, to] of HART_RANGES) sha.update(board.bytes.subarray(base + from, base + to));
  }
  addPages(sha, board, DEVICE_BASE, MACHINE - DEVICE_BASE);
  const last = board.disks.at(-1);
  const end = last ? last.at + last.sectors * 512 : board.ramOffset + board.ramBytes;
  addPages(sha, board, board.ramOffset, end - board.ramOffset);
  return bytesToHex(sha.digest());
}
