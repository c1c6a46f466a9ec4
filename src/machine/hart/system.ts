/**
 * SYSTEM instructions (and fence.i) one at a time: what the engine hands over because it is rare or
 * needs the whole machine. PC is at the instruction on entry and where execution goes on at the
 * end. An instruction that traps has entered the trap and is not retired. Privileged Architecture
 * 1.12, section 3.3; Zicsr.
 */
import type { Costs } from "../timing/constants.ts";
import { getHart, getX, setHart, setX, type Board } from "../board.ts";
import { FLUSH } from "../engine/index.ts";
import { HART } from "../memory/layout.ts";
import { CAUSE, MSTATUS, PRIV } from "./bits.ts";
import { CSR_BY_NUMBER, type CsrRow } from "./csr-table.ts";
import { refreshMip } from "./interrupt.ts";
import { endIrqsOff } from "./irqs-off.ts";
import { enterTrap, returnFromMachine, returnFromSupervisor } from "./trap.ts";

/** Major opcode of fence.i, which has nothing to do here: the engine notices stores to code. */
const MISC_MEM = 0x0f;
const ECALL = 0x0000_0073;
const EBREAK = 0x0010_0073;
const SRET = 0x1020_0073;
const MRET = 0x3020_0073;
const WFI = 0x1050_0073;
/** sfence.vma with its two registers masked out. */
const SFENCE_VMA = 0x1200_0073;
const SFENCE_MASK = 0xfe00_7fff | 0;

function illegal(board: Board, hart: number, insn: number): false {
  enterTrap(board, hart, CAUSE.ILLEGAL, insn);
  return false;
}

function next(board: Board, hart: number): true {
  setHart(board, hart, HART.PC, (getHart(board, hart, HART.PC) + 4) | 0);
  return true;
}

/** The row of a CSR if this hart may use it so, else null. */
export function accessibleCsr(
  board: Board,
  hart: number,
  number: number,
  writes: boolean,
): CsrRow | null {
  const row = CSR_BY_NUMBER[number];
  if (!row) return null;
  if (getHart(board, hart, HART.PRIV) < ((number >>> 8) & 3)) return null;
  if (writes && number >>> 10 === 3) return null;
  return row.allowed && !row.allowed(board, hart) ? null : row;
}

export function readCsr(board: Board, hart: number, row: CsrRow): number {
  if (row.read) return row.read(board, hart);
  return row.at === undefined ? 0 : getHart(board, hart, row.at) & (row.readable ?? -1);
}

export function writeCsr(board: Board, hart: number, row: CsrRow, value: number): void {
  if (row.write) {
    row.write(board, hart, value);
  } else if (row.at !== undefined && row.writable !== undefined) {
    const old = getHart(board, hart, row.at);
    setHart(board, hart, row.at, (old & ~row.writable) | (value & row.writable));
    row.written?.(board, hart, old);
  }
}

/** csrrw, csrrs, csrrc and their immediate forms; funct3 in bits 14:12. */
function executeCsr(board: Board, hart: number, insn: number): boolean {
  const kind = (insn >>> 12) & 3;
  const source = (insn >>> 15) & 31;
  const writes = kind === 1 || source !== 0;
  const row = accessibleCsr(board, hart, insn >>> 20, writes);
  if (!row) return illegal(board, hart, insn);
  const operand = (insn & 0x4000) !== 0 ? source : getX(board, hart, source);
  const old = readCsr(board, hart, row);
  if (writes) {
    const base = row.readForUpdate ? row.readForUpdate(board, hart) : old;
    writeCsr(
      board,
      hart,
      row,
      kind === 1 ? operand : kind === 2 ? base | operand : base & ~operand,
    );
  }
  setX(board, hart, (insn >>> 7) & 31, old);
  return next(board, hart);
}

function executeWfi(board: Board, hart: number, insn: number): boolean {
  const privilege = getHart(board, hart, HART.PRIV);
  const timed = (getHart(board, hart, HART.MSTATUS) & MSTATUS.TW) !== 0;
  if (privilege === PRIV.U || (privilege === PRIV.S && timed)) return illegal(board, hart, insn);
  next(board, hart);
  if ((refreshMip(board, hart) & getHart(board, hart, HART.MIE)) !== 0) return true;
  setHart(board, hart, HART.WFI, 1);
  endIrqsOff(board, hart);
  return true;
}

function executeSfence(board: Board, hart: number, insn: number): boolean {
  const privilege = getHart(board, hart, HART.PRIV);
  const trapped = (getHart(board, hart, HART.MSTATUS) & MSTATUS.TVM) !== 0;
  if (privilege === PRIV.U || (privilege === PRIV.S && trapped)) return illegal(board, hart, insn);
  const [rs1, rs2] = [(insn >>> 15) & 31, (insn >>> 20) & 31];
  const what = FLUSH.FENCE | (rs1 === 0 ? 0 : FLUSH.FENCE_PAGE) | (rs2 === 0 ? 0 : FLUSH.FENCE_SPACE);
  setHart(board, hart, HART.FENCE_ADDRESS, getX(board, hart, rs1));
  setHart(board, hart, HART.FENCE_ASID, getX(board, hart, rs2));
  setHart(board, hart, HART.FLUSH, getHart(board, hart, HART.FLUSH) | what);
  return next(board, hart);
}

function executeSret(board: Board, hart: number, insn: number): boolean {
  const privilege = getHart(board, hart, HART.PRIV);
  const trapped = (getHart(board, hart, HART.MSTATUS) & MSTATUS.TSR) !== 0;
  if (privilege === PRIV.U || (privilege === PRIV.S && trapped)) return illegal(board, hart, insn);
  returnFromSupervisor(board, hart);
  return true;
}

const ECALL_CAUSE: readonly number[] = [CAUSE.ECALL_U, CAUSE.ECALL_S, CAUSE.ILLEGAL, CAUSE.ECALL_M];

/** Executes one SYSTEM instruction or fence.i; false: it trapped instead of retiring. */
export function executeSystem(board: Board, hart: number, insn: number): boolean {
  if ((insn & 0x7f) === MISC_MEM) return next(board, hart);
  if ((insn & 0x3000) !== 0) return executeCsr(board, hart, insn);
  switch (insn) {
    case ECALL:
      enterTrap(board, hart, ECALL_CAUSE[getHart(board, hart, HART.PRIV)]!, 0);
      return false;
    case EBREAK:
      enterTrap(board, hart, CAUSE.BREAKPOINT, 0);
      return false;
    case MRET:
      if (getHart(board, hart, HART.PRIV) !== PRIV.M) return illegal(board, hart, insn);
      returnFromMachine(board, hart);
      return true;
    case SRET:
      return executeSret(board, hart, insn);
    case WFI:
      return executeWfi(board, hart, insn);
    default:
      return (insn & SFENCE_MASK) === SFENCE_VMA
        ? executeSfence(board, hart, insn)
        : illegal(board, hart, insn);
  }
}

/** What a retired instruction of `executeSystem` costs beyond its class, in cycle mode. */
export function extraCycles(costs: Costs, insn: number): number {
  if ((insn & 0x7f) === MISC_MEM) return costs.fenceI;
  if ((insn & 0x3000) !== 0) return 0;
  if (insn === MRET || insn === SRET) return costs.trapReturn;
  return (insn & SFENCE_MASK) === SFENCE_VMA ? costs.sfence : 0;
}
