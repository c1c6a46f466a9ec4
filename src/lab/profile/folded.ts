/**
 * A profile as folded stacks, the lines that flamegraph.pl, speedscope and inferno read: `hart 0;churn/12;kthread;churn;kmalloc 39892`.
 *
 * Frames are functions of the source, inlined ones too, outermost first; the first two are the hart, and the task or `interrupt`. Lines
 * are sorted, equal stacks are one line.
 */
import type { Symbols } from "../image/symbols.ts";
import { INTERRUPT, type Profile, type ProfileNode } from "./sampler.ts";

/** What a line counts: cycles of guest time, or instructions that the hart retired. */
export const FOLD_BY = ["cycles", "instructions"] as const;
export type FoldBy = (typeof FOLD_BY)[number];

/** Stacks of frames and their values, sorted. */
export type FoldedStacks = readonly (readonly [stack: string, value: number])[];

export interface FoldedProfile {
  readonly by: FoldBy;
  /** Cycles between two samples. */
  readonly period: number;
  readonly stacks: FoldedStacks;
  /** Whether the run that was sampled ended with the same machine as the one that was not. */
  readonly sameRun: boolean;
}

export function foldedStacks({ root, period }: Profile, by: FoldBy, symbols: Symbols, taskName: (address: number) => string): FoldedStacks {
  const lines = new Map<string, number>();
  const add = (at: ProfileNode, stack: string): void => {
    const value = by === "cycles" ? at.samples * period : at.instructions;
    if (value > 0) lines.set(stack, (lines.get(stack) ?? 0) + value);
    for (const [address, next] of at.children) add(next, `${stack};${framesAt(address, symbols)}`);
  };
  for (const [hart, tasks] of root.children)
    for (const [task, first] of tasks.children) add(first, `hart ${hart};${task === INTERRUPT ? "interrupt" : frameName(taskName(task))}`);
  return [...lines].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function foldedText(stacks: FoldedStacks): string {
  return stacks.map(([stack, value]) => `${stack} ${value}\n`).join("");
}

function framesAt(address: number, symbols: Symbols): string {
  const frames = symbols.frames(address);
  const names = frames.length === 0 ? [`0x${(address >>> 0).toString(16)}`] : frames.map((one) => one.function);
  return names.reverse().map(frameName).join(";");
}

/** What separates frames and lines, or could not be seen, is no part of a name. */
export function frameName(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  return text.replace(/[;\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "_").trim() || "_";
}
