/**
 * Entering traps and returning from them: delegation, vectoring, the mstatus stack. Privileged
 * Architecture 1.12, sections 3.1.6, 3.1.8, 3.3.2, 4.1. Both end a reservation, as in QEMU, so that
 * no context succeeds with another one's.
 */
import { getHart, requestStop, setHart, type Board } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { CAUSE_INTERRUPT, MSTATUS, PRIV } from "./bits.ts";
import { attendIfPending, expectLines, nextInterrupt, refreshMip } from "./interrupt.ts";
import { trackIrqsOff } from "./irqs-off.ts";

/** Where a trap vector sends a cause. */
function vectorOf(tvec: number, cause: number): number {
  const base = tvec & ~3;
  return (tvec & 1) !== 0 && cause < 0 ? (base + 4 * (cause & 0xff)) | 0 : base;
}

function isDelegated(board: Board, hart: number, cause: number): boolean {
  const mask = getHart(board, hart, cause < 0 ? HART.MIDELEG : HART.MEDELEG);
  return ((mask >>> (cause & 31)) & 1) !== 0;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}

/**
 * Takes a trap for the instruction at PC (bit 31 of `cause`: interrupt). An exception at the
 * handler's own first instruction would repeat for ever; it stops the machine instead.
 */
export function enterTrap(board: Board, hart: number, cause: number, tval: number): void {
  const pc = getHart(board, hart, HART.PC);
  const from = getHart(board, hart, HART.PRIV);
  const toSupervisor = from <= PRIV.S && isDelegated(board, hart, cause);
  const target = vectorOf(getHart(board, hart, toSupervisor ? HART.STVEC : HART.MTVEC), cause);
  const to = toSupervisor ? PRIV.S : PRIV.M;
  if (cause >= 0 && target === pc && to === from) {
    const mode = toSupervisor ? "S" : "M";
    const detail = `exception ${cause} (value ${hex(tval)}) at ${hex(pc)}, the first instruction of its own ${mode}-mode handler`;
    requestStop(board, { kind: "fault", hart, detail });
  }
  const status = getHart(board, hart, HART.MSTATUS);
  if (toSupervisor) {
    const spie = (status & MSTATUS.SIE) !== 0 ? MSTATUS.SPIE : 0;
    const spp = from === PRIV.S ? MSTATUS.SPP : 0;
    setHart(
      board,
      hart,
      HART.MSTATUS,
      (status & ~(MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP)) | spie | spp,
    );
    setHart(board, hart, HART.SEPC, pc);
    setHart(board, hart, HART.SCAUSE, cause);
    setHart(board, hart, HART.STVAL, tval);
  } else {
    const mpie = (status & MSTATUS.MIE) !== 0 ? MSTATUS.MPIE : 0;
    const kept = status & ~(MSTATUS.MIE | MSTATUS.MPIE | MSTATUS.MPP);
    setHart(board, hart, HART.MSTATUS, kept | mpie | (from << MSTATUS.MPP_SHIFT));
    setHart(board, hart, HART.MEPC, pc);
    setHart(board, hart, HART.MCAUSE, cause);
    setHart(board, hart, HART.MTVAL, tval);
  }
  setHart(board, hart, HART.PRIV, to);
  setHart(board, hart, HART.PC, target);
  setHart(board, hart, HART.RESERVATION, 0);
  trackIrqsOff(board, hart, target);
}

/**
 * The engine's `interrupts` import: MIP up to date, WFI ended by what MIE enables, one interrupt
 * taken.
 */
export function attend(board: Board, hart: number): void {
  setHart(board, hart, HART.ATTENTION, 0);
  expectLines(board, hart);
  if ((refreshMip(board, hart) & getHart(board, hart, HART.MIE)) === 0) return;
  if (getHart(board, hart, HART.WFI) !== 0) {
    setHart(board, hart, HART.WFI, 0);
    trackIrqsOff(board, hart, getHart(board, hart, HART.PC));
  }
  const number = nextInterrupt(board, hart);
  if (number >= 0) enterTrap(board, hart, CAUSE_INTERRUPT | number, 0);
}

/**
 * The part that mret and sret share: the new privilege, the return address, and what may now be
 * pending.
 */
function leave(board: Board, hart: number, status: number, privilege: number, epc: number): void {
  setHart(board, hart, HART.MSTATUS, privilege === PRIV.M ? status : status & ~MSTATUS.MPRV);
  setHart(board, hart, HART.PRIV, privilege);
  setHart(board, hart, HART.PC, epc);
  setHart(board, hart, HART.RESERVATION, 0);
  trackIrqsOff(board, hart, epc);
  attendIfPending(board, hart);
}

export function returnFromMachine(board: Board, hart: number): void {
  const status = getHart(board, hart, HART.MSTATUS);
  const mie = (status & MSTATUS.MPIE) !== 0 ? MSTATUS.MIE : 0;
  const kept = (status & ~(MSTATUS.MIE | MSTATUS.MPP)) | mie | MSTATUS.MPIE;
  leave(
    board,
    hart,
    kept,
    (status & MSTATUS.MPP) >>> MSTATUS.MPP_SHIFT,
    getHart(board, hart, HART.MEPC),
  );
}

export function returnFromSupervisor(board: Board, hart: number): void {
  const status = getHart(board, hart, HART.MSTATUS);
  const sie = (status & MSTATUS.SPIE) !== 0 ? MSTATUS.SIE : 0;
  const kept = (status & ~(MSTATUS.SIE | MSTATUS.SPP)) | sie | MSTATUS.SPIE;
  leave(
    board,
    hart,
    kept,
    (status & MSTATUS.SPP) !== 0 ? PRIV.S : PRIV.U,
    getHart(board, hart, HART.SEPC),
  );
}
