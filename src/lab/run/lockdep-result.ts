/** Names for what lockdep reports with numbers: tasks, sites and stacks. */
import type { Symbols } from "../image/symbols.ts";
import { lockSite } from "../observe/lock-site.ts";
import type { Form, LockdepReport, Stack } from "../observe/lockdep/types.ts";
import type { Observation } from "../observe/observation.ts";
import { hex, type ResultFrame } from "./result.ts";
import type { Backtrace, Moment } from "./second-look.ts";

export interface ResultStack {
  /** Who took the lock, outside of the locks' own code. */
  readonly at: { readonly address: string; readonly symbol: string };
  /** Innermost first, with what is inlined into them; three when the run was not looked at a second time. */
  readonly frames: readonly ResultFrame[];
}

export interface Resolved extends Form {
  /** `0x%08x` */
  readonly address: string;
  readonly task: { readonly comm: string; readonly pid: number };
  readonly stack: ResultStack;
}

export type ResultLockdep = LockdepReport<Resolved>;

/** Calls `with` for each property of a report, nested ones too; what it returns, if not undefined, takes the property's place. */
function walk(value: unknown, change: (name: string, value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => walk(one, change));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, of]) => [name, change(name, of) ?? walk(of, change)]));
}

/** When and where the stacks were that the reports show. */
export function lockdepMoments(reports: readonly LockdepReport[]): Moment[] {
  const moments: Moment[] = [];
  walk(reports, (name, value) => {
    if (name !== "stack") return undefined;
    const { hart, clock } = value as Stack;
    if (clock > 0) moments.push({ hart, clock });
    return value;
  });
  return moments;
}

export function lockdepResults(
  observation: Observation,
  symbols: Symbols,
  backtraceAt: (moment: Moment) => Backtrace | null,
): ResultLockdep[] {
  const siteOf = lockSite(symbols);
  const resolved = walk(observation.lockdep.reports, (name, value) => {
    if (name === "stack") {
      const stack = value as Stack;
      const at = siteOf(stack.pc, stack.ra0, stack.ra1);
      return {
        at: { address: hex(at), symbol: symbols.offsetName(at) },
        frames: framesOf(wholeStack(stack, backtraceAt(stack)), symbols),
      };
    }
    if (name === "address") return hex(value as number);
    if (name === "task") return taskOf(value as number, observation);
    return undefined;
  });
  return resolved as ResultLockdep[];
}

/** The mark's own frames, and from the second look what lies beyond them, if that agrees. */
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

function taskOf(task: number, observation: Observation): Resolved["task"] {
  const address = observation.currentTasks.addressOf(task);
  const known = address === null ? undefined : observation.tasks.get(address);
  // Idle tasks and what runs before the first switch are nobody's kthread.
  return known === undefined ? { comm: "swapper", pid: 0 } : { comm: known.comm, pid: known.pid };
}
