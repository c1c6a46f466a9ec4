/**
 * The kernel's command line (ABI.md section 3): everything that varies from run to run, so that one ELF serves all
 * seeds and hart counts. QEMU gets the same text through -append.
 */
import type { Scenario, ScenarioTask } from "./schema.ts";

/** What the kernel's command line holds (kernel/lib/cmdline.ts); it would drop the rest. */
export const BOOTARGS_BYTES_MAX = 4095;
const CYCLES_PER_MS = 1_000_000;

/** `NAME@CPUS[*REPEAT][+DELAY]`; the guest sleeps in whole milliseconds, so a delay is rounded up to them here. */
function taskArgument(task: ScenarioTask): string {
  const cpus = Array.isArray(task.on) ? task.on.join(",") : String(task.on);
  const repeat = task.repeat === 1 ? "" : `*${task.repeat}`;
  const delay = task.at === 0 ? "" : `+${Math.ceil(task.at / CYCLES_PER_MS)}ms`;
  return `${task.run}@${cpus}${repeat}${delay}`;
}

export function bootargs(scenario: Scenario): string {
  const words = [`seed=${scenario.seed}`];
  for (const [key, value] of Object.entries(scenario.boot)) words.push(`${key}=${value}`);
  for (const task of scenario.tasks) words.push(`task=${taskArgument(task)}`);
  return words.join(" ");
}
