/** What a run is a function of, printed before it starts. */
import type { Scenario } from "../lab/scenario/schema.ts";
import { formatSize } from "../lab/scenario/units.ts";
import { describeModel } from "../machine/timing/model.ts";
import { costModel } from "../lab/scenario/timing.ts";
import { table } from "./text.ts";

type Config = Readonly<Record<string, string | number | boolean>>;

/** `kernelConfig` may hold all keys or only those that were set; `defaults` at least the same keys. */
export function conditions(scenario: Scenario, kernelConfig: Config, defaults: Config): string {
  return table(conditionRows(scenario, kernelConfig, defaults).map(([name, value]) => [`${name}:`, value]), ["left", "left"]).join("\n");
}

export function conditionRows(scenario: Scenario, kernelConfig: Config, defaults: Config): [name: string, value: string][] {
  const { machine } = scenario;
  const changed = Object.entries(kernelConfig)
    .filter(([key, value]) => value !== defaults[key])
    .map(
      ([key, value]) => `${key}=${value}${key in defaults ? ` (default ${defaults[key]})` : ""}`,
    );
  const boot = Object.entries(scenario.boot).map(([key, value]) => `${key}=${value}`);
  const model = costModel(scenario);
  const costs =
    model === null ? "one cycle an instruction" : `cost model ${describeModel(model)}`;
  return [
    ["scenario", scenario.name],
    ["seed", String(scenario.seed)],
    ["harts", String(machine.harts)],
    ["memory", formatSize(machine.memory)],
    [
      "timing",
      `${machine.timing} (${costs}, 1 cycle = 1 ns), harts interleaved ${machine.interleave}`,
    ],
    ["memory model", "sequentially consistent; missing barriers are not found"],
    ["kernel configuration", changed.length === 0 ? "default" : changed.join(", ")],
    ["boot parameters", boot.length === 0 ? "none" : boot.join(" ")],
  ];
}
