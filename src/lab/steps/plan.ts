/** From a scenario's steps to what can be driven: places and variables are looked up; problems have the step's line. */
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import type { ImageFile } from "../image/elf.ts";
import type { ScenarioText } from "../scenario/places.ts";
import type { Scenario } from "../scenario/schema.ts";
import { nearest } from "../scenario/suggest.ts";
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
  const times = step.times === 1 ? "" : `, time ${step.times}`;
  if (step.until !== undefined) return `until ${step.until}${times}`;
  if (step.passes !== undefined) return `passes ${step.passes}${times}`;
  if (step.stall !== undefined) return `stall ${formatDuration(step.stall)}`;
  if (step.interrupt !== undefined) return `${step.interrupt} interrupt`;
  return step.wait === undefined ? "release" : `wait ${formatDuration(step.wait)}`;
}

/** Whether two steps may mean the same people. */
const mayMeet = (one: Step, other: Step): boolean =>
  (one.cpu === undefined || other.cpu === undefined || one.cpu === other.cpu) &&
  (one.task === undefined || other.task === undefined || one.task === other.task);

/** What is wrong with those whom a step names; `before`: the steps before it. */
function whoProblems(step: Step, before: readonly Step[], scenario: Scenario, image: ImageFile): (Omit<Problem, "place"> & { key: string })[] {
  const { cpu, task } = step;
  const problems = [];
  if (cpu !== undefined && cpu >= scenario.machine.harts) {
    const message = `there is no CPU${cpu}: the machine has ${scenario.machine.harts} harts`;
    problems.push({ key: "cpu", message, hint: "CPUs are counted from 0." });
  }
  if (task !== undefined && task.length > COMM_MAX) {
    const message = `the kernel cuts names of tasks to ${COMM_MAX} characters`;
    problems.push({ key: "task", message, hint: `Use \`${task.slice(0, COMM_MAX)}\`.` });
  } else if (task !== undefined && !mayExist(task, scenario, image)) {
    const guess = nearest(task, scenario.tasks.map(({ run }) => run.slice(0, COMM_MAX)));
    const hint = "Tasks are named as `tasks` runs them, the kernel's own as in migration/0.";
    problems.push({ key: "task", message: `no task is named \`${task}\``, hint: guess ? `Did you mean \`${guess}\`?` : hint });
  }
  if (step.release && !before.some((one) => one.until !== undefined && mayMeet(one, step))) {
    const message = `no step before this one holds ${whoOf(step)}`;
    problems.push({ key: "release", message, hint: "`until: PLACE` does." });
  }
  return problems;
}

/** Names come from the scenario, or stand in the image; those of per-CPU threads as formats. */
function mayExist(task: string, { tasks }: Scenario, image: ImageFile): boolean {
  if (tasks.some(({ run }) => run.slice(0, COMM_MAX) === task)) return true;
  return image.hasConstantString(task) || image.hasConstantString(task.replace(/\d+$/, "%u"));
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
    for (const { key: of, ...problem } of whoProblems(step, scenario.steps.slice(0, at), scenario, image)) {
      problems.push({ ...problem, place: text.value([...here, of]) });
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
