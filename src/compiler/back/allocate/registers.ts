/**
 * How registers are used: what is never allocated, who saves what, where arguments go.
 *
 * zero, sp, gp, tp and s0 are fixed. t6 is never allocated: it carries far stack addresses and breaks cycles of moves.
 * ra is never allocated either: in a function with a frame it is saved, so its register carries spilled values around.
 */
import type { Register } from "../../assembly.ts";

export const ZERO: Register = 0;
export const RA: Register = 1;
export const SP: Register = 2;
export const TP: Register = 4;
/** s0: the caller's sp. */
export const FP: Register = 8;
/** Address of a stack word out of reach of a 12-bit offset; also breaks cycles among registers. */
export const ADDRESS_SCRATCH: Register = 31;
/** Carries a value from one stack word to another; only in functions with a frame. */
export const VALUE_SCRATCH: Register = RA;

/** a0..a7. */
export const ARGUMENT_REGISTERS: readonly Register[] = [10, 11, 12, 13, 14, 15, 16, 17];
/** Where the address of an indirect call goes (t1: t0 would hint a return to branch predictors). */
export const CALL_TARGET_REGISTER: Register = 6;

/** Lost at a call, in the order they are handed out: those that arguments want least come first. */
export const CALLER_SAVED: readonly Register[] = [15, 14, 13, 12, 11, 10, 16, 17, 5, 6, 7, 28, 29, 30];
/** s1..s11: kept across calls, saved by who uses them. */
export const CALLEE_SAVED: readonly Register[] = [9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];
export const ALLOCATABLE: readonly Register[] = [...CALLER_SAVED, ...CALLEE_SAVED];

export function maskOf(registers: readonly Register[]): number {
  let mask = 0;
  for (const register of registers) mask |= 1 << register;
  return mask;
}

export const CALLER_SAVED_MASK = maskOf(CALLER_SAVED);
export const ALLOCATABLE_MASK = maskOf(ALLOCATABLE);

export function bitCount(mask: number): number {
  let n = mask - ((mask >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
