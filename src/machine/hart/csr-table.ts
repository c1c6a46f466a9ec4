/**
 * Every control and status register of a hart, one row each. Privilege and read-only follow from
 * the number (bits 9:8 and 11:10); a row says where the value lives, which bits software can
 * change, and what a write sets off. What has no row is an illegal instruction.
 *
 * Departures from QEMU 7.2 `virt`, all of them legal by the specification: no F, D, H, Sstc, Zba…;
 * bit 0 of mepc and sepc is zero; all 29 hpm counters are there and read zero; mcountinhibit holds
 * the two bits that stop something.
 */
import { getHart, setHart, type Board } from "../board.ts";
import { FLUSH } from "../engine/index.ts";
import { HART } from "../memory/layout.ts";
import {
  ALL_INTERRUPTS,
  DELEGABLE_EXCEPTIONS,
  IP,
  MISA_VALUE,
  MSTATUS,
  MSTATUS_MASK,
  PMP_ENTRIES,
  PRIV,
  SSTATUS_MASK,
  SUPERVISOR_INTERRUPTS,
} from "./bits.ts";
import { COUNTER_ROWS } from "./counters.ts";
import { attendIfPending, refreshMip } from "./interrupt.ts";
import { trackIrqsOff } from "./irqs-off.ts";
import { legalPmpConfig, pmpAddressLocked } from "./pmp.ts";

export interface CsrRow {
  readonly name: string;
  readonly number: number;
  /** Offset of the backing word in the hart's block. */
  readonly at?: number;
  /** Bits of that word that a read shows; all, if not given. */
  readonly readable?: number;
  /** Bits of that word that a write changes; none, if not given. */
  readonly writable?: number;
  /** Instead of the word. */
  readonly read?: (board: Board, hart: number) => number;
  /** The value that csrrs and csrrc start from where it is not the one they return. */
  readonly readForUpdate?: (board: Board, hart: number) => number;
  /** Instead of storing under `writable`. */
  readonly write?: (board: Board, hart: number, value: number) => void;
  /** After a write under `writable`. */
  readonly written?: (board: Board, hart: number, old: number) => void;
  /** False: illegal for this hart now, beyond what the number says. */
  readonly allowed?: (board: Board, hart: number) => boolean;
}

function flush(board: Board, hart: number, what: number): void {
  setHart(board, hart, HART.FLUSH, getHart(board, hart, HART.FLUSH) | what);
}

/** mstatus or sstatus changed: translation, interrupts, measuring. */
function statusWritten(board: Board, hart: number, old: number): void {
  let status = getHart(board, hart, HART.MSTATUS);
  if ((status & MSTATUS.MPP) >>> MSTATUS.MPP_SHIFT === 2) {
    status = (status & ~MSTATUS.MPP) | (old & MSTATUS.MPP);
    setHart(board, hart, HART.MSTATUS, status);
  }
  const changed = status ^ old;
  const view =
    MSTATUS.MPRV | MSTATUS.SUM | MSTATUS.MXR | ((status & MSTATUS.MPRV) !== 0 ? MSTATUS.MPP : 0);
  if ((changed & view) !== 0) flush(board, hart, FLUSH.LINES);
  trackIrqsOff(board, hart, getHart(board, hart, HART.PC));
  attendIfPending(board, hart);
}

/** sip and mip: `mask` says which software-set bits this register may change. */
function writeSoftPending(board: Board, hart: number, value: number, mask: number): void {
  const old = getHart(board, hart, HART.SOFT_MIP);
  setHart(board, hart, HART.SOFT_MIP, (old & ~mask) | (value & mask));
  attendIfPending(board, hart);
}

function delegated(board: Board, hart: number): number {
  return getHart(board, hart, HART.MIDELEG);
}

/** Trap vectors: modes 2 and 3 are reserved, such a write changes nothing. */
function vectorRow(name: string, number: number, at: number): CsrRow {
  const write = (board: Board, hart: number, value: number): void => {
    if ((value & 2) === 0) setHart(board, hart, at, value);
  };
  return { name, number, at, write };
}

function plain(name: string, number: number, at: number, writable = -1): CsrRow {
  return { name, number, at, writable };
}

function constant(name: string, number: number, value = 0): CsrRow {
  return { name, number, read: () => value };
}

const SUPERVISOR_ROWS: readonly CsrRow[] = [
  {
    name: "sstatus",
    number: 0x100,
    at: HART.MSTATUS,
    readable: SSTATUS_MASK,
    writable: SSTATUS_MASK,
    written: statusWritten,
  },
  {
    name: "sie",
    number: 0x104,
    read: (board, hart) => getHart(board, hart, HART.MIE) & delegated(board, hart),
    write: (board, hart, value) => {
      const mask = delegated(board, hart);
      setHart(board, hart, HART.MIE, (getHart(board, hart, HART.MIE) & ~mask) | (value & mask));
      attendIfPending(board, hart);
    },
  },
  vectorRow("stvec", 0x105, HART.STVEC),
  plain("scounteren", 0x106, HART.SCOUNTEREN),
  plain("senvcfg", 0x10a, HART.SENVCFG, 1),
  plain("sscratch", 0x140, HART.SSCRATCH),
  plain("sepc", 0x141, HART.SEPC, ~1),
  plain("scause", 0x142, HART.SCAUSE),
  plain("stval", 0x143, HART.STVAL),
  {
    name: "sip",
    number: 0x144,
    read: (board, hart) => refreshMip(board, hart) & delegated(board, hart),
    readForUpdate: (board, hart) => getHart(board, hart, HART.SOFT_MIP) & delegated(board, hart),
    write: (board, hart, value) =>
      writeSoftPending(board, hart, value, IP.SSIP & delegated(board, hart)),
  },
  {
    name: "satp",
    number: 0x180,
    at: HART.SATP,
    writable: -1,
    allowed: (board, hart) =>
      getHart(board, hart, HART.PRIV) === PRIV.M ||
      (getHart(board, hart, HART.MSTATUS) & MSTATUS.TVM) === 0,
    written: (board, hart, old) => {
      if (getHart(board, hart, HART.SATP) !== old) flush(board, hart, FLUSH.LINES);
    },
  },
];

const MACHINE_ROWS: readonly CsrRow[] = [
  constant("mvendorid", 0xf11),
  constant("marchid", 0xf12),
  constant("mimpid", 0xf13),
  { name: "mhartid", number: 0xf14, read: (_board, hart) => hart },
  constant("mconfigptr", 0xf15),
  {
    name: "mstatus",
    number: 0x300,
    at: HART.MSTATUS,
    writable: MSTATUS_MASK,
    written: statusWritten,
  },
  constant("misa", 0x301, MISA_VALUE),
  plain("medeleg", 0x302, HART.MEDELEG, DELEGABLE_EXCEPTIONS),
  {
    name: "mideleg",
    number: 0x303,
    at: HART.MIDELEG,
    writable: SUPERVISOR_INTERRUPTS,
    written: (board, hart) => attendIfPending(board, hart),
  },
  {
    name: "mie",
    number: 0x304,
    at: HART.MIE,
    writable: ALL_INTERRUPTS,
    written: (board, hart) => attendIfPending(board, hart),
  },
  vectorRow("mtvec", 0x305, HART.MTVEC),
  plain("mcounteren", 0x306, HART.MCOUNTEREN),
  plain("menvcfg", 0x30a, HART.MENVCFG, 1),
  constant("mstatush", 0x310),
  constant("menvcfgh", 0x31a),
  plain("mscratch", 0x340, HART.MSCRATCH),
  plain("mepc", 0x341, HART.MEPC, ~1),
  plain("mcause", 0x342, HART.MCAUSE),
  plain("mtval", 0x343, HART.MTVAL),
  {
    name: "mip",
    number: 0x344,
    read: refreshMip,
    readForUpdate: (board, hart) => getHart(board, hart, HART.SOFT_MIP),
    write: (board, hart, value) => writeSoftPending(board, hart, value, SUPERVISOR_INTERRUPTS),
  },
];

function pmpConfigRow(index: number): CsrRow {
  const at = HART.PMPCFG + 4 * index;
  const write = (board: Board, hart: number, value: number): void => {
    const old = getHart(board, hart, at);
    let next = 0;
    for (let shift = 0; shift < 32; shift += 8) {
      next |= legalPmpConfig((old >>> shift) & 0xff, (value >>> shift) & 0xff) << shift;
    }
    setHart(board, hart, at, next);
    flush(board, hart, FLUSH.TLB);
  };
  return { name: `pmpcfg${index}`, number: 0x3a0 + index, at, write };
}

function pmpAddressRow(index: number): CsrRow {
  const at = HART.PMPADDR + 4 * index;
  const write = (board: Board, hart: number, value: number): void => {
    if (pmpAddressLocked(board, hart, index)) return;
    setHart(board, hart, at, value);
    flush(board, hart, FLUSH.TLB);
  };
  return { name: `pmpaddr${index}`, number: 0x3b0 + index, at, write };
}

function allRows(): CsrRow[] {
  const rows = [...SUPERVISOR_ROWS, ...MACHINE_ROWS];
  for (let i = 0; i < PMP_ENTRIES / 4; i++) rows.push(pmpConfigRow(i));
  for (let i = 0; i < PMP_ENTRIES; i++) rows.push(pmpAddressRow(i));
  rows.push(...COUNTER_ROWS);
  return rows;
}

export const CSR_ROWS: readonly CsrRow[] = allRows();

/** By number; undefined: there is no such register. */
export const CSR_BY_NUMBER: readonly (CsrRow | undefined)[] = (() => {
  const table: (CsrRow | undefined)[] = Array.from({ length: 4096 }, () => undefined);
  for (const row of CSR_ROWS) table[row.number] = row;
  return table;
})();
