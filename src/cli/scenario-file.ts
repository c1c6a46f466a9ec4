/** A scenario from the command line: the file, and what --seed, --harts and --set change in it. */
import { dirname, resolve } from "node:path";
import { failure, type Problem, type Result } from "../base/result.ts";
import { loadScenario, type LoadedScenario } from "../lab/scenario/load.ts";
import { type Override, parseOverride } from "../lab/scenario/override.ts";
import type { Scenario } from "../lab/scenario/schema.ts";
import { readText } from "./files.ts";
import type { ImageRequest } from "./image.ts";

export interface ScenarioOptions {
  readonly seed?: string;
  readonly harts?: string;
  readonly interleave?: string;
  /** false: --no-jit */
  readonly jit?: boolean;
  readonly set?: readonly string[];
}

export function readScenario(file: string, options: ScenarioOptions): Result<LoadedScenario> {
  const settings = [
    ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
    ...(options.harts === undefined ? [] : [`machine.harts=${options.harts}`]),
    ...(options.interleave === undefined ? [] : [`machine.interleave=${options.interleave}`]),
    ...(options.jit === false ? ["machine.jit=false"] : []),
    ...(options.set ?? []),
  ];
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  for (const setting of settings) {
    const override = parseOverride(setting);
    if (override.ok) overrides.push(override.value);
    else problems.push(...override.problems);
  }
  if (problems.length > 0) return failure(...problems);
  const text = readText(file, "the scenario");
  return text.ok ? loadScenario(file, text.value, overrides) : text;
}

/** What to build for a scenario; its workload's path is relative to its file. */
export function imageRequest(scenario: Scenario, file: string, root: string): ImageRequest {
  return {
    root,
    workload: scenario.workload === undefined ? null : resolve(dirname(file), scenario.workload),
    tasks: scenario.tasks.map((task) => task.run),
    config: scenario.kernel,
  };
}
