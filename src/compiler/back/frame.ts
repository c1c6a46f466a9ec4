/**
 * The stack frame, from sp upwards: outgoing argument words, spill slots, slots of the function, s11..s1, caller's s0,
 * ra; s0 = caller's sp. A function that a trap enters saves more, behind s11. Spill slots come early so that most are in reach of a 12-bit offset.
 *
 *   s0 -> | incoming argument words
 *         | ra, caller's s0, s1 ...
 *         | slots
 *   sp -> | spills, outgoing argument words
 */
import { assert } from "../../base/assert.ts";
import type { Register } from "../assembly.ts";
import type { Allocation } from "./allocate/allocate.ts";
import type { MachineFunction } from "./machine.ts";
import { clobberMask } from "./machine.ts";
import {
  ADDRESS_SCRATCH, CALLER_SAVED, CALLER_SAVED_MASK, CALL_TARGET_REGISTER, FP, RA,
} from "./allocate/registers.ts";

export interface Frame {
  /** Zero: no frame. */
  readonly bytes: number;
  /** Saved registers; the k-th is at s0 - 4 - 4k. */
  readonly saved: readonly Register[];
  /** Offset of each function slot from sp. */
  readonly slots: readonly number[];
  /** Offset of each spill slot from sp; the last one is scratch. */
  readonly spills: readonly number[];
}

const STACK_ALIGN = 16;

export function layoutFrame(fn: MachineFunction, allocation: Allocation): Frame {
  let outgoing = 0;
  let needed = fn.source.interrupt !== undefined || allocation.spillSlots > 0 || allocation.calleeSaved.length > 0 || fn.source.frame.length > 0;
  for (const block of fn.blocks) {
    for (const insn of block.insns) {
      if (insn.kind === "call" || insn.kind === "framepointer") needed = true;
      for (const { to, from } of insn.moves) {
        if (typeof to === "object") outgoing = Math.max(outgoing, 4 * to.word + 4);
        if (typeof from === "object" && from.kind === "incoming") needed = true;
      }
    }
  }
  if (!needed) return { bytes: 0, saved: [], slots: [], spills: [] };
  let offset = outgoing;
  const spills: number[] = [];
  const spillCount = allocation.spillSlots > 0 ? allocation.spillSlots + 1 : 0;
  for (let i = 0; i < spillCount; i++, offset += 4) spills.push(offset);
  const slots = fn.source.frame.map(({ size, align }) => {
    assert(align <= STACK_ALIGN && (align & (align - 1)) === 0, "frame: slots are aligned to at most 16 bytes");
    offset = (offset + align - 1) & -align;
    const at = offset;
    offset += size;
    return at;
  });
  const saved = [RA, FP, ...allocation.calleeSaved, ...interrupted(fn, allocation)];
  const bytes = (offset + 3 & ~3) + 4 * saved.length;
  return { bytes: (bytes + STACK_ALIGN - 1) & -STACK_ALIGN, saved, slots, spills };
}

/** What else a function saves that may interrupt any other: all that calls may change, when it calls. */
function interrupted(fn: MachineFunction, allocation: Allocation): readonly Register[] {
  if (fn.source.interrupt === undefined) return [];
  let mask = 1 << ADDRESS_SCRATCH;
  for (const { insns } of fn.blocks) for (const insn of insns) mask |= clobberMask(insn, CALLER_SAVED_MASK | (1 << CALL_TARGET_REGISTER));
  for (const register of allocation.callerSaved) mask |= 1 << register;
  return [...CALLER_SAVED, ADDRESS_SCRATCH].filter((register) => (mask & (1 << register)) !== 0);
}
