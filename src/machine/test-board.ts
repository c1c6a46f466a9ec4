/**
 * A board without an engine, for tests of `hart/` and `device/`: plain memory, no RAM, nothing
 * runs.
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
import { PRIV } from "./hart/bits.ts";
import { CSR_ROWS } from "./hart/csr-table.ts";
import { executeSystem } from "./hart/system.ts";
import { ENGINE_BASE, HART } from "./memory/layout.ts";
import { DEFAULT_MODEL } from "./timing/model.ts";

export const INTERRUPT_LATENCY = 600;

/** A record that the board was told to emit: [hart, event, pc, a, b, c]. */
export type EmittedRecord = readonly number[];

export interface TestBoard extends Board {
  readonly records: EmittedRecord[];
}

export function createTestBoard(harts = 2): TestBoard {
  const memory = new ArrayBuffer(ENGINE_BASE);
  const records: EmittedRecord[] = [];
  const board: TestBoard = {
    words: new Int32Array(memory),
    bytes: new Uint8Array(memory),
    harts,
    ramOffset: ENGINE_BASE,
    ramBytes: 0,
    hasLab: true,
    costs: DEFAULT_MODEL.costs,
    interruptLatency: INTERRUPT_LATENCY,
    stop: null,
    console: new ByteQueue(),
    labResults: [],
    records,
    now: () => Math.max(...Array.from({ length: harts }, (_, hart) => clockOf(board, hart))),
    wroteRam: () => {},
    emitRecord: (...record) => records.push(record),
  };
  for (let hart = 0; hart < harts; hart++) {
    setHart(board, hart, HART.PRIV, PRIV.M);
    setHart(board, hart, HART.PC, 0x8000_0000 | 0);
    setHartNever(board, hart, HART.EVENT_CLOCK);
    setHartNever(board, hart, HART.IRQS_OFF_SINCE);
  }
  resetClint(board);
  resetLab(board);
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
