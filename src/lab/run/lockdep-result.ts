/** Names for what lockdep reports with numbers: tasks, sites and stacks. */
import type { Symbols } from "../image/symbols.ts";
import { lockSite } from "../observe/lock-site.ts";
import type { Form, LockdepReport, Stack } from "../observe/lockdep/types.ts";
import type { Observation } from "../observe/observation.ts";
import { hex, type ResultFrame } from "./result.ts";

export interface ResultStack {
  /** Who took the lock, outside of the locks' own code. */
  readonly at: { readonly address: string; readonly symbol: string };
  /** Innermost first, three frames and what is inlined into them. */
  readonly frames: readonly ResultFrame[];
}

export interface Resolved extends Form {
  /** `0x%08x` */
  readonly address: string;
  readonly task: { readonly comm: string; readonly pid: number };
  readonly stack: ResultStack;
}

export type ResultLockdep = LockdepReport<Resolved>;

export function lockdepResults(observation: Observation, symbols: Symbols): ResultLockdep[] {
  const siteOf = lockSite(symbols);
  const resolve = (name: string, value: unknown): unknown => {
    if (name === "stack") return stackResult(value as Stack, siteOf, symbols);
    if (name === "address") return hex(value as number);
    if (name === "task") return taskOf(value as number, observation);
    if (Array.isArray(value)) return value.map((one) => resolve("", one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, resolve(key, of)]));
  };
  return observation.lockdep.reports.map((report) => resolve("", report) as ResultLockdep);
}

function stackResult(
  stack: Stack,
  siteOf: (pc: number, ra0: number, ra1: number) => number,
  symbols: Symbols,
): ResultStack {
  const at = siteOf(...stack);
  const frames: ResultFrame[] = [];
  stack.forEach((address, depth) => {
    // Return addresses belong to the instruction before them.
    const found = address === 0 ? [] : symbols.frames(depth === 0 ? address : address - 1);
    const place = { address: hex(address), symbol: symbols.offsetName(address) };
    frames.push(...found.map((frame) => ({ ...place, ...frame })));
  });
  return { at: { address: hex(at), symbol: symbols.offsetName(at) }, frames };
}

function taskOf(task: number, observation: Observation): Resolved["task"] {
  const address = observation.currentTasks.addressOf(task);
  const known = address === null ? undefined : observation.tasks.get(address);
  // Idle tasks and what runs before the first switch are nobody's kthread.
  return known === undefined ? { comm: "swapper", pid: 0 } : { comm: known.comm, pid: known.pid };
}
