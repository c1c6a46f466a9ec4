/** What a run is a function of: printed before it starts. */
import type { Scenario } from "../lab/scenario/schema.ts";
import { formatSize } from "../lab/scenario/units.ts";

type Config = Readonly<Record<string, string | number | boolean>>;

/** `config` is what the scenario sets, `defaults` the same keys' defaults. */
export function conditions(scenario: Scenario, config: Config, defaults: Config): string {
  const { machine } = scenario;
  const different = Object.entries(config)
    .filter(([key, value]) => defaults[key] !== value)
    .map(([key, value]) => `${key}=${value}`);
  const boot = Object.entries(scenario.boot).map(([key, value]) => `${key}=${value}`);
  const rows: readonly (readonly [string, string])[] = [
    ["scenario", scenario.name],
    ["seed", String(scenario.seed)],
    ["harts", String(machine.harts)],
    ["memory", formatSize(machine.memory)],
    ["timing", `${machine.timing} (1 cycle = 1 ns), harts interleaved ${machine.interleave}`],
    ["memory model", "sequentially consistent; missing barriers are not found"],
    ["kernel configuration", different.length > 0 ? different.join(" ") : "default"],
    ["boot parameters", boot.length > 0 ? boot.join(" ") : "none"],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(22)}${value}`).join("\n");
}
