/** The cost model of a scenario: its section `timing`, as the machine takes it. */
import { assert } from "../../base/assert.ts";
import type { Result } from "../../base/result.ts";
import { type CostOverrides, timingModel, type TimingModel } from "../../machine/timing/model.ts";
import type { Scenario } from "./schema.ts";

export function modelOf(scenario: Pick<Scenario, "timing">): Result<TimingModel> {
  const { preset, ...overrides } = scenario.timing;
  const given = Object.entries(overrides).filter(([, cycles]) => cycles !== undefined);
  return timingModel(preset, Object.fromEntries(given) as CostOverrides);
}

/** The model of a checked scenario; null in functional mode, where nothing of it counts. */
export function costModel(scenario: Pick<Scenario, "timing" | "machine">): TimingModel | null {
  if (scenario.machine.timing !== "cycle") return null;
  const model = modelOf(scenario);
  assert(model.ok, "scenario: load.ts lets through what the cost model refuses");
  return model.value;
}
