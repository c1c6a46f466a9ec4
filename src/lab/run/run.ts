/**
 * Runs a scenario: build, machine, loop, observers, result. Pure: files, compiler and machine come in as values.
 */
import { assert } from "../../base/assert.ts";
import { failure, type Place, type Problem, type Result, success } from "../../base/result.ts";
import type { Machine, MachineConfig } from "../../machine/types.ts";
import { type ImageFile, readImage } from "../image/elf.ts";
import { Symbols } from "../image/symbols.ts";
import { type EventNumbers, eventNumbers } from "../observe/events.ts";
import { ConsoleReader } from "../observe/leak-report.ts";
import type { TimelineView } from "../observe/timeline.ts";
import type { ProgressLimits } from "../observe/progress/progress.ts";
import { Observation, type Task } from "../observe/observation.ts";
import type { ScenarioText } from "../scenario/places.ts";
import type { Scenario } from "../scenario/schema.ts";
import { Choreography, type LineText } from "../steps/choreography.ts";
import { type PlannedStep, planSteps } from "../steps/plan.ts";
import { type FoldBy, type FoldedProfile, type FoldedStacks, foldedStacks } from "../profile/folded.ts";
import { RunningTasks } from "../profile/running-tasks.ts";
import { Sampler } from "../profile/sampler.ts";
import { collect } from "./collect.ts";
import { drive } from "./drive.ts";
import { again, drainRecords, injectorOf, machineConfig, runAgain } from "./again.ts";
import { OpenedSections } from "./opened.ts";
import { questionsOf } from "./opened-questions.ts";
import { deadlockOf, momentsOf, progressOf, taskOf } from "./resolve.ts";
import { lookForReferences } from "./references.ts";
import { looksOf, snapshotsOf, takesSnapshots, truthOf } from "./truth.ts";
import { CONSOLE_BYTES_MAX, type RunResult } from "./result.ts";
import { type Moment, SecondLook } from "./second-look.ts";

export interface RunProgress {
  readonly instructions: number;
  readonly maxInstructions: number;
}

export interface RunRequest {
  /** Version of hartlab, for the result. */
  readonly version: string;
  readonly scenario: Scenario;
  readonly text: ScenarioText;
  /** The kernel with the scenario's workload, tasks and configuration compiled in. */
  readonly compile: (scenario: Scenario) => Result<Uint8Array>;
  readonly createMachine: (config: MachineConfig) => Machine;
  /** The text of a line of what was compiled, for steps. */
  readonly lineText?: LineText;
  readonly onConsole?: (bytes: Uint8Array) => void;
  readonly onProgress?: (progress: RunProgress) => void;
  /** False: nobody looks at lock records, for what that costs. Default: true. */
  readonly observeLocks?: boolean;
  /** Asks for a timeline, and takes it when the run has ended. */
  readonly onTimeline?: (view: TimelineView) => void;
  /** Asks for a profile, sampled every so many cycles, and takes it as folded stacks by what they count. */
  readonly profile?: { readonly by: FoldBy; readonly period: number; readonly take: (profile: FoldedProfile) => void };
}

export function runScenario(request: RunRequest): Result<RunResult> {
  const { scenario } = request;
  const compiled = request.compile(scenario);
  if (!compiled.ok) {
    return failure(...compiled.problems.map((one) => placeName(one, scenario, request.text)));
  }
  const image = readImage(compiled.value);
  if (!image.ok) return image;
  const numbers = eventNumbers(image.value.section);
  const plan = planSteps(scenario, image.value, request.text);
  if (!plan.ok) return plan;
  if (plan.value.length > 0 && !numbers.marks) return failure(needsMarks(request.text));
  const machine = request.createMachine(machineConfig(scenario, numbers.marks));
  const loaded = machine.loadElf(compiled.value);
  if (!loaded.ok) return failure(...loaded.problems.map((one) => placeMemory(one, request.text)));
  return success(execute(request, compiled.value, machine, image.value, numbers, plan.value));
}

const needsMarks = (text: ScenarioText): Problem => ({
  message: "steps begin at a mark of the kernel, and this one is built without marks",
  place: text.value(["steps"]),
  hint: "Leave out `marks: false`.",
});

function execute(
  request: RunRequest,
  elf: Uint8Array,
  machine: Machine,
  image: ImageFile,
  numbers: EventNumbers,
  plan: readonly PlannedStep[],
): RunResult {
  const { scenario } = request;
  const symbols = new Symbols(image.section);
  const readMemory = (address: number, length: number): Uint8Array | null =>
    machine.readVirtual(address, length);
  const observation = new Observation(image, symbols, numbers, readMemory, {
    ...scenario.observe,
    truth: scenario.observe.truth || takesSnapshots(scenario),
    locks: request.observeLocks ?? true,
    timeline: request.onTimeline !== undefined,
    lockStat: scenario.events.flatMap(({ at, lock_stat }) => (lock_stat === undefined ? [] : [{ at, to: lock_stat }])),
    progress: progressLimits(scenario),
  }, scenario.machine.harts);
  const snapshots = numbers.marks ? snapshotsOf(scenario, machine, image, observation) : null;
  const injector = injectorOf(scenario, numbers, machine, (name) => {
    snapshots?.take(name);
    return snapshots === null ? "skipped: without marks nobody knows which blocks there are" : "ok";
  });
  const reader = new ConsoleReader();
  const output = new ConsoleLog();
  const harts = Array.from({ length: scenario.machine.harts }, (_, hart) => hart);
  const maxInstructions = scenario.limits.instructions;
  const stepsOn = (one: Machine): Choreography | null =>
    plan.length === 0 ? null : new Choreography(one, plan, image.section, symbols, request.lineText);
  const steps = stepsOn(machine);
  const truth = truthOf(scenario, machine, image, observation);
  const stop = drive({
    machine,
    steps,
    looks: looksOf(truth, numbers, observation),
    maxInstructions,
    startMark: numbers.scenarioStart,
    injector,
    drain: () => {
      drainRecords(machine, observation);
    },
    scenarioStart: () => observation.scenarioStart,
    stuckSince: () => observation.lockdep.stuckSince() ?? observation.progress.stuckSince,
    look(clock, pending) {
      const views = harts.map((hart) => machine.hart(hart));
      observation.progress.look(clock, views, pending, observation.scenarioStart !== null);
    },
    hooks: {
      console(bytes) {
        output.push(bytes);
        reader.push(bytes);
        request.onConsole?.(bytes);
      },
      progress() {
        if (!request.onProgress) return;
        let instructions = 0;
        for (const hart of harts) instructions += machine.hart(hart).instructions;
        request.onProgress({ instructions, maxInstructions });
      },
    },
  });
  assert(stop !== null, "lab: a run without pauses ends by itself");
  reader.finish();
  steps?.ended(stop.kind);
  const view = timelineView(scenario, observation);
  if (view !== null) request.onTimeline?.(view);
  if (stop.kind === "poweroff") {
    const clock = Math.max(...harts.map((hart) => machine.hart(hart).clock));
    observation.ended(clock, (address) => symbols.functionName(address));
  }
  lookForOpened(request, elf, numbers, observation, stepsOn);
  const references = scenario.observe.references ? lookForReferences(request, elf, image, numbers, symbols, observation, reader.reports, stepsOn) : null;
  const snapshotReport = snapshots?.report() ?? null;
  const moments = momentsOf([
    ...(references ?? []),
    ...(snapshotReport?.between ?? []),
    ...observation.lockdep.reports,
    ...deadlockOf(observation),
    ...progressOf(observation),
    ...(observation.heap?.reports ?? []),
    ...(observation.races?.reports ?? []),
  ]);
  const look = moments.length === 0 ? null : lookAgain(request, elf, numbers, observation, symbols, moments, stepsOn);
  const hash = machine.hash();
  if (request.profile) {
    const sampling = again(request, elf, numbers, false);
    const { by, period, take } = request.profile;
    const stacks = sampled(request, sampling, numbers, observation, symbols, stepsOn(sampling));
    take({ by, period, stacks, sameRun: sampling.hash() === hash });
  }
  return collect({
    version: request.version,
    scenario,
    stop,
    harts: harts.map((hart) => machine.hart(hart)),
    hash,
    console: output.text(),
    consoleTruncated: output.truncated,
    marks: numbers.marks,
    observation,
    injector,
    reader,
    symbols,
    steps: steps?.results ?? [],
    truth,
    references,
    snapshots: snapshotReport,
    backtraceAt: (moment) => look?.at(moment) ?? null,
  });
}

function progressLimits({ observe }: Scenario): ProgressLimits {
  const { soft_lockup, hung_task, rcu_stall, livelock } = observe;
  return { softLockup: soft_lockup, hungTask: hung_task, rcuStall: rcu_stall, livelock };
}

/** `comm/pid`; idle tasks and what runs before the first switch are nobody's kthread. */
const taskName = (task: Task = { comm: "swapper", pid: 0 }): string => `${task.comm}/${task.pid}`;

function timelineView(scenario: Scenario, observation: Observation): TimelineView | null {
  const { timeline, currentTasks } = observation;
  if (timeline === null) return null;
  return {
    scenario: scenario.name,
    harts: scenario.machine.harts,
    timeline,
    taskName: (task) => taskName(taskOf(task, observation)),
    taskAt: (address) => currentTasks.numberOf(address),
    lockName: (lock) => observation.lockName(lock),
  };
}

/** Completes reports about sections that should not be open with the places where they were opened. */
function lookForOpened(
  request: RunRequest,
  elf: Uint8Array,
  numbers: EventNumbers,
  first: Observation,
  stepsOn: (machine: Machine) => Choreography | null,
): void {
  const { guest } = first.progress;
  const preemptCount = guest.offset("task_struct", "preempt_count");
  const rcuNesting = guest.offset("task_struct", "rcu_read_lock_nesting");
  const questions = questionsOf(first);
  if (questions.length === 0 || preemptCount === null || rcuNesting === null) return;
  const machine = again(request, elf, numbers, true);
  const look = new OpenedSections(machine, questions, { preemptCount, rcuNesting });
  const drain = (): void => {
    machine.drainMarks(() => {});
    machine.drainAccesses(look.consume);
  };
  runAgain(request, machine, numbers, first, stepsOn(machine), look, drain);
  drain();
  look.finish();
}

/** Runs the scenario again up to the last of the moments, on a machine of its own. */
function lookAgain(
  request: RunRequest,
  elf: Uint8Array,
  numbers: EventNumbers,
  first: Observation,
  symbols: Symbols,
  moments: readonly Moment[],
  stepsOn: (machine: Machine) => Choreography | null,
): SecondLook {
  const machine = again(request, elf, numbers, false);
  const look = new SecondLook(machine, moments, (pc) => symbols.isLeaf(pc) || symbols.isEntry(pc));
  runAgain(request, machine, numbers, first, stepsOn(machine), look, () => {
    machine.drainMarks(() => {});
  });
  return look;
}

/** The whole run, sampled. */
function sampled(
  request: RunRequest,
  machine: Machine,
  numbers: EventNumbers,
  first: Observation,
  symbols: Symbols,
  steps: Choreography | null,
): FoldedStacks {
  const { by, period } = request.profile!;
  const tasks = new RunningTasks(numbers);
  const sampler = new Sampler(machine, symbols, period, (hart) => tasks.on(hart));
  runAgain(request, machine, numbers, first, steps, sampler, () => {
    machine.drainMarks(tasks.consume);
  });
  return foldedStacks(sampler.profile(), by, symbols, (address) => taskName(first.tasks.get(address)));
}

/** The first CONSOLE_BYTES_MAX bytes of what the guest said. */
class ConsoleLog {
  truncated = false;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  push(bytes: Uint8Array): void {
    const room = CONSOLE_BYTES_MAX - this.#bytes;
    if (bytes.length > room) this.truncated = true;
    const kept = bytes.slice(0, room);
    this.#bytes += kept.length;
    this.#chunks.push(kept);
  }

  text(): string {
    const all = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return new TextDecoder().decode(all);
  }
}

/**
 * A problem about a task or a key that the compiler does not know belongs to the line of the scenario that names it.
 * Messages list what there is instead, so the name that comes first counts.
 */
function placeName(problem: Problem, scenario: Scenario, text: ScenarioText): Problem {
  if (problem.place !== undefined) return problem;
  const words = problem.message.split(/[^\w.-]+/);
  let first = Infinity;
  let place: Place | null = null;
  const consider = (name: string, of: () => Place): void => {
    const at = words.indexOf(name);
    if (at < 0 || at >= first) return;
    first = at;
    place = of();
  };
  scenario.tasks.forEach(({ run }, at) => {
    consider(run, () => text.value(["tasks", at, "run"]));
  });
  for (const key of Object.keys(scenario.kernel)) {
    if (text.has(["kernel", key])) consider(key, () => text.key(["kernel"], key));
  }
  return place === null ? problem : { ...problem, place };
}

/** A kernel that does not fit belongs to the line that sizes the memory. */
function placeMemory(problem: Problem, text: ScenarioText): Problem {
  if (problem.place !== undefined || !/memory|RAM/.test(problem.message)) return problem;
  return text.has(["machine", "memory"])
    ? { ...problem, place: text.value(["machine", "memory"]) }
    : problem;
}
