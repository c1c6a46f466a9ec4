/**
 * The kernel's command line (ABI.md section 3): everything that varies from run to run, so that one ELF serves all
 * seeds and hart counts. QEMU gets the same text through -append.
 */
import type { Scenario, ScenarioTask } from "./schema.ts";
import { formatDuration } from "./units.ts";

/** `NAME@CPUS[*REPEAT][+DELAY]` */
function taskArgument(task: ScenarioTask): string {
  const cpus = Array.isArray(task.on) ? task.on.join(",") : String(task.on);
  const repeat = task.repeat === 1 ? "" : `*${task.repeat}`;
  const delay = task.at === 0 ? "" : `+${formatDuration(task.at)}`;
  return `${task.run}@${cpus}${repeat}${delay}`;
}

export function bootargs(scenario: Scenario): string {
  const words = [`seed=${scenario.seed}`];
  for (const [key, value] of Object.entries(scenario.boot)) words.push(`${key}=${value}`);
  for (const task of scenario.tasks) words.push(`task=${taskArgument(task)}`);
  return words.join(" ");
}
