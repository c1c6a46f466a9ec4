/**
 * Which loops only poll: straight, at most MAX_INSTRUCTIONS, closed by a conditional branch backwards, one load, otherwise
 * computations whose operands the loop does not carry from one round to the next. See emit-park.ts.
 */
import { decode, expand, fieldImmediate, fieldRd, fieldRs1, fieldRs2, lengthOf } from "../../isa/index.ts";
import type { Instruction } from "../../isa/index.ts";
import type { Costs } from "../timing/constants.ts";

/** A poll branch's immediate: distance in bytes of entries (signed), then one round's cycles and instructions, and the load's halfword in the loop. */
export const POLL = {
  DISTANCE_SHIFT: 20, CYCLES_SHIFT: 12, CYCLES_MASK: 0xff, COUNT_SHIFT: 8, COUNT_MASK: 15, LOAD_MASK: 0xff,
} as const;

const MAX_INSTRUCTIONS = 8;
/** Of a 4-byte instruction each. */
export const POLL_BYTES_MAX = MAX_INSTRUCTIONS * 4;

interface Step {
  readonly row: Instruction;
  readonly word: number;
  readonly at: number;
}

/** The instructions from byte `from` up to and with the one at byte `to`, or null if they are no straight line to it. */
function stepsOf(half: (at: number) => number, from: number, to: number): Step[] | null {
  const steps: Step[] = [];
  let at = from;
  while (at <= to) {
    const bits = half(at) | (half(at + 2) << 16);
    const word = lengthOf(bits) === 2 ? expand(bits) : bits;
    const row = word === null ? null : decode(word);
    if (word === null || !row) return null;
    steps.push({ row, word, at: at - from });
    if (at === to) return steps;
    at += lengthOf(bits);
  }
  return null;
}

/** Registers that an instruction of a poll loop reads, or null if it has no place there. */
function sourcesOf({ row, word }: Step, last: boolean): number[] | null {
  const { kind } = row.semantics;
  if (kind === "branch") return last ? [fieldRs1(word), fieldRs2(word)] : null;
  if (last) return null;
  if (kind === "load") return fieldRd(word) === 0 ? null : [fieldRs1(word)];
  if (kind === "lui" || kind === "pause") return [];
  if (kind !== "alu") return null;
  // A computation into x0 may be half of a mark.
  if (fieldRd(word) === 0 && row.mnemonic !== "addi") return null;
  return row.format === "r" ? [fieldRs1(word), fieldRs2(word)] : [fieldRs1(word)];
}

const costOf = ({ row }: Step, costs: Costs): number => (row.semantics.kind === "pause" ? costs.pause : costs[row.cost]);

/** The immediate of the poll branch at byte `at`, or null when its loop is none. `half` reads the page's code. */
export function pollStep(half: (at: number) => number, at: number, branch: number, costs: Costs): number | null {
  const distance = fieldImmediate(branch, "b");
  if (distance >= 0 || distance < -POLL_BYTES_MAX || (at & 0xfff) + distance < 0) return null;
  const steps = stepsOf(half, at + distance, at);
  if (!steps || steps.length > MAX_INSTRUCTIONS) return null;
  const loads = steps.filter(({ row }) => row.semantics.kind === "load");
  if (loads.length !== 1) return null;
  const pure = steps.filter(({ row }) => ["alu", "lui", "load"].includes(row.semantics.kind));
  const written = new Set(pure.map(({ word }) => fieldRd(word)));
  const fresh = new Set<number>([0]);
  for (const [index, step] of steps.entries()) {
    const sources = sourcesOf(step, index === steps.length - 1);
    if (!sources || sources.some((register) => written.has(register) && !fresh.has(register))) return null;
    if (pure.includes(step)) fresh.add(fieldRd(step.word));
  }
  const cycles = steps.reduce((sum, step) => sum + costOf(step, costs), 0);
  if (cycles > POLL.CYCLES_MASK) return null;
  // The address must be there when a round ends: not what a later instruction of the round makes.
  const base = fieldRs1(loads[0]!.word);
  if (written.has(base)) return null;
  const entries = (distance << 2) << POLL.DISTANCE_SHIFT;
  return entries | (cycles << POLL.CYCLES_SHIFT) | (steps.length << POLL.COUNT_SHIFT) | (loads[0]!.at >> 1);
}
