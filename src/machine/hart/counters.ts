/**
 * The counters: mcycle and minstret with their offsets, time, and hardware performance counters that stay zero.
 *
 * mcycle shows CLOCK + MCYCLE_OFFSET, minstret INSTRET + MINSTRET_OFFSET (mod 2^64), so software may set them while the
 * machine's own clock goes on; `time` is the machine's and cannot be set. A counter that mcountinhibit stops shows its
 * offset alone. Changes hold from the next instruction on: the writing instruction is not counted by the value that it
 * writes. Privileged Architecture 1.12, sections 3.1.10 to 3.1.12. The engine reads them too (emit-csr.ts).
 */
import { clockOf, getHart, getHart64, setHart, type Board } from "../board.ts";
import { CYCLES_PER_TICK, HART } from "../memory/layout.ts";
import { PRIV } from "./bits.ts";
import type { CsrRow } from "./csr-table.ts";

/** Bits of mcountinhibit that do something; the other counters are stopped for ever. */
export const INHIBIT = { CY: 1, IR: 4 } as const;

type Count = (board: Board, hart: number) => bigint;

interface Counter {
  /** Bit in mcounteren, scounteren and mcountinhibit. */
  readonly bit: number;
  /** Where its offset is. */
  readonly at: number;
  /** What it counts, as of the next instruction. */
  readonly next: Count;
}

const cycles: Count = (board, hart) => BigInt(clockOf(board, hart));
const retired: Count = (board, hart) => BigInt(getHart64(board, hart, HART.INSTRET));
const CYCLE: Counter = { bit: 0, at: HART.MCYCLE_OFFSET, next: cycles };
const INSTRET: Counter = {
  bit: 2,
  at: HART.MINSTRET_OFFSET,
  next: (board, hart) => retired(board, hart) + 1n,
};

function offsetOf(board: Board, hart: number, at: number): bigint {
  const [low, high] = [getHart(board, hart, at) >>> 0, getHart(board, hart, at + 4) >>> 0];
  return (BigInt(high) << 32n) | BigInt(low);
}

function setOffset(board: Board, hart: number, at: number, value: bigint): void {
  const bits = BigInt.asUintN(64, value);
  setHart(board, hart, at, Number(bits & 0xffff_ffffn) | 0);
  setHart(board, hart, at + 4, Number(bits >> 32n) | 0);
}

function isStopped(board: Board, hart: number, bit: number): boolean {
  return ((getHart(board, hart, HART.MCOUNTINHIBIT) >>> bit) & 1) !== 0;
}

/** What `counter` shows when it counts `count`. */
function shown(board: Board, hart: number, counter: Counter, count: Count): bigint {
  const offset = offsetOf(board, hart, counter.at);
  return isStopped(board, hart, counter.bit)
    ? offset
    : BigInt.asUintN(64, offset + count(board, hart));
}

/** Makes it show `value` at the next instruction. */
function put(board: Board, hart: number, counter: Counter, value: bigint): void {
  const count = isStopped(board, hart, counter.bit) ? 0n : counter.next(board, hart);
  setOffset(board, hart, counter.at, value - count);
}

function writeHalf(counter: Counter, count: Count, high: boolean): NonNullable<CsrRow["write"]> {
  return (board, hart, value) => {
    const old = shown(board, hart, counter, count);
    const half = BigInt(value >>> 0);
    const kept = high ? old & 0xffff_ffffn : old & ~0xffff_ffffn;
    put(board, hart, counter, high ? (half << 32n) | kept : kept | half);
  };
}

export function writeCountInhibit(board: Board, hart: number, value: number): void {
  const counters = [CYCLE, INSTRET];
  const values = counters.map((counter) => shown(board, hart, counter, counter.next));
  setHart(board, hart, HART.MCOUNTINHIBIT, value & (INHIBIT.CY | INHIBIT.IR));
  counters.forEach((counter, i) => put(board, hart, counter, values[i]!));
}

/** Below M a counter is readable as mcounteren and scounteren say. */
function openBy(bit: number): NonNullable<CsrRow["allowed"]> {
  return (board, hart) => {
    const privilege = getHart(board, hart, HART.PRIV);
    if (privilege === PRIV.M) return true;
    const machineOpen = (getHart(board, hart, HART.MCOUNTEREN) >>> bit) & 1;
    const supervisorOpen =
      privilege === PRIV.S ? 1 : (getHart(board, hart, HART.SCOUNTEREN) >>> bit) & 1;
    return (machineOpen & supervisorOpen) !== 0;
  };
}

/** Low and high word of a value, both under the same bit. */
function halves(name: string, base: number, bit: number, value: Count): [CsrRow, CsrRow] {
  const allowed = openBy(bit);
  const low = (board: Board, hart: number): number => Number(value(board, hart) & 0xffff_ffffn) | 0;
  const high = (board: Board, hart: number): number => Number(value(board, hart) >> 32n) | 0;
  return [
    { name, number: base + bit, read: low, allowed },
    { name: `${name}h`, number: base + 0x80 + bit, read: high, allowed },
  ];
}

/** A counter for M mode, writable, and its shadow for all modes. */
function counterRows(name: string, counter: Counter, count: Count): CsrRow[] {
  const value: Count = (board, hart) => shown(board, hart, counter, count);
  const [low, high] = halves(`m${name}`, 0xb00, counter.bit, value);
  return [
    { ...low, write: writeHalf(counter, count, false) },
    { ...high, write: writeHalf(counter, count, true) },
    ...halves(name, 0xc00, counter.bit, value),
  ];
}

/** Counters 3 to 31 count nothing. */
function idleRows(): CsrRow[] {
  const rows: CsrRow[] = [];
  for (let i = 3; i < 32; i++) {
    rows.push(...halves(`mhpmcounter${i}`, 0xb00, i, () => 0n));
    rows.push(...halves(`hpmcounter${i}`, 0xc00, i, () => 0n));
    rows.push({ name: `mhpmevent${i}`, number: 0x320 + i, read: () => 0 });
  }
  return rows;
}

export const COUNTER_ROWS: readonly CsrRow[] = [
  {
    name: "mcountinhibit",
    number: 0x320,
    at: HART.MCOUNTINHIBIT,
    write: writeCountInhibit,
  },
  ...counterRows("cycle", CYCLE, cycles),
  ...counterRows("instret", INSTRET, retired),
  ...halves("time", 0xc00, 1, (board, hart) => {
    const ticks = cycles(board, hart) / BigInt(CYCLES_PER_TICK);
    return BigInt.asUintN(64, ticks + offsetOf(board, hart, HART.TIME_OFFSET));
  }),
  ...idleRows(),
];
