/**
 * The loop that runs a machine to the end of a scenario: drains records and console, injects events when they are due, pauses
 * where somebody wants to look.
 *
 * Stops for draining, for the start mark, for event cycles and for pauses change nothing in the machine; results depend on the
 * scenario only.
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
  /** Since when nothing good can come of it, once that is known. */
  readonly stuckSince?: () => number | null;
}

/** Records are looked at that often at least, so that what ends a run is known at a clock that depends on the guest alone. */
const LOOK_CYCLES = 20_000_000;
/** So long a run that is stuck goes on: the guest's own watchdogs may have something to say. */
const STUCK_CYCLES = 50_000_000;

/** The stop that ended the run; null: the last pause did. */
export function drive(input: DriveInput): Stop | null {
  const { machine, maxInstructions, injector, hooks, pauses } = input;
  let attention = input.startMark === null ? [] : [input.startMark];
  /** Until then the harts catch up with the one that fired the start mark: a record comes out when no hart is behind it. */
  let catchUp: number | null = null;
  let look = LOOK_CYCLES;
  for (;;) {
    if (pauses?.dueCycle === null) return null;
    const stuckSince = input.stuckSince?.() ?? null;
    const giveUp = stuckSince === null ? Infinity : stuckSince + STUCK_CYCLES;
    const event = catchUp ?? injector.dueCycle ?? Infinity;
    const until = Math.min(event, pauses?.dueCycle ?? Infinity, giveUp, look);
    const limits: RunLimits = {
      maxInstructions,
      ...(attention.length === 0 ? {} : { attention }),
      untilCycle: until,
    };
    const stop = machine.run(limits);
    input.drain();
    injector.answered(machine.drainLabResults());
    const output = machine.drainConsole();
    if (output.length > 0) hooks.console(output);
    hooks.progress();
    if (stop.kind === "mark") {
      attention = [];
      catchUp = latestClock(machine);
    } else if (stop.kind === "cycle") {
      if (look === until) look += LOOK_CYCLES;
      if (giveUp === until) return { kind: "deadlock", detail: "tasks wait for each other" };
      if (pauses?.dueCycle === until) pauses.reached();
      if (catchUp === until) {
        const start = input.scenarioStart();
        assert(start !== null, "lab: the start mark has a record");
        injector.start(start);
        catchUp = null;
      } else if (catchUp === null && injector.dueCycle === until) injector.inject();
    } else if (stop.kind !== "drain") return stop;
  }
}

function latestClock(machine: Machine): number {
  let clock = 0;
  for (let hart = 0; hart < machine.config.harts; hart++) {
    clock = Math.max(clock, machine.hart(hart).clock);
  }
  return clock;
}
