/** From a scenario's steps to what can be driven: places and variables are looked up; problems have the step's line. */
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import type { ImageFile } from "../image/elf.ts";
import type { ScenarioText } from "../scenario/places.ts";
import type { Scenario } from "../scenario/schema.ts";
import { formatDuration } from "../scenario/units.ts";
import { Places, type StepPlace } from "./places.ts";
import type { Step } from "./schema.ts";
import { findWatch, type Watch } from "./watch.ts";

export interface PlannedStep {
  readonly step: Step;
  readonly line: number | null;
  readonly who: string;
  readonly action: string;
  /** Of until and passes. */
  readonly place: StepPlace | null;
  readonly watches: readonly Watch[];
}

/** Linux's TASK_COMM_LEN, without the NUL. */
const COMM_MAX = 15;

function whoOf({ cpu, task }: Step): string {
  if (task === undefined) return cpu === undefined ? "" : `CPU${cpu}`;
  return cpu === undefined ? task : `${task} on CPU${cpu}`;
}

function actionOf(step: Step): string {
  if (step.until !== undefined) return `until ${step.until}`;
  if (step.passes !== undefined) return `passes ${step.passes}`;
  if (step.stall !== undefined) return `stall ${formatDuration(step.stall)}`;
  if (step.interrupt !== undefined) return `${step.interrupt} interrupt`;
  return step.wait === undefined ? "release" : `wait ${formatDuration(step.wait)}`;
}

export function planSteps(scenario: Scenario, image: ImageFile, text: ScenarioText): Result<readonly PlannedStep[]> {
  const problems: Problem[] = [];
  const places = new Places(image);
  const value = <T>(result: Result<T>, path: readonly (string | number)[]): T | null => {
    if (result.ok) return result.value;
    problems.push(...result.problems.map((one) => ({ ...one, place: text.value(path) })));
    return null;
  };
  const plan = scenario.steps.map((step, at): PlannedStep => {
    const here = ["steps", at] as const;
    const key = step.until === undefined ? "passes" : "until";
    const named = step.until ?? step.passes;
    if (step.cpu !== undefined && step.cpu >= scenario.machine.harts) {
      const message = `there is no CPU${step.cpu}: the machine has ${scenario.machine.harts} harts`;
      problems.push({ message, place: text.value([...here, "cpu"]), hint: "CPUs are counted from 0." });
    }
    if (step.task !== undefined && step.task.length > COMM_MAX) {
      const message = `the kernel cuts names of tasks to ${COMM_MAX} characters`;
      problems.push({ message, place: text.value([...here, "task"]), hint: `Use \`${step.task.slice(0, COMM_MAX)}\`.` });
    }
    const watches = step.watch.map((name) => value(findWatch(name, image.section), [...here, "watch"]));
    return {
      step,
      line: text.has(here) ? text.value(here).line : null,
      who: whoOf(step),
      action: actionOf(step),
      place: named === undefined ? null : value(places.find(named), [...here, key]),
      watches: watches.filter((watch) => watch !== null),
    };
  });
  return problems.length > 0 ? failure(...problems) : success(plan);
}
