/**
 * A board without an engine, for tests of `hart/` and `device/`: plain memory, nothing runs.
 */
import {
  ByteQueue,
  clockOf,
  getHart,
  getX,
  setHart,
  setHartNever,
  setX,
  type Board,
} from "./board.ts";
import { resetClint } from "./device/clint.ts";
import { resetLab } from "./device/lab.ts";
import { resetUart } from "./device/uart.ts";
import { diskRoom, loadDisk, placeDisks, plug } from "./device/virtio/plug.ts";
import { resetVirtio } from "./device/virtio/transport.ts";
import { PRIV } from "./hart/bits.ts";
import { CSR_ROWS } from "./hart/csr-table.ts";
import { executeSystem } from "./hart/system.ts";
import { ENGINE_BASE, HART } from "./memory/layout.ts";
import { DEFAULT_MODEL } from "./timing/model.ts";
import type { DiskConfig } from "./types.ts";

export const INTERRUPT_LATENCY = 600;

/** A record that the board was told to emit: [hart, event, pc, a, b, c]. */
export type EmittedRecord = readonly number[];

export interface TestBoard extends Board {
  readonly records: EmittedRecord[];
}

export interface TestShape {
  readonly ramBytes?: number;
  readonly disks?: readonly DiskConfig[];
  readonly virtioConsole?: boolean;
}

export function createTestBoard(harts = 2, shape: TestShape = {}): TestBoard {
  const { ramBytes = 0, disks = [], virtioConsole = false } = shape;
  const places = placeDisks(disks, ENGINE_BASE + ramBytes);
  const storage = disks.reduce((sum, disk) => sum + diskRoom(disk), 0);
  const memory = new ArrayBuffer(ENGINE_BASE + ramBytes + storage);
  const records: EmittedRecord[] = [];
  const board: TestBoard = {
    words: new Int32Array(memory),
    bytes: new Uint8Array(memory),
    harts,
    ramOffset: ENGINE_BASE,
    ramBytes,
    hasLab: true,
    costs: DEFAULT_MODEL.costs,
    interruptLatency: INTERRUPT_LATENCY,
    disks: places,
    virtio: plug(places, virtioConsole),
    stop: null,
    console: new ByteQueue(),
    labResults: [],
    records,
    now: () => Math.max(...Array.from({ length: harts }, (_, hart) => clockOf(board, hart))),
    wroteRam(offset, length) {
      if (offset < 0 || offset + length > ramBytes + storage) throw new Error("written outside RAM and disks");
    },
    emitRecord: (...record) => records.push(record),
  };
  places.forEach((place, index) => loadDisk(board, place, disks[index]!.bytes));
  for (let hart = 0; hart < harts; hart++) {
    setHart(board, hart, HART.PRIV, PRIV.M);
    setHart(board, hart, HART.PC, 0x8000_0000 | 0);
    setHartNever(board, hart, HART.EVENT_CLOCK);
    setHartNever(board, hart, HART.IRQS_OFF_SINCE);
  }
  resetClint(board);
  resetLab(board);
  resetUart(board);
  resetVirtio(board);
  return board;
}

export function csrNumber(name: string): number {
  const row = CSR_ROWS.find((known) => known.name === name);
  if (!row) throw new Error(`no CSR named ${name}`);
  return row.number;
}

/** The word of a CSR instruction with rd = x10 and rs1 = x11. */
function csrWord(funct3: number, number: number, rs1: number): number {
  return (number << 20) | (rs1 << 15) | (funct3 << 12) | (10 << 7) | 0x73;
}

/** csrrs x10, csr, x0 on a hart; null when it traps. The hart's PC and privilege are put back. */
export function readCsrOn(board: Board, hart: number, name: string): number | null {
  return executeOn(board, hart, csrWord(2, csrNumber(name), 0));
}

/** csrrw x10, csr, x11; the old value, or null when it traps. */
export function writeCsrOn(board: Board, hart: number, name: string, value: number): number | null {
  setX(board, hart, 11, value);
  return executeOn(board, hart, csrWord(1, csrNumber(name), 11));
}

/** csrrs or csrrc x10, csr, x11. */
export function changeCsrOn(
  board: Board,
  hart: number,
  how: "set" | "clear",
  name: string,
  bits: number,
): number | null {
  setX(board, hart, 11, bits);
  return executeOn(board, hart, csrWord(how === "set" ? 2 : 3, csrNumber(name), 11));
}

function executeOn(board: Board, hart: number, word: number): number | null {
  const privilege = getHart(board, hart, HART.PRIV);
  if (executeSystem(board, hart, word)) return getX(board, hart, 10) >>> 0;
  setHart(board, hart, HART.PRIV, privilege);
  return null;
}
