/**
 * The stack frame, from sp upwards: outgoing argument words, spill slots, slots of the function, s11..s1, caller's s0,
 * ra; s0 = caller's sp. Spill slots come early so that most are in reach of a 12-bit offset.
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
import { FP, RA } from "./allocate/registers.ts";

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
  let needed = allocation.spillSlots > 0 || allocation.calleeSaved.length > 0 || fn.source.frame.length > 0;
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
  const saved = [RA, FP, ...allocation.calleeSaved];
  const bytes = (offset + 3 & ~3) + 4 * saved.length;
  return { bytes: (bytes + STACK_ALIGN - 1) & -STACK_ALIGN, saved, slots, spills };
}
