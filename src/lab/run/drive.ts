/**
 * The loop that runs a machine to the end of a scenario: drains marks and console, injects events when they are due.
 *
 * Stops for draining, for the start mark and for event cycles change nothing in the machine; results depend on the scenario only.
 */
import { assert } from "../../base/assert.ts";
import type { Machine, RunLimits, Stop } from "../../machine/types.ts";
import type { EventInjector } from "../event/injector.ts";
import type { Observation } from "../observe/observation.ts";

export interface DriveHooks {
  console(bytes: Uint8Array): void;
  /** Now and then, between two stretches of the run. */
  progress(): void;
}

/** The stop that ended the run. */
export function drive(
  machine: Machine,
  maxInstructions: number,
  startMark: number | null,
  observation: Observation,
  injector: EventInjector,
  hooks: DriveHooks,
): Stop {
  let attention = startMark === null ? [] : [startMark];
  /** Until then the harts catch up with the one that fired the start mark: a record comes out when no hart is behind it. */
  let catchUp: number | null = null;
  for (;;) {
    const until = catchUp ?? injector.dueCycle;
    const limits: RunLimits = {
      maxInstructions,
      ...(attention.length === 0 ? {} : { attention }),
      ...(until === null ? {} : { untilCycle: until }),
    };
    const stop = machine.run(limits);
    machine.drainMarks(observation.consume);
    injector.answered(machine.drainLabResults());
    const output = machine.drainConsole();
    if (output.length > 0) hooks.console(output);
    hooks.progress();
    if (stop.kind === "mark") {
      attention = [];
      catchUp = latestClock(machine);
    } else if (stop.kind === "cycle") {
      if (catchUp === null) injector.inject();
      else {
        assert(observation.scenarioStart !== null, "lab: the start mark has a record");
        injector.start(observation.scenarioStart);
        catchUp = null;
      }
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
