/** What every mark record has beside its own words (docs/interfaces.md). */
import { MARK_WORD } from "../../machine/memory/layout.ts";
import type { Stack } from "./moment.ts";

/** Of the head. */
const INTERRUPTS_ON = 1 << 26;

/** Whether the hart had interrupts on. */
export function irqsOn(words: Int32Array, at: number): boolean {
  return (words[at + MARK_WORD.HEAD] & INTERRUPTS_ON) !== 0;
}

/** Where and when. */
export function stackOf(words: Int32Array, at: number, hart: number, clock: number): Stack {
  return {
    pc: words[at + MARK_WORD.PC] >>> 0,
    ra0: words[at + MARK_WORD.RA0] >>> 0,
    ra1: words[at + MARK_WORD.RA1] >>> 0,
    hart,
    clock,
  };
}
