/** A run's machine, and the same run once more on another one: what the first run has shown to be worth a look is looked at there. */
import { assert } from "../../base/assert.ts";
import type { Machine, MachineConfig } from "../../machine/types.ts";
import { EventInjector } from "../event/injector.ts";
import type { EventNumbers } from "../observe/events.ts";
import { mergeRecords, type Records } from "../observe/merge.ts";
import type { Observation } from "../observe/observation.ts";
import { bootargs } from "../scenario/bootargs.ts";
import type { Scenario } from "../scenario/schema.ts";
import { costModel } from "../scenario/timing.ts";
import type { Choreography } from "../steps/choreography.ts";
import { drive, type Pauses } from "./drive.ts";
import type { RunRequest } from "./run.ts";

/** `marks`: whether the kernel has any; without them there is nothing to observe, and nothing is recorded. */
export function machineConfig(scenario: Scenario, marks: boolean): MachineConfig {
  const costs = costModel(scenario);
  return {
    ...(costs === null ? {} : { costs }),
    harts: scenario.machine.harts,
    memoryBytes: scenario.machine.memory,
    timing: scenario.machine.timing,
    interleave: scenario.machine.interleave,
    ...(scenario.machine.jit === undefined ? {} : { jit: scenario.machine.jit }),
    bootargs: bootargs(scenario),
    lab: true,
    recordMarks: marks,
    ...(marks && (scenario.observe.heap || scenario.observe.races) ? { observeAccesses: true } : {}),
  };
}

/** Gives the observers what the machine has recorded, in order of time. */
export function drainRecords(machine: Machine, observation: Observation, takeAccesses = observation.accesses): void {
  if (takeAccesses === null) {
    machine.drainMarks(observation.consume);
    return;
  }
  // Both drains call back at most once, with everything in order.
  let marks: Records = { words: new Int32Array(0), count: 0 };
  machine.drainMarks((words, count) => {
    assert(marks.count === 0, "lab: one piece a drain");
    marks = { words: words.slice(), count };
  });
  let merged = false;
  machine.drainAccesses((words, places, count) => {
    assert(!merged, "lab: one piece a drain");
    merged = true;
    mergeRecords(marks, { words, places, count }, machine.config.harts, observation.consume, takeAccesses);
  });
  if (!merged && marks.count > 0) observation.consume(marks.words, marks.count);
}

/** `snapshot`: takes one under a name, and says what came of it. */
export function injectorOf(scenario: Scenario, numbers: EventNumbers, machine: Machine, snapshot?: (name: string) => string): EventInjector {
  return new EventInjector(
    scenario.events,
    scenario.machine.harts,
    numbers.labOps,
    (op, arg) => machine.requestLab(op, arg),
    snapshot,
  );
}

/** The scenario's machine once more. */
export function again(request: Pick<RunRequest, "scenario" | "createMachine">, elf: Uint8Array, numbers: EventNumbers, observeAccesses: boolean): Machine {
  const { observeAccesses: _, ...config } = machineConfig(request.scenario, numbers.marks);
  const machine = request.createMachine(observeAccesses ? { ...config, observeAccesses } : config);
  assert(machine.loadElf(elf).ok, "lab: what was loaded once can be loaded again");
  return machine;
}

export function runAgain(
  { scenario }: Pick<RunRequest, "scenario">,
  machine: Machine,
  numbers: EventNumbers,
  first: Observation,
  steps: Choreography | null,
  pauses: Pauses,
  drain: () => void,
): void {
  drive({
    machine,
    steps,
    maxInstructions: scenario.limits.instructions,
    startMark: numbers.scenarioStart,
    injector: injectorOf(scenario, numbers, machine),
    drain,
    scenarioStart: () => first.scenarioStart,
    stuckSince: () => first.lockdep.stuckSince() ?? first.progress.stuckSince,
    hooks: { console() {}, progress() {} },
    pauses,
  });
}
