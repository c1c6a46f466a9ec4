/**
 * Which interrupts are pending, whether one may be taken, and when the engine must ask.
 *
 * MIP = SOFT_MIP | device lines (LINES) | MTIP, where MTIP is CLOCK >= TIMER_CLOCK. Devices change
 * LINES through `setLine` only. A hart's own instruction raises its ATTENTION when something
 * enabled in MIE is pending; whether it is deliverable now is decided in `nextInterrupt`, so a
 * write that makes it deliverable must call `attendIfPending`. Another hart is told by an event
 * `interruptLatency` cycles ahead, because it may have run that far (engine/index.ts), and a line that goes up is not seen
 * before; one that goes down is down at once.
 */
import { clockOf, getHart, getHart64, setHart, setHart64, type Board } from "../board.ts";
import { HART } from "../memory/layout.ts";
import { INTERRUPT, IP, MSTATUS, PRIV } from "./bits.ts";

/** The lines of LINES, in the order of LINE_FROM. */
const LINE_BITS: readonly number[] = [IP.MSIP, IP.SEIP, IP.MEIP];

/** Highest first, as the privileged specification orders them. */
const PRIORITY = [
  INTERRUPT.MEI,
  INTERRUPT.MSI,
  INTERRUPT.MTI,
  INTERRUPT.SEI,
  INTERRUPT.SSI,
  INTERRUPT.STI,
] as const;

/** Where the clock is kept from which a line is seen. */
const lineFrom = (bit: number): number => HART.LINE_FROM + 8 * LINE_BITS.indexOf(bit);

/** The lines that are up and have reached the hart. */
function arrivedLines(board: Board, hart: number): number {
  let lines = getHart(board, hart, HART.LINES);
  for (const bit of LINE_BITS) {
    if ((lines & bit) !== 0 && clockOf(board, hart) < getHart64(board, hart, lineFrom(bit))) lines &= ~bit;
  }
  return lines;
}

/** Brings MIP up to date and returns it. */
export function refreshMip(board: Board, hart: number): number {
  const expired = clockOf(board, hart) >= getHart64(board, hart, HART.TIMER_CLOCK);
  const mip =
    arrivedLines(board, hart) |
    getHart(board, hart, HART.SOFT_MIP) |
    (expired ? IP.MTIP : 0);
  setHart(board, hart, HART.MIP, mip);
  return mip;
}

/**
 * Asks the engine to call `interrupts` before this hart's next instruction, if an enabled interrupt
 * is pending.
 */
export function attendIfPending(board: Board, hart: number): void {
  if (refreshMip(board, hart) & getHart(board, hart, HART.MIE))
    setHart(board, hart, HART.ATTENTION, 1);
}

/** Who did it, when it was a device event (device/event.ts): no hart is ahead of it. */
export const BY_DEVICE = -2;

/**
 * The first clock at which something done now by hart `by` (-1: the world outside, between runs)
 * reaches another hart. What a device does reaches each at the clock where it stands.
 */
export function earliestReach(board: Board, by: number): number {
  if (by === BY_DEVICE) return 0;
  return by < 0 ? board.now() : clockOf(board, by) + board.interruptLatency;
}

/** Makes a hart look at its interrupts because of something that `by` did. */
export function notify(board: Board, hart: number, by: number): void {
  if (by === hart) {
    attendIfPending(board, hart);
    return;
  }
  lookAt(board, hart, earliestReach(board, by));
}

function lookAt(board: Board, hart: number, clock: number): void {
  if (clock < getHart64(board, hart, HART.EVENT_CLOCK))
    setHart64(board, hart, HART.EVENT_CLOCK, clock);
}

/** An event may come while another line is still on its way: it gets an event of its own. */
export function expectLines(board: Board, hart: number): void {
  const lines = getHart(board, hart, HART.LINES);
  for (const bit of LINE_BITS) {
    const from = getHart64(board, hart, lineFrom(bit));
    if ((lines & bit) !== 0 && from > clockOf(board, hart)) lookAt(board, hart, from);
  }
}

/**
 * Drives a device's wire to a hart; `by` is the hart whose access caused it, -1 for the world
 * outside.
 */
export function setLine(board: Board, hart: number, bit: number, level: boolean, by: number): void {
  const old = getHart(board, hart, HART.LINES);
  const lines = level ? old | bit : old & ~bit;
  if (lines === old) return;
  setHart(board, hart, HART.LINES, lines);
  if (level) setHart64(board, hart, lineFrom(bit), by === hart ? 0 : earliestReach(board, by));
  notify(board, hart, by);
}

/** The number of the interrupt that this hart would take now, or -1. */
export function nextInterrupt(board: Board, hart: number): number {
  const active = refreshMip(board, hart) & getHart(board, hart, HART.MIE);
  if (active === 0) return -1;
  const privilege = getHart(board, hart, HART.PRIV);
  const status = getHart(board, hart, HART.MSTATUS);
  const delegated = getHart(board, hart, HART.MIDELEG);
  const machineOpen = privilege < PRIV.M || (status & MSTATUS.MIE) !== 0;
  const supervisorOpen =
    privilege < PRIV.S || (privilege === PRIV.S && (status & MSTATUS.SIE) !== 0);
  const open = (machineOpen ? active & ~delegated : 0) || (supervisorOpen ? active & delegated : 0);
  if (open === 0) return -1;
  return PRIORITY.find((number) => open & (1 << number)) ?? -1;
}
