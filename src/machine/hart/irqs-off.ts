/**
 * Sections with supervisor interrupts off, measured from outside the guest: MACHINE_RECORD.IRQS_OFF
 * of kernel/abi/marks.ts.
 *
 * A section runs while the hart is in S mode with SSTATUS.SIE = 0. M mode neither starts nor ends
 * one: a call into the firmware belongs to the section it interrupts. U mode ends it. Sleeping in
 * WFI ends it too, and waking starts anew: an idle loop with interrupts off is not a latency. The
 * engine keeps the same two fields when it flips SIE itself.
 */
import {
  clockOf,
  getHart,
  getHart64,
  isHartNever,
  setHart,
  setHart64,
  setHartNever,
  type Board,
} from "../board.ts";
import { HART } from "../memory/layout.ts";
import { MSTATUS, PRIV } from "./bits.ts";

/** MACHINE_RECORD.IRQS_OFF. */
export const RECORD_IRQS_OFF = 0x701;
/** Shorter sections leave no record. */
export const IRQS_OFF_CYCLES_MIN = 256;

/** Closes the running section, if there is one. */
export function endIrqsOff(board: Board, hart: number): void {
  if (isHartNever(board, hart, HART.IRQS_OFF_SINCE)) return;
  const cycles = clockOf(board, hart) - getHart64(board, hart, HART.IRQS_OFF_SINCE);
  setHartNever(board, hart, HART.IRQS_OFF_SINCE);
  if (cycles < IRQS_OFF_CYCLES_MIN) return;
  const pc = getHart(board, hart, HART.IRQS_OFF_PC);
  board.emitRecord(hart, RECORD_IRQS_OFF, getHart(board, hart, HART.PC), cycles | 0, 0, pc);
}

/**
 * Starts or ends the section after privilege or SIE may have changed; `pc` is what switched them
 * off.
 */
export function trackIrqsOff(board: Board, hart: number, pc: number): void {
  const privilege = getHart(board, hart, HART.PRIV);
  if (privilege === PRIV.M) return;
  if (privilege === PRIV.U || (getHart(board, hart, HART.MSTATUS) & MSTATUS.SIE) !== 0) {
    endIrqsOff(board, hart);
  } else if (isHartNever(board, hart, HART.IRQS_OFF_SINCE)) {
    setHart64(board, hart, HART.IRQS_OFF_SINCE, clockOf(board, hart));
    setHart(board, hart, HART.IRQS_OFF_PC, pc);
  }
}
