/**
 * The loop that runs a machine to the end of a scenario: drains records and console, injects events when they are due, pauses
 * where somebody wants to look.
 *
 * Stops for draining, for the start mark and for event cycles, and every LOOK_CYCLES, are the same whoever watches, so results depend on
 * the scenario only. Pauses and looks change nothing in cycle timing, nor with one hart or in exact order; in functional timing
 * with harts ahead of each other they change the turns behind them (docs/observers.md).
 */
import { assert } from "../../base/assert.ts";
import type { Machine, RunLimits, Stop } from "../../machine/types.ts";
import type { EventInjector } from "../event/injector.ts";

export interface DriveHooks {
  console(bytes: Uint8Array): void;
  /** Now and then, between two stretches of the run. */
  progress(): void;
}

/** Clocks at which the machine stops for a look. */
export interface Pauses {
  /** The next one; null: the run need not go on. */
  readonly dueCycle: number | null;
  /** All harts have reached `dueCycle`; moves on to the next. */
  reached(): void;
}

/** Who looks at the machine whenever a mark of certain events has fired. */
export interface Looks {
  readonly events: readonly number[];
  /** At once; whether to be called again when all harts have come to where the machine is. */
  fired(event: number): boolean;
  reached(event: number): void;
}

/** Who holds harts and lets them go (src/lab/steps); acts at stops only. */
export interface Steps {
  /** The clock at which it wants to be called. */
  readonly dueCycle: number;
  start(): void;
  broke(hart: number, pc: number): void;
  due(): void;
  /** Nothing can happen any more; whether that is no longer so. */
  stuck(): boolean;
}

export interface DriveInput {
  readonly machine: Machine;
  readonly maxInstructions: number;
  /** Event number of SCENARIO_START; null in a kernel without marks. */
  readonly startMark: number | null;
  readonly injector: EventInjector;
  /** Takes the records that the machine has. */
  readonly drain: () => void;
  /** Clock of SCENARIO_START once its record has been drained. */
  readonly scenarioStart: () => number | null;
  readonly hooks: DriveHooks;
  readonly pauses?: Pauses;
  readonly steps?: Steps | null;
  /** At regular clocks: looks at the machine, and changes nothing. `pending`: something from outside is still to happen. */
  readonly look?: (clock: number, pending: boolean) => void;
  readonly looks?: Looks | null;
  /** Since when nothing good can come of it, once that is known. */
  readonly stuckSince?: () => number | null;
}

/** Records are looked at that often at least, so that what ends a run is known at a clock that depends on the guest alone. */
const LOOK_CYCLES = 20_000_000;
/** So long a run that is stuck goes on: the guest's own watchdogs may have something to say. */
const STUCK_CYCLES = 50_000_000;

/** The stop that ended the run; null: the last pause did. */
export function drive(input: DriveInput): Stop | null {
  const { machine, maxInstructions, injector, hooks, pauses, steps, looks } = input;
  let awaited = input.startMark;
  let pending: { readonly event: number; readonly cycle: number } | null = null;
  /** Until then the harts catch up with the one that fired the start mark: a record comes out when no hart is behind it. */
  let catchUp: number | null = null;
  let look = LOOK_CYCLES;
  let retired = 0;
  for (;;) {
    if (pauses?.dueCycle === null) return null;
    const stuckSince = input.stuckSince?.() ?? null;
    const giveUp = stuckSince === null ? Infinity : stuckSince + STUCK_CYCLES;
    const event = catchUp ?? injector.dueCycle ?? Infinity;
    const stepDue = steps?.dueCycle ?? Infinity;
    const until = Math.min(event, pauses?.dueCycle ?? Infinity, giveUp, look, stepDue, pending?.cycle ?? Infinity);
    const attention = [...(awaited === null ? [] : [awaited]), ...(pending === null ? (looks?.events ?? []) : [])];
    const limits: RunLimits = {
      maxInstructions,
      ...(attention.length === 0 ? {} : { attention }),
      ...(until === Infinity ? {} : { untilCycle: until }),
    };
    const stop = machine.run(limits);
    input.drain();
    injector.answered(machine.drainLabResults());
    const output = machine.drainConsole();
    if (output.length > 0) hooks.console(output);
    hooks.progress();
    if (stop.kind === "mark" && stop.event !== awaited) {
      if (looks?.fired(stop.event) === true) pending = { event: stop.event, cycle: latestClock(machine) };
    } else if (stop.kind === "mark") {
      awaited = null;
      catchUp = latestClock(machine);
      steps?.start();
    } else if (stop.kind === "break") {
      steps?.broke(stop.hart, stop.pc);
    } else if (stop.kind === "cycle") {
      if (look === until) {
        // When nobody has done anything since the last look, let the machine find out whether anybody ever will.
        const now = retiredBy(machine);
        input.look?.(until, injector.dueCycle !== null || catchUp !== null || stepDue !== Infinity);
        look = now === retired ? Infinity : look + LOOK_CYCLES;
        retired = now;
      }
      if (giveUp === until) return { kind: "deadlock", detail: "tasks wait for each other, or for what cannot come" };
      if (pauses?.dueCycle === until) pauses.reached();
      if (pending?.cycle === until) {
        looks?.reached(pending.event);
        pending = null;
      }
      if (stepDue === until) steps?.due();
      if (catchUp === until) {
        const start = input.scenarioStart();
        assert(start !== null, "lab: the start mark has a record");
        injector.start(start);
        catchUp = null;
      } else if (catchUp === null && injector.dueCycle === until) injector.inject();
    } else if (stop.kind === "deadlock" && steps?.stuck() === true) {
      continue;
    } else if (stop.kind !== "drain") return stop;
    if (look === Infinity && retiredBy(machine) !== retired) look = latestClock(machine) + LOOK_CYCLES;
  }
}

function retiredBy(machine: Machine): number {
  let sum = 0;
  for (let hart = 0; hart < machine.config.harts; hart++) sum += machine.hart(hart).instructions;
  return sum;
}

function latestClock(machine: Machine): number {
  let clock = 0;
  for (let hart = 0; hart < machine.config.harts; hart++) {
    clock = Math.max(clock, machine.hart(hart).clock);
  }
  return clock;
}
