/**
 * Which values surely are where they were put, at every instruction: a forward analysis over the allocated code.
 *
 *   r7 lives in s1:   r7 = add ...      tracker of r7 holds
 *                     s1 = something    it holds no more (s1 belongs to another register now)
 *   join              holds if it holds on all ways
 *
 * A tracker that holds on all ways from the entry means that the definition dominates the place, so what is found is the
 * value that the source means there and not that of an earlier turn.
 */
import type { MachineBlock, MachineEnd, MachineFunction, MachineInsn, Move, Reg } from "../machine.ts";
import { FIRST_VIRTUAL, NONE, clobberMask, machineSuccessors, writesEarly } from "../machine.ts";
import { CALLEE_SAVED, CALLER_SAVED_MASK } from "../allocate/registers.ts";
import type { Tracked } from "./recipes.ts";

/** Bits of what holds. */
export type Holding = Uint32Array;

export class Availability {
  readonly #words: number;
  readonly #isInterrupt: boolean;
  /** By machine register, or -1 - spill slot: the trackers that live there. */
  readonly #livingAt = new Map<number, Holding>();
  readonly #trackerOf = new Map<Reg, number>();
  readonly #entry: Holding;
  readonly #before = new Map<MachineBlock, Holding>();
  readonly #placeOf: (register: Reg) => number;

  constructor(fn: MachineFunction, tracked: readonly Tracked[], placeOf: (register: Reg) => number) {
    this.#placeOf = placeOf;
    this.#isInterrupt = fn.source.interrupt !== undefined;
    this.#words = (tracked.length + 31) >>> 5;
    this.#entry = new Uint32Array(this.#words);
    tracked.forEach((t, i) => {
      if ("reg" in t) this.#trackerOf.set(t.reg, i);
      else this.#entry[i >>> 5] |= 1 << (i & 31);
      const place = "reg" in t ? placeOf(t.reg) : t.incoming;
      let living = this.#livingAt.get(place);
      if (!living) this.#livingAt.set(place, living = new Uint32Array(this.#words));
      living[i >>> 5] |= 1 << (i & 31);
    });
    if (tracked.length > 0) this.#solve(fn);
  }

  /** What holds where the block begins; the caller may change it. */
  before(block: MachineBlock): Holding {
    return (this.#before.get(block) ?? this.#entry).slice();
  }

  /** Takes away what the instruction writes anywhere on its way. */
  forget(insn: MachineInsn, holding: Holding): void {
    this.#clear(holding, clobberMask(insn, CALLER_SAVED_MASK));
    if (insn.rd !== NONE && insn.kind !== "spill") this.#kill(holding, insn.rd);
    if (insn.rs4 !== NONE && writesEarly(insn)) this.#kill(holding, insn.rs4);
    if (insn.kind === "spill") this.#killPlace(holding, -1 - (insn.imm as number));
    this.#killTargets(holding, insn.moves);
    for (const result of insn.results) if (result !== NONE) this.#kill(holding, result);
  }

  /** From before the instruction to behind it. */
  step(insn: MachineInsn, holding: Holding): void {
    this.forget(insn, holding);
    if (insn.rd >= FIRST_VIRTUAL && insn.kind !== "spill") this.#set(holding, insn.rd);
    if (insn.kind === "spill" || insn.kind === "text") this.#set(holding, insn.rs4);
    if (insn.kind === "moves" || insn.kind === "params") {
      for (const { to } of insn.moves) if (typeof to === "number") this.#set(holding, to);
    }
    for (const result of insn.results) this.#set(holding, result);
  }

  /** While a block's end runs: moves of results, then the caller's registers come back. */
  forgetAtEnd(end: MachineEnd, holding: Holding): void {
    if (end.kind !== "return") return;
    this.#killTargets(holding, end.moves);
    for (const register of CALLEE_SAVED) this.#killPlace(holding, register);
    if (this.#isInterrupt) this.#clear(holding, CALLER_SAVED_MASK);
  }

  /** Moves that write what is there already change nothing. */
  #killTargets(holding: Holding, moves: readonly Move[]): void {
    for (const { to, from } of moves) {
      if (typeof to !== "number") continue;
      if (typeof from === "number" && this.#placeOf(from) === this.#placeOf(to)) {
        const tracker = this.#trackerOf.get(to);
        if (tracker !== undefined) holding[tracker >>> 5] &= ~(1 << (tracker & 31));
      } else this.#kill(holding, to);
    }
  }

  #kill(holding: Holding, register: Reg): void {
    this.#killPlace(holding, this.#placeOf(register));
  }

  #killPlace(holding: Holding, place: number): void {
    const living = this.#livingAt.get(place);
    if (living) for (let w = 0; w < living.length; w++) holding[w] &= ~living[w];
  }

  #clear(holding: Holding, mask: number): void {
    for (let rest = mask; rest !== 0; rest &= rest - 1) this.#killPlace(holding, 31 - Math.clz32(rest & -rest));
  }

  #set(holding: Holding, register: Reg): void {
    const tracker = this.#trackerOf.get(register);
    if (tracker !== undefined) holding[tracker >>> 5] |= 1 << (tracker & 31);
  }

  /** Blocks are in reverse postorder; a block nobody has come from yet holds everything. */
  #solve(fn: MachineFunction): void {
    this.#before.set(fn.blocks[0], this.#entry.slice());
    for (let changed = true; changed;) {
      changed = false;
      for (const block of fn.blocks) {
        const before = this.#before.get(block);
        if (!before) continue;
        const holding = before.slice();
        for (const insn of block.insns) this.step(insn, holding);
        for (const next of machineSuccessors(block.end)) changed = this.#meet(next, holding) || changed;
      }
    }
  }

  #meet(block: MachineBlock, holding: Holding): boolean {
    const before = this.#before.get(block);
    if (!before) {
      this.#before.set(block, holding.slice());
      return true;
    }
    let changed = false;
    for (let w = 0; w < before.length; w++) {
      const both = before[w] & holding[w];
      if (both !== (before[w] | 0)) {
        before[w] = both;
        changed = true;
      }
    }
    return changed;
  }
}
