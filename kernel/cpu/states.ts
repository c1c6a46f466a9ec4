// hotplug.chain=states: what a CPU goes through, as a list of states (Linux since 4.10), in place of the notifier chain.
//
//   OFFLINE < prepare: by the task that asked, before the CPU starts < BRINGUP_CPU
//           < starting: on the CPU, interrupts off < AP_ONLINE < online: in cpuhp/N on the CPU < ONLINE
// Up, the startup functions are called in ascending order; down, the teardown functions in descending order, so what came last goes
// first. A startup or teardown that fails is undone from there: those already called are called the other way, nearest
// first. Starting states and the way down below AP_ONLINE cannot fail.
// Blocks registered with register_cpu_notifier are told in three of the states (NOTIFY_…), as Linux 4.6 to 4.9 did.
//
// Locks: the table changes under cpu_add_remove_lock, before CPUs go through it. Lifetime: states stay.

import { BUG } from "../lib/bug.ts";
import { EBUSY, ENOSPC } from "../lib/errno.ts";
import { pr_err } from "../lib/printk.ts";
import { cpu_maps_update_begin, cpu_maps_update_done } from "./notifier.ts";

export const enum CPUHP {
  OFFLINE,
  NOTIFY_PREPARE,
  PAGE_ALLOC_DEAD,
  SOFTIRQ_DEAD,
  RCUTREE_PREP,
  SLAB_PREPARE,
  TIMERS_PREPARE,
  BP_PREPARE_DYN,
  BP_PREPARE_DYN_END = 12,
  BRINGUP_CPU,
  AP_SCHED_STARTING,
  AP_TIMERS_DYING,
  AP_NOTIFY_STARTING,
  AP_ONLINE,
  AP_NOTIFY_ONLINE,
  AP_ONLINE_DYN,
  AP_ONLINE_DYN_END = 26,
  AP_ACTIVE,
  ONLINE,
}

/** 0 or a negative errno. */
export type cpuhp_callback = (cpu: u32) => i32;

class cpuhp_step {
  /** 0: nobody has this state. */
  name: string;
  used: boolean;
  startup: cpuhp_callback | null;
  teardown: cpuhp_callback | null;
}
const cpuhp_steps = new StructArray(cpuhp_step, CPUHP.ONLINE);

/** A free state of the section that begins at `first`, CPUHP.ONLINE when there is none; any other state as it is. */
function resolve_state(state: u32): u32 {
  let last = state;
  if (state === CPUHP.BP_PREPARE_DYN) last = CPUHP.BP_PREPARE_DYN_END;
  else if (state === CPUHP.AP_ONLINE_DYN) last = CPUHP.AP_ONLINE_DYN_END;
  else return state;
  for (let free = state; free <= last; free++) if (!cpuhp_steps[free].used) return free;
  return CPUHP.ONLINE;
}

/**
 * Takes a state; CPUs that are past it already are not told. BP_PREPARE_DYN and AP_ONLINE_DYN stand for any free one of their
 * section. Returns the state, -EBUSY when it is taken, -ENOSPC when none is free.
 */
export function cpuhp_setup_state_nocalls(
  state: u32, name: string, startup: cpuhp_callback | null, teardown: cpuhp_callback | null,
): i32 {
  cpu_maps_update_begin();
  const taken = resolve_state(state);
  let result = i32(taken);
  if (taken === CPUHP.ONLINE) {
    result = -ENOSPC;
  } else if (cpuhp_steps[taken].used) {
    result = -EBUSY;
  } else {
    const step = cpuhp_steps[taken];
    step.used = true;
    step.name = name;
    step.startup = startup;
    step.teardown = teardown;
  }
  cpu_maps_update_done();
  return result;
}

function call(cpu: u32, state: u32, callback: cpuhp_callback | null): i32 {
  if (callback === null) return 0;
  const error = callback(cpu);
  if (error !== 0) pr_err("cpu: CPU%u: state %s: error %d\n", cpu, cpuhp_steps[state].name, error);
  return error;
}

/** Startup of the states above `from` up to `to`; all of them, or none and the errno. */
export function cpuhp_up_callbacks(cpu: u32, from: u32, to: u32): i32 {
  for (let state = from + 1; state <= to; state++) {
    const error = call(cpu, state, cpuhp_steps[state].startup);
    if (error === 0) continue;
    cpuhp_down_nofail(cpu, state - 1, from);
    return error;
  }
  return 0;
}

/** Teardown of the states from `from` down to above `to`; all of them, or none and the errno. */
export function cpuhp_down_callbacks(cpu: u32, from: u32, to: u32): i32 {
  for (let state = from; state > to; state--) {
    const error = call(cpu, state, cpuhp_steps[state].teardown);
    if (error === 0) continue;
    for (let undo = state + 1; undo <= from; undo++) call(cpu, undo, cpuhp_steps[undo].startup);
    return error;
  }
  return 0;
}

/** As cpuhp_up_callbacks, where nothing may fail. */
export function cpuhp_up_nofail(cpu: u32, from: u32, to: u32): void {
  for (let state = from + 1; state <= to; state++) must_not_fail(call(cpu, state, cpuhp_steps[state].startup));
}

export function cpuhp_down_nofail(cpu: u32, from: u32, to: u32): void {
  for (let state = from; state > to; state--) must_not_fail(call(cpu, state, cpuhp_steps[state].teardown));
}

function must_not_fail(error: i32): void {
  if (error !== 0) BUG("cpu: a state that cannot fail has failed: error %d", error);
}
