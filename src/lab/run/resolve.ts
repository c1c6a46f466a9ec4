/** Names for what observers report with numbers: addresses, tasks, sites and stacks. */
import type { Symbols } from "../image/symbols.ts";
import { lockSite } from "../observe/locks/lock-site.ts";
import type { HeapReport } from "../observe/heap/types.ts";
import type { LockdepReport } from "../observe/lockdep/types.ts";
import type { WaitReport } from "../observe/lockdep/waits.ts";
import type { Form, Stack } from "../observe/moment.ts";
import type { Observation } from "../observe/observation.ts";
import type { ProgressReport } from "../observe/progress/types.ts";
import type { RaceReport } from "../observe/races/types.ts";
import type { SnapshotReport } from "../truth/snapshots.ts";
import type { ReferenceReport } from "../truth/references.ts";
import { hex, type ResultFrame } from "./result.ts";
import type { Backtrace, Moment } from "./second-look.ts";

export interface ResultStack {
  /** Who took the lock, outside of the locks' own code; of an access its place. */
  readonly at: { readonly address: string; readonly symbol: string };
  readonly hart: number;
  readonly cycle: number;
  /** Innermost first, with what is inlined into them; what the mark itself carried when the run was not looked at a second time. */
  readonly frames: readonly ResultFrame[];
}

export interface Resolved extends Form {
  /** `0x%08x` */
  readonly address: string;
  readonly task: { readonly comm: string; readonly pid: number };
  readonly stack: ResultStack;
}

export type ResultLockdep = LockdepReport<Resolved>;
/** One task of a circle of waits; see WaitReport. */
export type ResultWait = WaitReport<Resolved>;
export type ResultRace = RaceReport<Resolved>;
export type ResultProgress = ProgressReport<Resolved>;
export type ResultSnapshots = SnapshotReport<Resolved>;
export type ResultReference = ReferenceReport<Resolved>;
export type ResultHeap = HeapReport<Resolved>;

/** Tasks that wait for each other when the run has ended; empty: none do. */
export function deadlockOf({ lockdep, progress }: Observation): readonly WaitReport[] {
  const locks = lockdep.deadlockAtEnd();
  return locks.length > 0 ? locks : progress.circle;
}

/** All that was found about progress, contexts and quiescence. Who waits in a circle needs not be told that nothing wakes him. */
export function progressOf(observation: Observation): readonly ProgressReport[] {
  const { progress, contexts, quiescence } = observation;
  const circle = deadlockOf(observation).length > 0;
  return [...progress.reports.all.filter(({ kind }) => kind !== "stuck" || !circle), ...contexts.reports.all, ...quiescence.reports.all];
}

/** Calls `change` for each property, nested ones too; what it returns, if not undefined, takes the property's place. */
function walk(value: unknown, change: (name: string, value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => walk(one, change));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, of]) => [name, change(name, of) ?? walk(of, change)]),
  );
}

/** When and where the stacks were that the reports show. */
export function momentsOf(reports: readonly unknown[]): Moment[] {
  const moments: Moment[] = [];
  walk(reports, (name, value) => {
    if (name !== "stack") return undefined;
    const { hart, clock } = value as Stack;
    if (clock > 0) moments.push({ hart, clock });
    return value;
  });
  return moments;
}

/** Reports with names; `backtraceAt` gives whole stacks where the run was looked at again. */
export function resolver(
  observation: Observation,
  symbols: Symbols,
  backtraceAt: (moment: Moment) => Backtrace | null,
  memory: { readonly references: readonly ReferenceReport[] | null; readonly snapshots: SnapshotReport | null },
): {
  references: ResultReference[];
  snapshots: ResultSnapshots | null;
  lockdep: ResultLockdep[];
  deadlock: ResultWait[];
  progress: ResultProgress[];
  heap: ResultHeap[];
  races: ResultRace[];
} {
  const siteOf = lockSite(symbols);
  const resolve = (reports: readonly unknown[]): unknown =>
    walk(reports, (name, value) => {
      if (name === "stack") {
        const stack = value as Stack;
        const at = siteOf(stack.pc, stack.ra0, stack.ra1);
        return {
          at: { address: hex(at), symbol: symbols.offsetName(at) },
          hart: stack.hart,
          cycle: stack.clock,
          frames: framesOf(wholeStack(stack, backtraceAt(stack)), symbols),
        };
      }
      if (name === "address") return hex(value as number);
      if (name === "task") return taskOf(value as number, observation);
      return undefined;
    });
  return {
    references: resolve(memory.references ?? []) as ResultReference[],
    snapshots: memory.snapshots && { taken: memory.snapshots.taken, between: resolve(memory.snapshots.between) as ResultSnapshots["between"] },
    lockdep: resolve(observation.lockdep.reports) as ResultLockdep[],
    deadlock: resolve(deadlockOf(observation)) as ResultWait[],
    progress: resolve(progressOf(observation)) as ResultProgress[],
    heap: resolve(observation.heap?.reports ?? []) as ResultHeap[],
    races: resolve(observation.races?.reports ?? []) as ResultRace[],
  };
}

/** What the record carried, and from the second look what lies beyond, if that agrees. */
function wholeStack({ pc, ra0, ra1 }: Stack, seen: Backtrace | null): number[] {
  const own = [pc, ra0, ra1].filter((address) => address !== 0);
  if (seen === null || own.slice(1).some((address, i) => seen[i + 1] !== address)) return own;
  return [...own, ...seen.slice(own.length)];
}

function framesOf(stack: readonly number[], symbols: Symbols): ResultFrame[] {
  return stack.flatMap((address, depth) => {
    // Return addresses belong to the instruction before them.
    const found = symbols.frames(depth === 0 ? address : address - 1);
    const place = { address: hex(address), symbol: symbols.offsetName(address) };
    return found.map((frame) => ({ ...place, ...frame }));
  });
}

export function taskOf(task: number, observation: Observation): Resolved["task"] {
  // Idle tasks and what runs before the first switch are nobody's kthread.
  return observation.currentTasks.nameOf(task) ?? { comm: "swapper", pid: 0 };
}
