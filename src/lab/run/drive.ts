/**
 * The loop that runs a machine to the end of a scenario: drains marks and console, injects events when they are due.
 *
 * Stops for draining, for the start mark and for event cycles change nothing in the machine; results depend on the scenario only.
 */
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
  let awaitsStart = startMark !== null;
  for (;;) {
    const due = injector.dueCycle;
    const limits: RunLimits = {
      maxInstructions,
      ...(awaitsStart && startMark !== null ? { attention: [startMark] } : {}),
      ...(due === null ? {} : { untilCycle: due }),
    };
    const stop = machine.run(limits);
    machine.drainMarks(observation.consume);
    injector.answered(machine.drainLabResults());
    const output = machine.drainConsole();
    if (output.length > 0) hooks.console(output);
    hooks.progress();
    if (stop.kind === "mark") {
      awaitsStart = false;
      if (observation.scenarioStart !== null) injector.start(observation.scenarioStart);
    } else if (stop.kind === "cycle") injector.inject();
    else if (stop.kind !== "drain") return stop;
  }
}
