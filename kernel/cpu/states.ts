// What subsystems do for a CPU that is not running: prepare before it starts, clean up after it has stopped.
// Both run on another CPU, in task context, inside the hotplug lock. States run in the order of registration, and
// backwards on the way down.

import { EINVAL } from "../lib/errno.ts";
import { pr_err } from "../lib/printk.ts";

const STATES_MAX = 16;

/** 0 or a negative errno; the way down cannot fail. */
export type cpuhp_callback = (cpu: u32) => i32;

class cpuhp_step {
  name: string;
  up: cpuhp_callback | null;
  down: cpuhp_callback | null;
}
const cpuhp_steps = new StructArray(cpuhp_step, STATES_MAX);
let cpuhp_count: u32 = 0;

/** At boot, before the other CPUs start. */
export function cpuhp_setup_state(
  name: string,
  up: cpuhp_callback | null,
  down: cpuhp_callback | null,
): i32 {
  if (cpuhp_count === STATES_MAX) return -EINVAL;
  const step = cpuhp_steps[cpuhp_count];
  step.name = name;
  step.up = up;
  step.down = down;
  cpuhp_count += 1;
  return 0;
}

/** Undoes the first `count` states of a CPU. */
function undo_states(cpu: u32, count: u32): void {
  for (let n = count; n > 0; n--) {
    const down = cpuhp_steps[n - 1].down;
    if (down !== null) down(cpu);
  }
}

/** All prepared, or none and the errno. */
export function prepare_states(cpu: u32): i32 {
  for (let n: u32 = 0; n < cpuhp_count; n++) {
    const up = cpuhp_steps[n].up;
    if (up === null) continue;
    const error = up(cpu);
    if (error === 0) continue;
    pr_err("cpu: %s cannot prepare CPU%u: error %d\n", cpuhp_steps[n].name, cpu, error);
    undo_states(cpu, n);
    return error;
  }
  return 0;
}

export function dead_states(cpu: u32): void {
  undo_states(cpu, cpuhp_count);
}
