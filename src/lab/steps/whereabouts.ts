/** Who is where: the people of a choreography, told when a step did not happen. */
import type { Machine } from "../../machine/types.ts";
import type { Symbols } from "../image/symbols.ts";
import type { Guest, GuestTask } from "./guest.ts";
import type { PlannedStep } from "./plan.ts";
import type { StepFrame, Whereabouts } from "./types.ts";

/** So many functions of a stack stand in the sentence. */
const NAMED = 6;

export function framesOf(stack: readonly number[], symbols: Symbols): StepFrame[] {
  return stack.flatMap((address, depth): StepFrame[] => {
    const found = symbols.frames(depth === 0 ? address : address - 1);
    return found.map((one) => ({ function: one.function, file: one.file, line: one.line }));
  });
}

export interface Stage {
  readonly machine: Machine;
  readonly guest: Guest;
  readonly symbols: Symbols;
  /** By hart: the number of the step that holds it, from 1. */
  readonly heldBy: ReadonlyMap<number, number>;
  /** The hart that a step stalls. */
  readonly stalled: number | null;
  /** Names of tasks that there have been. */
  readonly known: ReadonlySet<string>;
}

export function whereabouts(steps: readonly PlannedStep[], stage: Stage): Whereabouts[] {
  const seen = new Set<string>();
  return steps.flatMap(({ step, who }) => {
    if (who === "" || seen.has(who)) return [];
    seen.add(who);
    if (step.task === undefined) return [onHart(who, step.cpu ?? 0, stage)];
    const { task, cpu } = step;
    const tasks = stage.guest.named(task);
    if (tasks.length === 0) return [{ who, state: stage.known.has(task) ? "has ended" : "does not exist", stack: [] }];
    return tasks.flatMap((one) => taskAt(one, cpu ?? null, stage));
  });
}

const howOn = (hart: number, { heldBy, stalled }: Stage): string => (heldBy.has(hart) ? "is held" : stalled === hart ? "is stalled" : "runs");

function onHart(who: string, hart: number, { machine, guest, symbols, heldBy, stalled }: Stage): Whereabouts {
  const step = heldBy.get(hart);
  const task = guest.current(hart);
  const runs = task === null ? "is in the firmware or has not started" : `runs ${task.comm}/${task.pid}`;
  const waiting = machine.hart(hart).waiting ? ", which waits for interrupts" : "";
  const kept = step !== undefined ? `, held since step ${step}` : stalled === hart ? ", stalled" : "";
  const state = `${runs}${waiting}${kept}`;
  return { who, state, stack: framesOf(guest.stackOf(hart), symbols) };
}

function taskAt(task: GuestTask, wanted: number | null, stage: Stage): Whereabouts[] {
  const { machine, guest, symbols, heldBy } = stage;
  const who = `${task.comm}/${task.pid}`;
  for (let hart = 0; hart < machine.config.harts; hart++) {
    if (guest.current(hart)?.address !== task.address) continue;
    if (wanted !== null && wanted !== hart) return [];
    const state = `${howOn(hart, stage)} on CPU${hart}`;
    const since = heldBy.get(hart);
    return [{ who, state: since === undefined ? state : `${state} since step ${since}`, stack: framesOf(guest.stackOf(hart), symbols) }];
  }
  const state = guest.isAsleep(task) ? "sleeps" : "waits for a CPU";
  return [{ who, state, stack: framesOf(guest.stackOfSleeper(task), symbols) }];
}

/** `reader/7 sleeps in mutex_lock (kernel/locking/mutex.ts:83) < register_cpu_notifier < ...` */
export function sentence({ who, state, stack }: Whereabouts): string {
  if (stack.length === 0) return `${who} ${state}`;
  const [inner, ...outer] = stack;
  const names = outer.slice(0, NAMED).map((one) => ` < ${one.function}`);
  return `${who} ${state}: ${inner.function} (${inner.file ?? "?"}:${inner.line ?? 0})${names.join("")}`;
}
