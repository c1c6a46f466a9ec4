/**
 * Whole stacks for findings, by running the same run once more: it repeats itself to the last bit (in functional timing up to its first
 * stop only, drive.ts), so it can stop at the very moments that matter, and nothing need be recorded in the first run but when
 * and where they were.
 *
 * A moment is a hart and the clock at which its instruction began. At the stop the hart stands before that instruction (or before a
 * mark that precedes it at the same clock). The stack is walked along the frame pointers (docs/interfaces.md: ra at
 * s0-4, the caller's s0 at s0-8).
 */
import type { Machine } from "../../machine/types.ts";
import type { Pauses } from "./drive.ts";

export interface Moment {
  readonly hart: number;
  readonly clock: number;
}

/** A hart's code addresses, innermost first: the pc, then return addresses. */
export type Backtrace = readonly number[];

const FRAMES_MAX = 32;
const RA = 1;
const FP = 8;

export class SecondLook implements Pauses {
  readonly #machine: Machine;
  readonly #isLeaf: (pc: number) => boolean;
  readonly #clocks: number[];
  readonly #harts = new Map<number, Set<number>>();
  readonly #found = new Map<string, Backtrace>();
  #next = 0;

  /** `isLeaf`: the function at a pc has no frame, its return address is in ra. */
  constructor(machine: Machine, moments: readonly Moment[], isLeaf: (pc: number) => boolean) {
    this.#machine = machine;
    this.#isLeaf = isLeaf;
    for (const { hart, clock } of moments) {
      const harts = this.#harts.get(clock) ?? new Set();
      this.#harts.set(clock, harts.add(hart));
    }
    this.#clocks = [...this.#harts.keys()].sort((a, b) => a - b);
  }

  get dueCycle(): number | null {
    return this.#clocks[this.#next] ?? null;
  }

  reached(): void {
    const clock = this.#clocks[this.#next++];
    for (const hart of this.#harts.get(clock) ?? [])
      this.#found.set(`${hart} ${clock}`, backtrace(this.#machine, hart, this.#isLeaf));
  }

  /** null: the moment was not reached. */
  at({ hart, clock }: Moment): Backtrace | null {
    return this.#found.get(`${hart} ${clock}`) ?? null;
  }
}

/** Where a hart is: its stack as far as it can be walked. */
export function backtrace(machine: Machine, index: number, isLeaf: (pc: number) => boolean): Backtrace {
  const { pc, x } = machine.hart(index);
  return [pc, ...(isLeaf(pc) ? [x[RA]] : []), ...callers(machine, x[FP])].slice(0, FRAMES_MAX);
}

/** The return addresses along a chain of frames, from the frame pointer of the innermost one on. */
export function callers(machine: Machine, innermost: number): number[] {
  const trace: number[] = [];
  let frame = innermost;
  while (trace.length < FRAMES_MAX) {
    const words = frame < 8 ? null : machine.readVirtual(frame - 8, 8);
    if (words === null) break;
    const view = new DataView(words.buffer, words.byteOffset, 8);
    const caller = view.getUint32(0, true);
    const ra = view.getUint32(4, true);
    if (ra === 0) break;
    trace.push(ra);
    // Stacks grow down: a caller's frame lies above. Anything else is no chain any more.
    if (caller <= frame) break;
    frame = caller;
  }
  return trace;
}
